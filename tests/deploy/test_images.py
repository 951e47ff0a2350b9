"""The Dockerfile and what may get into an image."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tensorfleet.agent import processes
from tests.deploy import manifests
from tests.deploy.manifests import DEPLOY, ROOT

DOCKERFILE = DEPLOY / "docker/Dockerfile"


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("Dockerfile")), ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    done = subprocess.run([manifests.tool("hadolint"), str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_each_role_is_a_target_with_its_command() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)
    commands = {
        stage.split(" AS ")[1].split("\n")[0]: re.findall(r'^CMD \["(\w+)"', stage, re.M)
        for stage in stages[1:]
    }
    for role in manifests.ROLES:
        assert commands[role] == [role]


def test_nothing_runs_as_root() -> None:
    text = DOCKERFILE.read_text()
    for stage in ("control", "agent"):
        assert "USER 10001:10001" in text.split(f" AS {stage}\n")[1].split("\nFROM ")[0]


def test_an_agent_is_stopped_by_the_signal_that_lets_it_leave() -> None:
    found = re.findall(r"^STOPSIGNAL (\w+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert [signal.Signals[name] for name in found] == [processes.LEAVE]


def test_the_base_is_a_choice_for_all_stages() -> None:
    first = re.findall(r"^FROM (\S+) AS", DOCKERFILE.read_text(), re.MULTILINE)
    outside = [image for image in first if image not in manifests.image_roles()]
    assert set(outside) == {"${PYTHON_IMAGE}"}


def test_only_what_is_copied_reaches_the_engine() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert {name.split("/")[0] for names in copied for name in names.split()} == allowed
    assert all((ROOT / name).exists() for name in allowed)
