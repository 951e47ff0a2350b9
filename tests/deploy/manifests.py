"""What the tests of `deploy` have in common: rendering, and what the platform really knows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from tensorfleet.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
ROLES = ("gateway", "orchestrator", "agent", "monitor", "tuner")
CLIENTS_OWN = {"TENSORFLEET_TOKEN", "TENSORFLEET_HOME", "TENSORFLEET_LOG_LEVEL", "TENSORFLEET_LOG_FORMAT"}
"""Read from the environment by processes themselves."""
AGENTS_OWN = {
    "TENSORFLEET_METRICS__TOKEN",
    "TENSORFLEET_BOOTSTRAP__AGENT",
}
"""All the secrets that an agent gets."""
MONITORING = ("prometheus", "alertmanager", "grafana")
JOINING = {f"TENSORFLEET_BOOTSTRAP__{role}" for role in ("AGENT", "GATEWAY", "TUNER")}
RANDOM = {"TENSORFLEET_TOKEN", "TENSORFLEET_METRICS__TOKEN", *JOINING}
Manifest = dict[str, Any]


def tool(name: str) -> str:
    """A program of the extra `deploy`, beside this Python."""
    path = Path(sys.executable).with_name(name)
    assert path.exists(), f"{name} is not installed; run `make setup-deploy`"
    return str(path)


def kustomize(folder: Path) -> list[Manifest]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed, and renders the overlays")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The name and the pod's spec of everything that runs."""
    for one in manifests:
        if one["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def secret_keys(container: Manifest) -> set[tuple[str, str]]:
    """What single values of secrets a container gets: the secret's name and the key."""
    found = (one.get("valueFrom", {}).get("secretKeyRef") for one in container.get("env", []))
    return {(one["name"], one["key"]) for one in found if one}


def check_trust(role: str, container: Manifest, prefix: str = "tensorfleet-") -> None:
    """Orchestrators alone can open the authority; the others have what they let themselves in with."""
    sealed = (f"{prefix}authority", "TENSORFLEET_AUTHORITY_SECRET")
    assert (sealed in secret_keys(container)) == (role == "orchestrator"), role
    whole = {one["secretRef"]["name"] for one in container.get("envFrom", []) if "secretRef" in one}
    if role == "agent":
        assert (f"{prefix}secrets", "TENSORFLEET_BOOTSTRAP__AGENT") in secret_keys(container)
        assert whole == set(), "an agent gets nobody else's secret"
    else:
        assert whole == {f"{prefix}secrets"}, role


def unknown_settings(names: Iterator[str] | list[str] | set[str]) -> list[str]:
    """Those that look like a setting and are none."""
    ours = {name for name in names if name.startswith("TENSORFLEET_")} - CLIENTS_OWN
    return sorted(name for name in ours if not _is_setting(name))


def _is_setting(name: str) -> bool:
    model: Any = Settings
    for part in name.removeprefix("TENSORFLEET_").lower().split("__"):
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        if part not in fields:
            return False
        model = fields[part].annotation
    return True


def image_roles() -> set[str]:
    """The targets of the Dockerfile."""
    text = (DEPLOY / "docker/Dockerfile").read_text()
    return set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
