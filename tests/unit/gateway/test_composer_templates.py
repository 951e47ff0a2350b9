"""The job files that the web page offers to begin with are held to the rules of the server."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
import yaml

from tensorfleet.composition import FleetInputs
from tensorfleet.jobs.schemas import parse_spec

FOLDER = Path(__file__).resolve().parents[3] / "web/src/features/composer/templates"
TEMPLATES = sorted(FOLDER.glob("*.yaml"))
SAMPLES = ("iris", "wine", "breast_cancer", "digits", "diabetes")


def test_there_are_templates() -> None:
    assert len(TEMPLATES) == 7


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_is_a_job_that_the_server_takes(path: Path) -> None:
    body = yaml.safe_load(path.read_text())
    if "code" in body:
        body["code"] = {"digest": "0" * 64}
    spec = parse_spec(body)
    inputs = FleetInputs(Mock(), Mock(), Mock())
    assert list(inputs.check_algorithm(spec)) == []
    assert spec.entrypoint or spec.dataset in SAMPLES
