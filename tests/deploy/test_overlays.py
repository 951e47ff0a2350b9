"""The overlays of Kubernetes: they render, are valid, and name only what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from tensorfleet.settings import load_settings
from tests.deploy import manifests
from tests.deploy.manifests import DEPLOY, Manifest

OVERLAYS = sorted(path.name for path in (DEPLOY / "k8s/overlays").iterdir())
NEWEST = tuple(map(int, kubernetes_validate.latest_version().split(".")[:2]))
VERSIONS = [f"{NEWEST[0]}.{NEWEST[1] - back}" for back in range(3)]
PATHS = {
    "gateway": ("/health", "/health/live", "/health/ready"),
    "orchestrator": ("/health/live", "/health/ready"),
}


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> list[Manifest]:
    return manifests.kustomize(DEPLOY / "k8s/overlays" / request.param)


def by(overlay: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in overlay if one["kind"] == kind}


@pytest.mark.parametrize("version", VERSIONS)
def test_all_manifests_are_valid(overlay: list[Manifest], version: str) -> None:
    for one in overlay:
        kubernetes_validate.validate(one, version, strict=True)


def test_a_wrong_type_is_found() -> None:
    wrong = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"ports": [{"port": "a"}]},
    }
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_replicas(overlay: list[Manifest]) -> None:
    assert by(overlay, "Deployment")["gateway"]["spec"]["replicas"] == 3
    assert by(overlay, "StatefulSet")["orchestrator"]["spec"]["replicas"] == 2


def test_the_settings_are_real(
    overlay: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = by(overlay, "ConfigMap")["tensorfleet-config"]["data"]
    assert manifests.unknown_settings(config) == []
    for name, value in config.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(home=tmp_path)
    replicas = by(overlay, "StatefulSet")["orchestrator"]["spec"]["replicas"]
    assert settings.orchestrator.split(",") == [
        f"orchestrator-{n}.orchestrator:50051" for n in range(replicas)
    ]
    assert (settings.secured, settings.authority) == (True, "orchestrator:50061")
    names = {env["name"] for _, pod in manifests.pods(overlay) for env in pod["containers"][0].get("env", [])}
    assert manifests.unknown_settings(names) == []


def test_an_invented_setting_is_found() -> None:
    assert manifests.unknown_settings(["TENSORFLEET_METRICS__AGENTS", "TENSORFLEET_PORT"]) == [
        "TENSORFLEET_METRICS__AGENTS"
    ]


def test_no_pod_has_more_rights_than_it_needs(overlay: list[Manifest]) -> None:
    for name, pod in manifests.pods(overlay):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name


def test_each_service_stays_under_four_gigabytes(overlay: list[Manifest]) -> None:
    units = {"Mi": 1024**2, "Gi": 1024**3}
    for name, pod in manifests.pods(overlay):
        for container in pod["containers"]:
            text = container["resources"]["limits"]["memory"]
            assert int(text[:-2]) * units[text[-2:]] < 4e9, name


def test_ports_and_probes_exist(overlay: list[Manifest]) -> None:
    for name, pod in manifests.pods(overlay):
        for container in pod["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                _check_probe(name, container.get(probe, {}), ports)


def _check_probe(name: str, probe: dict[str, Any], ports: dict[str, int]) -> None:
    for how in ("httpGet", "tcpSocket"):
        if how in probe:
            assert probe[how]["port"] in ports, name
    assert "grpc" not in probe, f"{name}: gRPC wants a certificate, which probes have not"
    if name in PATHS and probe:
        assert probe["httpGet"]["path"] in PATHS[name]


def test_commands_exist_and_ports_are_the_settings(overlay: list[Manifest]) -> None:
    config = by(overlay, "ConfigMap")["tensorfleet-config"]["data"]
    for name, pod in manifests.pods(overlay):
        if name not in manifests.ROLES:
            continue
        container = pod["containers"][0]
        assert container["args"][0] == name
        assert container["image"].split(":")[0].endswith(f"tensorfleet/{name}")
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        if "metrics" in ports:
            assert config[f"TENSORFLEET_METRICS__{name.upper()}"] == str(ports["metrics"])


def test_every_selector_meets_a_pod(overlay: list[Manifest]) -> None:
    labels = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in overlay
        if one["kind"] in ("Deployment", "StatefulSet")
    ]
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        for name, one in by(overlay, kind).items():
            spec = one["spec"]
            selector = spec["selector"] if kind == "Service" else spec.get("selector") or spec["podSelector"]
            wanted = selector if kind == "Service" else selector.get("matchLabels", {})
            assert any(wanted.items() <= each.items() for each in labels), f"{kind} {name}"


def test_services_lead_to_ports_that_there_are(overlay: list[Manifest]) -> None:
    ports = {name: pod["containers"][0].get("ports", []) for name, pod in manifests.pods(overlay)}
    ports["gateway-metrics"] = ports["gateway"]
    for name, service in by(overlay, "Service").items():
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in {one["name"] for one in ports[name]}, name


def test_agents_do_not_know_the_database(overlay: list[Manifest]) -> None:
    container = dict(manifests.pods(overlay))["agent"]["containers"][0]
    assert all("secretRef" not in source for source in container["envFrom"])
    keys = {env["valueFrom"]["secretKeyRef"]["key"] for env in container["env"]}
    assert keys == manifests.AGENTS_OWN


def test_only_orchestrators_can_open_the_authority(overlay: list[Manifest]) -> None:
    for name, pod in manifests.pods(overlay):
        if name in manifests.ROLES:
            manifests.check_trust(name, pod["containers"][0])


def test_who_joins_reaches_the_authority_and_nobody_else_does(overlay: list[Manifest]) -> None:
    rule = by(overlay, "NetworkPolicy")["orchestrator"]["spec"]["ingress"][0]
    assert rule["ports"] == [{"port": 50051}, {"port": 50061}]
    (source,) = rule["from"]
    (chosen,) = source["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == {"gateway", "agent", "tuner"}
    service = by(overlay, "Service")["orchestrator"]["spec"]
    assert service["clusterIP"] == "None", "its name stands for all of them"
    assert service["publishNotReadyAddresses"] is True


def test_no_secret_is_in_the_manifests(overlay: list[Manifest]) -> None:
    assert by(overlay, "Secret") == {}
