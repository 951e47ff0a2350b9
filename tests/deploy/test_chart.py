"""The Helm chart: linted, rendered, and the same in kind as the overlays."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tensorfleet.settings import load_settings
from tests.deploy import manifests
from tests.deploy.manifests import Manifest
from tests.deploy.test_overlays import VERSIONS

WANTED = {"database": {"url": "postgresql://u:p@h/n"}, "objectStore": {"url": "s3://bucket/prefix"}}
ALL = WANTED | {
    "agent": {"autoscaling": {"enabled": True}, "nodeSelector": {"pool": "gpu"}},
    "ingress": {"enabled": True, "host": "ml.example.org", "tlsSecret": "tls"},
    "redis": {"url": "redis://h:6379/0"},
    "orchestrator": {"replicas": 3},
    "config": {"TENSORFLEET_POLICY": "affinity"},
}


def helm(what: str, values: dict[str, Any]) -> Any:
    script = Path(__file__).with_name("chart.py")
    done = subprocess.run(
        [sys.executable, str(script), what],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def render(values: dict[str, Any]) -> list[Manifest]:
    files = helm("render", values)
    assert "error" not in files, files
    texts = [text for name, text in files.items() if name.endswith(".yaml")]
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


def test_lint_has_nothing_to_say() -> None:
    report = helm("lint", WANTED)
    worse = [message for message in report["messages"] if message["severity"] > 1]
    assert (worse, report["errors"]) == ([], [])


@pytest.mark.parametrize("values", [WANTED, ALL], ids=["least", "all"])
def test_what_it_renders_is_valid(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rendered = render(values)
    for one in rendered:
        for version in VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)
    assert {name for name, _ in manifests.pods(rendered)} == {
        f"fleet-{name}" for name in (*manifests.ROLES, *manifests.MONITORING)
    }
    config = next(one["data"] for one in rendered if one["metadata"]["name"] == "fleet-config")
    assert manifests.unknown_settings(config) == []
    for name, value in config.items():
        monkeypatch.setenv(name, value)
    count = values.get("orchestrator", {}).get("replicas", 2)
    settings = load_settings(home=tmp_path)
    assert len(settings.orchestrator.split(",")) == count
    assert (settings.secured, settings.authority) == (True, "fleet-orchestrator:50061")
    for name, pod in manifests.pods(rendered):
        container = pod["containers"][0]
        role = name.removeprefix("fleet-")
        assert role in manifests.MONITORING or container["args"][0] == role
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["securityContext"]["runAsNonRoot"] is True


def test_the_token_is_random_and_agents_have_no_database() -> None:
    tokens = set()
    for _ in range(2):
        rendered = render(WANTED)
        secrets = {one["metadata"]["name"]: one["data"] for one in rendered if one["kind"] == "Secret"}
        secret = secrets["fleet-secrets"]
        random = {name: value for name, value in secret.items() if name in manifests.RANDOM}
        assert set(random) == manifests.RANDOM
        tokens |= {base64.b64decode(one) for one in (*random.values(), *secrets["fleet-authority"].values())}
        assert base64.b64decode(secret["TENSORFLEET_DATABASE_URL"]) == b"postgresql://u:p@h/n"
        agent = dict(manifests.pods(rendered))["fleet-agent"]["containers"][0]
        assert all("secretRef" not in source for source in agent["envFrom"])
    assert len(tokens) == 12, "all are random, each time"


def test_only_orchestrators_can_open_the_authority() -> None:
    for name, pod in manifests.pods(render(WANTED)):
        if name.removeprefix("fleet-") in manifests.ROLES:
            manifests.check_trust(name.removeprefix("fleet-"), pod["containers"][0], "fleet-")


def test_a_secret_of_ones_own() -> None:
    rendered = render(
        WANTED | {"existingSecret": "mine", "existingAuthoritySecret": "sealed", "database": {"url": ""}}
    )
    assert [one["metadata"]["name"] for one in rendered if one["kind"] == "Secret"] == ["fleet-grafana"]
    orchestrator = dict(manifests.pods(rendered))["fleet-orchestrator"]["containers"][0]
    assert manifests.secret_keys(orchestrator) == {("sealed", "TENSORFLEET_AUTHORITY_SECRET")}
    gateway = dict(manifests.pods(rendered))["fleet-gateway"]["containers"][0]
    assert {"secretRef": {"name": "mine"}} in gateway["envFrom"]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"objectStore": {"url": "s3://b"}}, "database.url"),
        (WANTED | {"gateway": {"replicas": 0}}, "replicas"),
        (WANTED | {"gatway": {}}, "gatway"),
        (WANTED | {"database": {"url": "mysql://h"}}, "url"),
        (WANTED | {"agent": {"slots": "2"}}, "slots"),
        (WANTED | {"config": {"PATH": "/x"}}, "PATH"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], word: str) -> None:
    assert word in helm("render", values)["error"]
