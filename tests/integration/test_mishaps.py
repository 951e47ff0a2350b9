"""What own code may do wrong, and odd data on several workers, through the whole platform: one sentence, and others live on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.errors import JobFailed
from tests.integration.api import open_api
from tests.integration.platform import Platform
from tests.integration.scripts import Submit, submitting

QUICK = {
    "xgboost": {"n_estimators": 3},
    "lightgbm": {"n_estimators": 3, "min_child_samples": 1},
    "mlp": {"hidden": [8], "epochs": 2},
}


@pytest.fixture
def submit(platform: Platform, tmp_path: Path) -> Iterator[Submit]:
    with submitting(platform, tmp_path, name="mishap") as found:
        yield found


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(0)", "exited with code 0 before it was done"),
        ("import os; os._exit(7)", "exited with code 7"),
        ("raise SystemExit(5)", "exited with code 5"),
        ("from tensorfleet import train; train.save({'a': lambda: 1})", "which a checkpoint cannot hold"),
        ("from tensorfleet import train; train.report(loss=object())", "report numbers"),
        ("import os; os.fork() or os._exit(0); raise ValueError('two of us')", "ValueError: two of us"),
        ("raise OSError(28, 'No space left on device')", "No space left on device"),
    ],
)
def test_it_fails_once_with_a_sentence(code: str, words: str, submit: Submit) -> None:
    job = submit(code)
    with pytest.raises(JobFailed) as caught:
        job.wait(60)
    error = job.data["error"]
    assert words in str(caught.value)
    assert (error["class"], job.data["attempt"]) == ("user_error", 1), "the same code would fail again"
    assert "\n" not in error["message"]


def test_what_is_no_text_is_shown_all_the_same(submit: Submit) -> None:
    job = submit("import sys; sys.stdout.buffer.write(bytes(range(256)) * 20 + b'\\nthe end\\n')").wait(60)
    lines = [line.text for line in job.logs()]
    assert "the end" in lines
    assert any("\ufffd" in line for line in lines)


def test_one_that_prints_without_end_holds_nobody_up(platform: Platform, submit: Submit) -> None:
    printer = submit("line = 'y' * 1023\nwhile True:\n    print(line)")
    with open_api(platform) as api:
        path = f"/api/v1/jobs/{printer.id}/logs?limit=1"
        deadline = time.monotonic() + 30
        while not api.get(path).json()["items"]:
            assert time.monotonic() < deadline, "the printer's first lines"
        began = time.monotonic()
        quick = platform.client.submit({"name": "quick", "algorithm": "knn", "dataset": "iris"}).wait(60)
        assert time.monotonic() - began < 20
        assert quick.data["metrics"]["accuracy"] > 0.8
        assert printer.refresh().status == "running"
        printer.cancel()


@pytest.mark.parametrize("algorithm", QUICK)
def test_one_class_in_each_shard(algorithm: str, platform: Platform) -> None:
    rows = "x,day,target\n" + "".join(f"{n * 7 % 11},{n},{n % 2}\n" for n in range(120))
    with open_api(platform) as api:
        answer = api.post("/api/v1/datasets/alternating/versions?format=csv", content=rows)
        assert answer.status_code in (200, 201), answer.text
    spec = {"name": "shards", "algorithm": algorithm, "dataset": "alternating", "resources": {"workers": 2}}
    split = {"by": "time", "column": "day"}
    job = platform.client.submit({**spec, "split": split, "hyperparameters": QUICK[algorithm]}).wait(90)
    assert job.data["metrics"]["accuracy"] >= 0
