"""The Terraform examples, as far as that goes without Terraform: they parse, and refer only to what they have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.deploy import manifests
from tests.deploy.manifests import DEPLOY

CLOUDS = sorted(path for path in (DEPLOY / "terraform").iterdir() if path.is_dir())


def blocks(folder: Path, kind: str) -> list[dict[str, Any]]:
    files = [hcl2.loads(path.read_text()) for path in sorted(folder.glob("*.tf"))]
    return [block for file in files for block in file.get(kind, [])]


def names(found: list[dict[str, Any]]) -> set[str]:
    return {next(iter(block)).strip('"') for block in found}


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda path: path.name)
def test_references_exist(cloud: Path) -> None:
    text = "\n".join(path.read_text() for path in cloud.glob("*.tf"))
    assert set(re.findall(r"\bvar\.(\w+)", text)) == names(blocks(cloud, "variable"))
    resources = {
        (kind.strip('"'), name.strip('"'))
        for block in blocks(cloud, "resource")
        for kind, named in block.items()
        for name in named
    }
    used = set(re.findall(r"\b((?:aws|google|azurerm|random)_\w+)\.(\w+)\.", text))
    assert used
    assert used <= resources


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda path: path.name)
def test_outputs_are_what_the_platform_is_given(cloud: Path) -> None:
    outputs = names(blocks(cloud, "output"))
    assert "TENSORFLEET_DATABASE_URL" in outputs
    assert manifests.unknown_settings(outputs) == []


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda path: path.name)
def test_passwords_are_random_and_providers_pinned(cloud: Path) -> None:
    text = (cloud / "main.tf").read_text()
    assert set(re.findall(r"password\s+= (\S+)", text)) == {"random_password.database.result"}
    providers = re.findall(r'source = "[^"]+", version = "([^"]+)"', text)
    assert len(providers) == 2
    assert all(version.startswith("~> ") for version in providers)
