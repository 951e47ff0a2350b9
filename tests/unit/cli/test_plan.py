from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.conftest import Run

from tensorfleet.cli.plan import _told
from tensorfleet.testing.gateway import FakeGateway

JOB = "name: own\nentrypoint: train.py\ncode: ./nowhere\ndataset: ./not-here.csv\nresources: {workers: 4}\n"


def test_a_plan_sends_the_job_and_nothing_else(run: Run, gateway: FakeGateway, tmp_path: Path):
    (tmp_path / "job.yaml").write_text(JOB)
    result = run("plan", "job.yaml", "--set", "resources.workers=2")
    assert result.exit_code == 0, result.output
    assert gateway.plans == [{"name": "own", "entrypoint": "train.py", "resources": {"workers": 2}}]
    assert gateway.jobs == {}
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    assert lines[0] == ["It", "would wait"]
    assert ["why", "all slots busy"] in lines
    assert "j-1 on w-1" in result.stdout
    assert ["expected", "start   now"] in lines, "the fake's instant is long over"


def test_a_plan_as_json(run: Run, tmp_path: Path):
    (tmp_path / "job.yaml").write_text(JOB)
    assert json.loads(run("plan", "job.yaml", "--json").stdout)["code"] == "no_free_slots"


def test_a_plan_that_starts_names_the_workers():
    answer = {"starts_now": True, "evidence": {"worker_ids": ["w-2", "w-2", "w-1"]}}
    assert _told(answer) == [("on", "w-2 x 2, w-1 x 1")]
