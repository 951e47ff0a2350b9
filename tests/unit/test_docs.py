"""What the documents say is so: job files parse, commands and links exist, tables are whole, figures are the measured ones."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from pydantic import BaseModel

from tensorfleet.cli.main import app
from tensorfleet.jobs.model_policy import ModelPolicy
from tensorfleet.jobs.schemas import (
    CheckpointPolicy,
    EvaluationPolicy,
    HangPolicy,
    JobSpec,
    ProfilePolicy,
    Resources,
    SplitPolicy,
    parse_spec,
)
from tensorfleet.settings import Settings
from tensorfleet.training.registry import ALGORITHMS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?<![\w./-])tensorfleet((?: +[^\s`]+)+)")
TIMES = {
    "bare fork, fit on iris": "fork",
    "TensorFleet, the same job": "ours",
    "`python script.py`, the same fit": "python script.py",
    "Ray job submission": "Ray job submission (SDK)",
    "bare fork of two, gloo and DDP": "fork x2",
    "TensorFleet, two ranks": "ours x2",
    "`torchrun`, two ranks": "torchrun",
    "Ray Train, two workers": "Ray Train",
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def job_blocks() -> Iterator[Any]:
    for page in PAGES:
        blocks = [text for language, text in FENCE.findall(page.read_text()) if language == "yaml"]
        for number, text in enumerate(blocks, start=1):
            yield pytest.param(text, id=f"{named(page)}-{number}")


def as_uploaded(text: str) -> dict[str, Any]:
    """The job as the server gets it: the client has put a digest in the place of a path to code."""
    job: dict[str, Any] = yaml.safe_load(text)
    if isinstance(job.get("code"), str):
        job["code"] = {"digest": "0" * 64}
    return job


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_examples_are_jobs(path: Path) -> None:
    spec = parse_spec(as_uploaded(path.read_text()))

    written = yaml.safe_load(path.read_text())
    if spec.entrypoint is not None:
        assert (path.parent / written["code"] / spec.entrypoint).is_file()


@pytest.mark.parametrize("text", list(job_blocks()))
def test_job_files_in_the_pages_are_jobs(text: str) -> None:
    parse_spec(as_uploaded(text))


def code_of(page: Path) -> Iterator[str]:
    """What stands in blocks without a language (shell and its output), and in backticks; table rows as a whole."""
    text = page.read_text()
    for language, block in FENCE.findall(text):
        if not language:
            yield from block.splitlines()
    for line in FENCE.sub("", text).splitlines():
        if line.startswith("| `tensorfleet"):
            yield line.replace("`", "")
        else:
            yield from re.findall(r"`([^`]+)`", line)


def wrong_command(words: list[str]) -> str | None:
    """What does not exist in `tensorfleet WORDS`, or None."""
    command: Any = typer.main.get_command(app)
    rest = iter(words)
    for word in rest:
        if word.startswith("-") or not hasattr(command, "commands"):
            break
        if word not in command.commands:
            return None if word.isupper() else word
        command = command.commands[word]
    options = {text for parameter in command.params for text in parameter.opts} | {"-h", "--help"}
    used = [word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)]
    return next((word for word in used if word not in options), None)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_exist(page: Path) -> None:
    for line in code_of(page):
        for call in CALL.findall(line):
            words = re.split(r" #| &&| \||[,;)]|\. ", call)[0].split()
            if line.startswith("| "):  # a table row: options stand in its second column
                words += re.findall(r"(?<= )--[a-z-]+", line)
            assert wrong_command(words) is None, f"{line.strip()}: there is no {wrong_command(words)}"


def test_a_wrong_command_is_found() -> None:
    assert wrong_command(["jobs", "lst"]) == "lst"
    assert wrong_command(["submit", "job.yaml", "--folow"]) == "--folow"
    assert wrong_command(["submit", "job.yaml", "--set", "a=1", "--follow"]) is None


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_relative_links_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), f"{named(page)} links to {target}"


def rows_below(heading: str) -> set[str]:
    """The names in the first column of the table below a heading of the job file's page."""
    text = (ROOT / "docs" / "job-file.md").read_text()
    part = re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("Fields", JobSpec),
        ("`resources`", Resources),
        ("`checkpoint`", CheckpointPolicy),
        ("`hang`", HangPolicy),
        ("`split`", SplitPolicy),
        ("`evaluation`", EvaluationPolicy),
        ("`model`", ModelPolicy),
        ("`profile`", ProfilePolicy),
    ],
)
def test_the_job_files_page_has_every_field(heading: str, model: type[BaseModel]) -> None:
    assert rows_below(heading) == set(model.model_fields)


def test_the_job_files_page_has_every_algorithm_with_its_defaults() -> None:
    assert rows_below("Built-in algorithms") == set(ALGORITHMS)
    page = (ROOT / "docs" / "job-file.md").read_text()
    for name, algorithm in ALGORITHMS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        for field, default in algorithm.params().model_dump().items():
            written = default if isinstance(default, str) else json.dumps(default)
            assert f"`{field}: {written}`" in row


def test_the_page_on_operations_has_every_setting() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    part = page.partition("## Settings")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == set(Settings.model_fields)


def test_the_readmes_times_are_the_measured_ones() -> None:
    measured = json.loads((ROOT / "benchmarks/results/job_start.json").read_text())["seconds"]
    written = re.findall(r"^\| (.+?) \| (\d+) \|$", README.read_text(), re.MULTILINE)
    assert [label for label, _ in written] == list(TIMES)
    for label, milliseconds in written:
        assert int(milliseconds) == round(statistics.median(measured[TIMES[label]]) * 1000), label


def test_the_readmes_sizes_are_the_measured_ones() -> None:
    measured = json.loads((ROOT / "benchmarks/results/idle.json").read_text())
    sizes = [measured["all_mb"], measured["pss_mb"]["agent's warm template"], measured["control_plane_mb"]]
    written = re.findall(r"(\d+) MB", README.read_text().partition("Idle with two")[2])
    assert [int(size) for size in written] == [round(size) for size in sizes]
