"""`tensorfleet tune` and `tensorfleet studies` against the in-memory gateway."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from tensorfleet.cli.trial_board import TrialBoard
from tensorfleet.errors import Conflict, NotFound, Unavailable
from tensorfleet.sdk.client import Client
from tensorfleet.testing.gateway import AT, FakeGateway

Run = Callable[..., Any]
TUNE = {
    "space": {"C": {"float": [0.1, 10]}},
    "objective": [{"metric": "accuracy", "direction": "maximize"}],
    "trials": 4,
}
FILE = """
name: wine
algorithm: svm
dataset: wine
tune:
  space: {C: {float: [0.1, 10]}}
  objective: {metric: accuracy, direction: maximize}
  trials: 4
"""


def trial(number: int, state: str = "completed", value: float | None = None) -> dict[str, Any]:
    values = None if value is None else [value]
    reason = "it broke" if state == "failed" else None
    return {"number": number, "job_id": f"j-t{number}", "state": state, "params": {"C": 0.5 * number}, "value": value,
            "values": values, "reason": reason}  # fmt: skip


def told(one: dict[str, Any]) -> dict[str, Any]:
    """The trial as the study's log tells it."""
    return {"trial": one["number"], **{key: one[key] for key in ("params", "values", "reason")}}


TRIALS = [trial(0, value=0.8), trial(1, "failed"), trial(2, value=0.9), trial(3, value=0.9)]


@pytest.fixture
def study(gateway: FakeGateway) -> dict[str, Any]:
    """One study, as the gateway answers for it."""
    job = gateway.add_job(name="wine", kind="tune", spec={"name": "wine", "tune": TUNE}, status="running")
    summary = {
        "study_id": job["job_id"], "name": "wine", "status": "running", "reason": None, "trials": 4,
        "objective": TUNE["objective"], "sampler": "tpe", "pruner": "median", "best": [TRIALS[2]],
        "counts": {"running": 0, "completed": 3, "pruned": 0, "failed": 1, "cancelled": 0},
        "model_name": "wine", "version": 2, "created_at": AT, "finished_at": None,
    }  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response | None:
        path = request.url.path.removeprefix("/api/v1")
        found: Any = {
            "/studies": {"items": [summary], "next_cursor": None},
            f"/studies/{job['job_id']}": summary,
        }
        found |= {f"/studies/{job['job_id']}/trials": {"items": TRIALS, "next_cursor": None}}
        return httpx.Response(200, json=found[path]) if path in found else None

    gateway.faults.append(answer)
    return summary


def test_tune_submits_a_study_and_prints_its_id(run: Run, gateway: FakeGateway, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(FILE)
    result = run("tune", "study.yaml", "--set", "tune.trials=7")
    assert (result.exit_code, result.stderr) == (0, "")
    spec = gateway.jobs[result.stdout.strip()]["spec"]
    assert (spec["kind"], spec["tune"]["trials"]) == ("tune", 7)


def test_the_list_has_ended_trials_and_the_best(run: Run, study: dict[str, Any]) -> None:
    result = run("studies", "list")
    assert result.stdout.splitlines()[1].split()[:5] == [study["study_id"], "wine", "running", "4/4", "0.9"]
    assert json.loads(run("studies", "list", "--json").stdout) == [study]


def test_show_ranks_the_trials(run: Run, study: dict[str, Any]) -> None:
    lines = run("studies", "show", "wine").stdout.splitlines()
    assert "3 completed, 1 failed of 4" in "\n".join(lines)
    assert "tpe, median pruner" in "\n".join(lines)
    assert "wine@2" in "\n".join(lines)
    assert [line.split()[:2] for line in lines[-4:]] == [
        ["2", "completed"], ["3", "completed"], ["0", "completed"], ["1", "failed"]
    ]  # fmt: skip
    shown = json.loads(run("studies", "show", "wine", "--json").stdout)
    assert shown["items"] == TRIALS


def test_cancel_asks_for_it(run: Run, gateway: FakeGateway, study: dict[str, Any]) -> None:
    assert run("studies", "cancel", "wine").exit_code == 0
    assert gateway.sent("POST", f"/jobs/{study['study_id']}/cancel")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_pause_and_resume_ask_for_it(
    run: Run, gateway: FakeGateway, study: dict[str, Any], verb: str
) -> None:
    result = run("studies", verb, "wine")
    assert result.stdout == f"{study['study_id']} (wine): {verb} requested\n"
    assert gateway.sent("POST", f"/jobs/{study['study_id']}/{verb}")


def taken_up(gateway: FakeGateway, study: dict[str, Any]) -> None:
    """The tuner takes the study up when it is asked to."""

    def happen(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/retry"):
            return None
        gateway.jobs[study["study_id"]].update(attempt=2, status="running")
        return httpx.Response(202, json=study)

    gateway.faults.insert(0, happen)


@pytest.mark.parametrize(("more", "sent"), [((), None), (("--trials", "7"), 7)])
def test_retry_returns_when_the_study_goes_on(
    run: Run, gateway: FakeGateway, study: dict[str, Any], more: tuple[str, ...], sent: int | None
) -> None:
    taken_up(gateway, study)
    result = run("studies", "retry", "wine", *more)
    assert (result.exit_code, result.stdout) == (0, f"{study['study_id']} (wine) goes on\n")
    (request,) = gateway.sent("POST", f"/studies/{study['study_id']}/retry")
    assert json.loads(request.content) == {"trials": sent}
    assert run("studies", "retry", "wine", "--trials", "0").exit_code == 2


def test_a_retry_that_no_tuner_takes_up_says_so(gateway: FakeGateway, study: dict[str, Any]) -> None:
    gateway.faults.insert(
        0, lambda r: httpx.Response(202, json=study) if r.url.path.endswith("/retry") else None
    )
    with (
        Client("http://gateway.test", "secret", http=gateway.transport()) as client,
        pytest.raises(Unavailable, match="no tuner has taken it up"),
    ):
        client.studies.find("wine").retry(timeout=0)


def test_a_lineage_shows_who_was_copied_from_whom(
    run: Run, gateway: FakeGateway, study: dict[str, Any]
) -> None:
    place = {"generation": 0, "member": 0, "parent": None, "copied": False, "changes": {}}
    born = [trial(n, value=0.5 + n) | place | {"member": n} for n in range(2)]
    born.append(
        trial(2, value=0.9)
        | place
        | {"generation": 1, "parent": 1, "copied": True, "changes": {"C": [0.5, 0.6]}}
    )
    born.append(trial(3, "running") | place | {"generation": 1, "member": 1, "parent": 1})

    def answer(request: httpx.Request) -> httpx.Response | None:
        ours = request.url.path.endswith("/lineage")
        return httpx.Response(200, json={"items": born, "next_cursor": None}) if ours else None

    gateway.faults.insert(0, answer)
    lines = [line.split() for line in run("studies", "lineage", "wine").stdout.splitlines()]
    assert lines[1:] == [
        ["0", "0", "0", "completed", "0.5", "C", "0"],
        ["0", "1", "1", "completed", "1.5", "C", "0.5"],
        ["1", "0", "2", "completed", "0.9", "copy", "of", "1", "C", "0.5", "->", "0.6"],
        ["1", "1", "3", "running"],
    ]
    assert json.loads(run("studies", "lineage", "wine", "--json").stdout) == born


def test_the_jobs_of_a_study(run: Run, gateway: FakeGateway, study: dict[str, Any]) -> None:
    assert run("jobs", "list", "--study", "wine").exit_code == 0
    assert gateway.requests[-1].url.params["study"] == study["study_id"]


def test_a_job_is_no_study(run: Run, gateway: FakeGateway) -> None:
    gateway.add_job(name="digits")
    result = run("studies", "show", "digits")
    assert result.exit_code == 1
    assert "is no study; its kind is train" in result.stderr


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1)])
def test_followed_trials_are_a_line_each(
    run: Run, gateway: FakeGateway, tmp_path: Path, status: str, code: int
) -> None:
    (tmp_path / "study.yaml").write_text(FILE)

    def happen(request: httpx.Request) -> None:
        if request.url.path.endswith("/stream"):
            ((job_id, job),) = gateway.jobs.items()
            for one in TRIALS:
                gateway.add_event(job_id, f"trial.{one['state']}", **told(one))
            job.update({"status": status, "reason": "none completed", "finished_at": AT})

    gateway.faults.append(happen)
    result = run(
        "tune", "study.yaml", "--follow", "--set", "tune.objective=[{metric: accuracy, direction: maximize}]"
    )
    assert result.exit_code == code
    assert result.stdout.splitlines()[1:] == [
        "trial 0  completed  accuracy 0.8  C 0  best 0.8 (trial 0)",
        "trial 1  failed  C 0.5  best 0.8 (trial 0)  it broke",
        "trial 2  completed  accuracy 0.9  C 1  best 0.9 (trial 2)",
        "trial 3  completed  accuracy 0.9  C 1.5  best 0.9 (trial 2)",
    ]
    assert ("The study failed: none completed" in result.stderr) == (status == "failed")


def test_the_table_has_the_best_on_top(gateway: FakeGateway, study: dict[str, Any]) -> None:
    with Client("http://gateway.test", "secret", http=gateway.transport()) as client:
        board = TrialBoard(client.studies.get(study["study_id"]))
        for one in TRIALS:
            gateway.add_event(study["study_id"], f"trial.{one['state']}", **told(one))
        for event in client.studies.get(study["study_id"]).events():
            board.take(event)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(board.table())
    lines = [line.split() for line in console.export_text().splitlines()]
    assert lines[0] == ["wine:", "4", "of", "4", "trials"]
    assert [line[:3] for line in lines[2:]] == [
        ["2", "completed", "0.9"], ["3", "completed", "0.9"], ["0", "completed", "0.8"]
    ]  # fmt: skip


def test_the_best_of_a_study(gateway: FakeGateway, study: dict[str, Any]) -> None:
    with Client("http://gateway.test", "secret", http=gateway.transport()) as client:
        found = client.studies.find("wine")
        assert found.best == TRIALS[2]
        study["best"] = []
        with pytest.raises(NotFound, match="no trial of study"):
            assert found.best
        study["objective"] = [*TUNE["objective"], {"metric": "cost", "direction": "minimize"}]
        with pytest.raises(Conflict, match="several objectives"):
            assert found.best
