"""Prometheus finds every replica of every role: in containers, in both overlays, and in the chart."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tensorfleet.testing import prometheus
from tests.deploy import manifests
from tests.deploy.manifests import DEPLOY, Manifest
from tests.deploy.test_chart import WANTED, render

MONITORING = DEPLOY / "monitoring"
DASHBOARDS = sorted(path.name for path in (MONITORING / "grafana/dashboards").glob("*.json"))


def overlay(name: str) -> Callable[[], list[Manifest]]:
    return lambda: manifests.kustomize(DEPLOY / "k8s/overlays" / name)


CLUSTERS = {
    "minikube": (overlay("minikube"), ""),
    "production": (overlay("production"), ""),
    "chart": (lambda: render(WANTED), "fleet-"),
}


class Cluster:
    """What Kubernetes would make of manifests, as far as names and mounts go."""

    def __init__(self, rendered: list[Manifest], prefix: str) -> None:
        self.rendered = rendered
        self.prefix = prefix
        self.pods = dict(manifests.pods(rendered))
        self.labels = {
            one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
            for one in rendered
            if one["kind"] in ("Deployment", "StatefulSet")
        }

    def all(self, kind: str) -> dict[str, Manifest]:
        return {one["metadata"]["name"]: one for one in self.rendered if one["kind"] == kind}

    def mounted(self, pod: str) -> dict[str, str]:
        """The files that a pod's container sees, by path."""
        spec = self.pods[f"{self.prefix}{pod}"]
        volumes = {volume["name"]: self._files(volume) for volume in spec["volumes"]}
        return {
            f"{mount['mountPath']}/{name}": text
            for mount in spec["containers"][0]["volumeMounts"]
            for name, text in volumes.get(mount["name"], {}).items()
        }

    def _files(self, volume: Manifest) -> dict[str, str]:
        sources = volume.get("projected", {}).get("sources", [volume])
        found: dict[str, str] = {}
        for source in sources:
            if "configMap" in source:
                data = self.all("ConfigMap")[source["configMap"]["name"]]["data"]
                items = source["configMap"].get("items", [{"key": key, "path": key} for key in data])
                found |= {item["path"]: data[item["key"]] for item in items}
            for item in source.get("secret", {}).get("items", []):
                found[item["path"]] = "a secret"
        return found

    def config(self) -> dict[str, Any]:
        return dict(yaml.safe_load(self.mounted("prometheus")["/etc/prometheus/prometheus.yml"]))

    def may_reach(self, pod: str, port: int, caller: dict[str, str]) -> bool:
        """Whether the network policies let a pod with the labels of `caller` in."""
        policies = [
            one["spec"]
            for one in self.all("NetworkPolicy").values()
            if _matches(one["spec"]["podSelector"], self.labels[pod])
        ]
        rules = [rule for policy in policies for rule in policy.get("ingress") or []]
        return not policies or any(_lets_in(rule, port, caller) for rule in rules)


def _matches(selector: Manifest, labels: dict[str, str]) -> bool:
    for one in selector.get("matchExpressions", []):
        value = labels.get(one["key"])
        if value is None or (one["operator"] == "In" and value not in one["values"]):
            return False
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _lets_in(rule: Manifest, port: int, caller: dict[str, str]) -> bool:
    ports = rule.get("ports")
    open_ = ports is None or any(one["port"] <= port <= one.get("endPort", one["port"]) for one in ports)
    sources = [one["podSelector"] for one in rule.get("from", []) if "podSelector" in one]
    return open_ and ("from" not in rule or any(_matches(one, caller) for one in sources))


@pytest.fixture(scope="module", params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    make, prefix = CLUSTERS[request.param]
    return Cluster(make(), prefix)


def test_every_replica_of_every_role_is_a_target(cluster: Cluster) -> None:
    jobs = {job["job_name"]: job for job in cluster.config()["scrape_configs"]}
    assert set(jobs) == set(manifests.ROLES)
    prometheus_labels = cluster.labels[f"{cluster.prefix}prometheus"]
    for role, job in jobs.items():
        (found,) = job["dns_sd_configs"]
        (name,) = found["names"]
        service = cluster.all("Service")[name]["spec"]
        assert service["clusterIP"] == "None", f"{name} would be one address for all of them"
        assert service["publishNotReadyAddresses"] is True, "one that does not answer is to be seen"
        pod = f"{cluster.prefix}{role}"
        chosen = [
            one for one, labels in cluster.labels.items() if service["selector"].items() <= labels.items()
        ]
        assert chosen == [pod]
        ports = {one["containerPort"] for one in cluster.pods[pod]["containers"][0]["ports"]}
        assert found["port"] in ports, role
        assert cluster.may_reach(pod, found["port"], prometheus_labels), role
        if role != "gateway":
            assert not cluster.may_reach(pod, found["port"], {"app": "stranger"}), role
            config = next(
                one["data"] for name, one in cluster.all("ConfigMap").items() if name.endswith("-config")
            )
            assert config[f"TENSORFLEET_METRICS__{role.upper()}"] == str(found["port"])


def test_the_files_are_the_ones_of_the_folder(cluster: Cluster) -> None:
    files = cluster.mounted("prometheus")
    for path in (MONITORING / "rules").glob("*.yml"):
        assert files[f"/etc/prometheus/rules/{path.name}"] == path.read_text()
    shown = cluster.mounted("grafana")
    for name in DASHBOARDS:
        text = shown[f"/etc/tensorfleet/dashboards/{name}"]
        assert json.loads(text) == json.loads((MONITORING / "grafana/dashboards" / name).read_text())
    alerts = cluster.mounted("alertmanager")["/etc/alertmanager/alertmanager.yml"]
    assert alerts == (MONITORING / "alertmanager.yml").read_text()


def test_promtool_and_amtool_would_start_them(cluster: Cluster, tmp_path: Path) -> None:
    try:
        program = prometheus.program("promtool")
    except prometheus.NotToBeHad as why:
        pytest.fail(str(why))
    for path, text in cluster.mounted("prometheus").items():
        here = tmp_path / path.removeprefix("/etc/prometheus/")
        here.parent.mkdir(exist_ok=True)
        here.write_text(text.replace("/etc/prometheus/", f"{tmp_path}/"))
    done = subprocess.run(
        [program, "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rules found") == len(list((MONITORING / "rules").glob("*.yml"))), done.stdout


def test_they_find_each_other(cluster: Cluster) -> None:
    alerting = cluster.config()["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    grafana = [text for path, text in cluster.mounted("grafana").items() if "/datasources/" in path]
    sources = yaml.safe_load(grafana[0])["datasources"]
    services = cluster.all("Service")
    for caller, pod, address in (
        ("prometheus", "alertmanager", alerting[0]),
        ("grafana", "prometheus", sources[0]["url"].removeprefix("http://")),
    ):
        name, _, port = address.partition(":")
        assert services[name]["spec"]["ports"][0]["port"] == int(port)
        assert cluster.may_reach(
            f"{cluster.prefix}{pod}", int(port), cluster.labels[f"{cluster.prefix}{caller}"]
        )
        assert not cluster.may_reach(f"{cluster.prefix}{pod}", int(port), {"app": "stranger"})
    assert not cluster.may_reach(f"{cluster.prefix}grafana", 3000, {"app": "stranger"})


def test_prometheus_has_the_token_and_no_rights(cluster: Cluster) -> None:
    assert cluster.mounted("prometheus")["/etc/prometheus/tensorfleet-token"] == "a secret"
    for job in cluster.config()["scrape_configs"]:
        assert job["authorization"]["credentials_file"] == "/etc/prometheus/tensorfleet-token"
    assert cluster.all("ClusterRole") == cluster.all("Role") == {}
    for name in ("prometheus", "alertmanager", "grafana"):
        pod = cluster.pods[f"{cluster.prefix}{name}"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_chart_without_it_and_with_alerts_of_ones_own() -> None:
    rendered = Cluster(render(WANTED | {"monitoring": {"enabled": False}}), "fleet-")
    assert set(rendered.pods) == {f"fleet-{role}" for role in manifests.ROLES}
    own = Cluster(render(WANTED | {"monitoring": {"alertmanager": "route: {receiver: me}\n"}}), "fleet-")
    assert own.mounted("alertmanager") == {"/etc/alertmanager/alertmanager.yml": "route: {receiver: me}\n"}


def test_compose_has_the_same_names() -> None:
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    names = set(compose["services"])
    for service in compose["services"].values():
        if isinstance(service.get("networks"), dict):
            names |= {alias for one in service["networks"].values() for alias in one["aliases"]}
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    for job in config["scrape_configs"]:
        assert set(job["dns_sd_configs"][0]["names"]) <= names
        port = str(job["dns_sd_configs"][0]["port"])
        if job["job_name"] != "gateway":
            assert compose["x-settings"][f"TENSORFLEET_METRICS__{job['job_name'].upper()}"] == port
