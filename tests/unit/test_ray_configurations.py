"""The ready-made configurations in deploy/ray: Ray's own check for its launcher's, names that meet for KubeRay's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tensorfleet.settings import load_settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "ray"
RAY = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["aws", "gcp", "azure"])
def test_ray_takes_the_configuration(name: str) -> None:
    from ray.autoscaler._private.util import fillout_defaults, validate_config

    config = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    assert config["provider"]["type"] == name
    validate_config(fillout_defaults(config))
    assert config["head_node_type"] in config["available_node_types"]
    assert sum(kind.get("min_workers", 0) for kind in config["available_node_types"].values()) == 0
    started = re.sub(r"\$\([^)]*\)", "10.0.0.1", " ".join(config["head_start_ray_commands"]))
    assert_settings(dict(re.findall(r"(TENSORFLEET_\w+)=('[^']*'|\S+)", started)))
    assert RAY is not None
    assert f":{RAY[1]}-" in config["docker"]["image"]


def assert_settings(env: dict[str, str]) -> None:
    """All names are settings that there are."""
    fields: dict[str, Any] = {}
    for name, value in env.items():
        first, _, second = name.removeprefix("TENSORFLEET_").lower().partition("__")
        fields[first] = {second: value} if second else value
    load_settings(**{"home": Path("/nowhere")} | fields)


def test_what_kuberay_is_given_hangs_together() -> None:
    cluster, service, deployment = yaml.safe_load_all((FOLDER / "kuberay.yaml").read_text())
    assert RAY is not None
    assert cluster["spec"]["rayVersion"] == RAY[1]
    assert f":{RAY[1]}-" in (FOLDER / "Dockerfile").read_text()
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    pods = [group["template"]["spec"] for group in groups] + [deployment["spec"]["template"]["spec"]]
    images = {container["image"] for pod in pods for container in pod["containers"]}
    assert len(images) == 1, "Ray wants the same version everywhere"
    for pod in pods:
        volumes = {volume["name"] for volume in pod.get("volumes", ())}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
            assert container["resources"]["requests"]

    (orchestrator,) = pods[-1]["containers"]
    env = {one["name"]: one for one in orchestrator["env"]}
    secret = env["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]
    assert secret == {"name": cluster["metadata"]["name"], "key": "auth_token"}, (
        "the one that the operator makes"
    )
    assert f"{cluster['metadata']['name']}-head-svc:6379" in orchestrator["command"][-1]
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    host, _, port = env["TENSORFLEET_ORCHESTRATOR_ADDRESS"]["value"].partition(":")
    assert (host, int(port)) == (service["metadata"]["name"], service["spec"]["ports"][0]["port"])
    assert_settings({name: one["value"] for name, one in env.items() if name.startswith("TENSORFLEET_")})
