"""deploy.sh and build-images.sh, with kubectl, docker and minikube that write down how they were called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy import manifests
from tests.deploy.manifests import DEPLOY

IMAGES = ("gateway", "orchestrator", "agent", "monitor", "tuner", "mlflow")
RECORDER = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >>"$CALLS"
for argument in "$@"; do
  case $argument in --from-env-file=*) cp "${argument#*=}" "$CALLS.env" ;; esac
done
case "$*" in
  *"get secret tensorfleet-secrets"*) printf '%s' "${SECRET-}"; exit "${SECRET_RC:-0}" ;;
  *"get deployments,statefulsets"*) printf 'deployment.apps/gateway\\nstatefulset.apps/orchestrator\\n' ;;
  *"image inspect"*) printf '%s\\n' "${DIGEST-}" ;;
esac
[[ -z ${FAILS-} || "$*" != *"$FAILS"* ]]
"""


class Machine:
    """A PATH with recording programs, and what was called on it."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._calls = folder / "calls"
        for name in ("kubectl", "docker", "minikube"):
            (self._bin / name).write_text(RECORDER)
            (self._bin / name).chmod(0o755)

    def run(self, script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self._bin}:/usr/bin:/bin", "CALLS": str(self._calls), **env}
        command = ["bash", str(DEPLOY / script), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def remove(self, name: str) -> None:
        (self._bin / name).unlink()

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    @property
    def secret(self) -> str:
        return Path(f"{self._calls}.env").read_text()

    def index(self, part: str) -> int:
        return next(number for number, call in enumerate(self.calls) if part in call)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_shellcheck_finds_nothing() -> None:
    scripts = sorted(map(str, DEPLOY.rglob("*.sh")))
    assert len(scripts) >= 4
    done = subprocess.run(
        [manifests.tool("shellcheck"), *scripts], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert all(os.access(script, os.X_OK) for script in scripts)


def test_the_first_deployment_makes_secrets_before_it_applies(machine: Machine) -> None:
    done = machine.run("deploy.sh")
    assert done.returncode == 0, done.stderr
    stores, secret = (
        machine.index("create secret generic tensorfleet-store-secrets"),
        machine.index("generic tensorfleet-secrets"),
    )
    applied = machine.index(f"apply --kustomize {DEPLOY}/k8s/overlays/minikube")
    sealed = machine.index("create secret generic tensorfleet-authority")
    assert (
        machine.index("apply --filename")
        < stores
        < sealed
        < secret
        < applied
        < machine.index("rollout status")
    )
    assert "TENSORFLEET_DATABASE_URL=postgresql://tensorfleet:" in machine.secret
    assert not any("docker" in call or "minikube image" in call for call in machine.calls)
    made = machine.calls[secret].split("--from-env-file=")[1]
    assert not Path(made).exists(), "secrets were left on the disk"


def test_a_second_deployment_keeps_the_secrets(machine: Machine) -> None:
    assert machine.run("deploy.sh", SECRET="secret/tensorfleet-secrets").returncode == 0
    assert not any("create secret" in call or "delete secret" in call for call in machine.calls)


def test_a_cluster_that_does_not_answer_gets_nothing(machine: Machine) -> None:
    done = machine.run("deploy.sh", SECRET_RC="1")
    assert done.returncode != 0
    assert not any("create secret" in call or "--kustomize" in call for call in machine.calls)


def test_no_wait(machine: Machine) -> None:
    assert machine.run("deploy.sh", "--no-wait").returncode == 0
    assert not any("rollout" in call for call in machine.calls)


def test_it_fails_when_a_rollout_does(machine: Machine) -> None:
    assert machine.run("deploy.sh", FAILS="rollout status statefulset").returncode != 0


def test_build_and_load(machine: Machine) -> None:
    assert machine.run("deploy.sh", "--build-images", "--load-minikube", "--no-wait").returncode == 0
    builds = [call for call in machine.calls if call.startswith("docker build")]
    assert len(builds) == len(IMAGES)
    assert machine.calls.count("minikube image load tensorfleet/agent:dev") == 1
    assert machine.index("minikube image load") < machine.index("--kustomize")


def test_load_alone(machine: Machine) -> None:
    assert machine.run("deploy.sh", "--load-minikube", "--no-wait").returncode == 0
    assert [call.split("/")[-1] for call in machine.calls if call.startswith("minikube")] == [
        f"{n}:dev" for n in IMAGES
    ]


def test_production_wants_its_database(machine: Machine) -> None:
    done = machine.run("deploy.sh", "--overlay", "production")
    assert done.returncode != 0
    assert "TENSORFLEET_DATABASE_URL" in done.stderr
    assert not any("--kustomize" in call for call in machine.calls)
    url = "postgresql://u:p@db.example.org/n"
    done = machine.run("deploy.sh", "--overlay", "production", "--no-wait", TENSORFLEET_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert f"TENSORFLEET_DATABASE_URL={url}\n" in machine.secret
    assert not any(url in call for call in machine.calls), "a password in a command line"


@pytest.mark.parametrize(
    "arguments", [("--overlay", "../.."), ("--overlay", "none"), ("--nowait",), ("--overlay",)]
)
def test_wrong_arguments_do_nothing(machine: Machine, arguments: tuple[str, ...]) -> None:
    done = machine.run("deploy.sh", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("deploy.sh: ")
    assert machine.calls == []


def test_build_images_builds_every_role(machine: Machine) -> None:
    done = machine.run("build-images.sh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"tensorfleet/{name}:dev" for name in IMAGES]
    assert [call.split("--target ")[1].split()[0] for call in machine.calls] == list(IMAGES)
    assert set(IMAGES) <= manifests.image_roles()


def test_push_pins_the_base_by_its_digest(machine: Machine) -> None:
    digest = "docker.io/library/python@sha256:" + "a" * 64
    done = machine.run(
        "build-images.sh", "--push", "--registry", "r.example.org/t", "--tag", "1", "agent", DIGEST=digest
    )
    assert done.returncode == 0, done.stderr
    assert f"--build-arg PYTHON_IMAGE={digest} " in machine.calls[2]
    assert machine.calls[3] == "docker push r.example.org/t/agent:1"
    assert len(machine.calls) == 4


def test_push_refuses_a_base_without_digest(machine: Machine) -> None:
    done = machine.run("build-images.sh", "--push")
    assert done.returncode == 1
    assert "no digest" in done.stderr
    assert not any("build" in call or "push" in call for call in machine.calls)


def test_arguments_are_passed_on(machine: Machine) -> None:
    assert machine.run("build-images.sh", "tuner", "--", "--build-arg", "UV_FIND_LINKS=/a b").returncode == 0
    assert "--build-arg UV_FIND_LINKS=/a b" in machine.calls[0]


@pytest.mark.parametrize("arguments", [("--tag",), ("worker",), ("--pull",)])
def test_build_images_refuses(machine: Machine, arguments: tuple[str, ...]) -> None:
    assert machine.run("build-images.sh", *arguments).returncode == 2
    assert machine.calls == []


def test_what_is_missing_is_said_first(machine: Machine) -> None:
    machine.remove("minikube")
    done = machine.run("build-images.sh", "--load")
    assert "minikube is not installed" in done.stderr
    assert machine.calls == []
