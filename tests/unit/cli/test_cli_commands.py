"""The commands against the in-memory gateway, with their output in a pipe."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import typer

from tensorfleet.cli.submit import parse_setting
from tensorfleet.testing.gateway import AT, FakeGateway

Run = Callable[..., object]


def test_submit_prints_the_id_and_nothing_else(run: Run, gateway: FakeGateway, tmp_path: Path):
    (tmp_path / "job.yaml").write_text("name: wine\nhyperparameters: {epochs: 9, rate: 1}\n")
    result = run("submit", "job.yaml", "--set", "hyperparameters.epochs=5", "--set", "resources.workers=2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split() == list(gateway.jobs)
    spec = gateway.jobs[result.stdout.strip()]["spec"]
    assert spec["hyperparameters"] == {"epochs": 5, "rate": 1}
    assert spec["resources"] == {"workers": 2}


@pytest.mark.parametrize("text", ["epochs", "=5", "a..b=1", ".a=1", "a=[1"])
def test_set_that_cannot_be_read_is_a_usage_error(run: Run, tmp_path: Path, text: str):
    with pytest.raises(typer.BadParameter):
        parse_setting(text)
    (tmp_path / "job.yaml").write_text("name: wine\n")
    assert run("submit", "job.yaml", "--set", text).exit_code == 2


def test_value_of_set_may_hold_equals_signs():
    assert parse_setting("labels.rule=a=b") == ("labels.rule", "a=b")


def test_refused_job_is_one_sentence_on_stderr(run: Run, tmp_path: Path):
    (tmp_path / "job.yaml").write_text("name: wine\ncolour: red\n")
    result = run("submit", "job.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: colour: there is no such field (job.yaml, line 2)\n"


def submit_and_follow(run: Run, gateway: FakeGateway, tmp_path: Path, *options: str, **job: object):
    (tmp_path / "job.yaml").write_text("name: digits\n")

    def happen(request: httpx.Request) -> None:
        if request.url.path.endswith("/stream"):
            ((job_id, found),) = gateway.jobs.items()
            gateway.add_event(job_id, "job.started", attempt=1, workers=2)
            gateway.add_event(job_id, "log", attempt=1, rank=1, offset=0, text="epoch 1\nepoch")
            gateway.add_event(
                job_id, "metrics", attempt=1, rank=0, points=[{"step": 1, "values": {"loss": 0.25}}]
            )
            gateway.add_event(job_id, "log", attempt=1, rank=1, offset=13, text=" 2\n")
            found.update({"workers": 2, "status": "completed", "started_at": AT, "finished_at": AT} | job)

    gateway.faults.append(happen)
    return run("submit", "job.yaml", "--follow", *options)


def test_follow_in_a_pipe_is_one_plain_line_per_change(run: Run, gateway: FakeGateway, tmp_path: Path):
    result = submit_and_follow(run, gateway, tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        next(iter(gateway.jobs)),
        "digits  running on 2 workers",
        "digits  1 | epoch 1",
        "digits  step 1  loss 0.25",
        "digits  1 | epoch 2",
        "digits  completed in 0 ms",
    ]
    assert "\x1b" not in result.output


def test_follow_of_a_job_that_fails_exits_with_1(run: Run, gateway: FakeGateway, tmp_path: Path):
    result = submit_and_follow(run, gateway, tmp_path, status="failed", reason="out of memory")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "digits  failed after 0 ms: out of memory"
    assert "tensorfleet jobs why j-" in result.stderr


def test_follow_with_json_keeps_stdout_for_the_job(run: Run, gateway: FakeGateway, tmp_path: Path):
    result = submit_and_follow(run, gateway, tmp_path, "--json")
    assert json.loads(result.stdout)["status"] == "completed"
    assert "digits  step 1" in result.stderr


@pytest.mark.parametrize(
    "ref", ["j-0000000000000001", "forest", "j-00000000000000010"[:18], "j-000000000000000"]
)
def test_job_may_be_an_id_a_name_or_a_prefix(run: Run, gateway: FakeGateway, ref: str):
    gateway.add_job(name="forest")
    assert json.loads(run("jobs", "show", ref, "--json").stdout)["job_id"] == "j-0000000000000001"


def test_name_means_the_latest_job_of_it(run: Run, gateway: FakeGateway):
    gateway.add_job(name="wine", status="completed")
    gateway.add_job(name="wine", status="running")
    assert "running" in run("jobs", "show", "wine").stdout


def test_unknown_and_ambiguous_jobs(run: Run, gateway: FakeGateway):
    gateway.add_job(name="digits")
    gateway.add_job(name="wine")
    unknown = run("jobs", "show", "digit")
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "Error: there is no job 'digit'; did you mean 'digits'?\n",
    )
    assert "begins 2 job ids" in run("jobs", "cancel", "j-").stderr


@pytest.mark.parametrize(
    ("verb", "status"), [("cancel", "cancelled"), ("pause", "paused"), ("retry", "queued")]
)
def test_steering(run: Run, gateway: FakeGateway, verb: str, status: str):
    job = gateway.add_job()
    result = run("jobs", verb, job["job_id"])
    assert (result.exit_code, job["status"]) == (0, status)
    assert f"{verb} requested" in result.stdout


def test_list_in_a_pipe_cuts_nothing_off(run: Run, gateway: FakeGateway):
    name = "a-name-that-is-much-longer-than-any-terminal-" * 4
    gateway.add_job(name=name, status="running", metrics={"loss": 0.123456, "accuracy": 0.5})
    lines = run("jobs", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "STATUS", "DONE", "METRICS", "TOOK", "SUBMITTED"]
    assert name in lines[1]
    assert "loss 0.1235  accuracy 0.5" in lines[1]


def test_empty_list_speaks_on_stderr(run: Run):
    result = run("jobs", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "tensorfleet submit job.yaml" in result.stderr
    assert run("jobs", "list", "--json").stdout == "[]\n"


def test_names_of_others_cannot_steer_the_terminal(run: Run, gateway: FakeGateway):
    gateway.add_job(name="evil\x1b[2J\r[red]x")
    assert "evil [2J [red]x" in run("jobs", "list").stdout


def test_logs_events_metrics_and_why(run: Run, gateway: FakeGateway):
    job_id = gateway.add_job(status="completed")["job_id"]
    for text in ("a\nb", "b\n", "c\n"):
        gateway.add_event(job_id, "log", attempt=1, rank=0, offset=0, text=text)
    points = [{"step": step, "value": 1 / (1 + step), "at": AT} for step in range(40)]
    gateway.metrics[job_id] = [{"name": "loss", "points": points}]
    assert run("jobs", "logs", job_id).stdout == "a\nbb\nc\n"
    assert run("jobs", "logs", job_id, "-f").stdout == "a\nbb\nc\n"
    lines = run("jobs", "logs", job_id, "--json").stdout.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["a", "bb", "c"]
    assert len(run("jobs", "events", job_id).stdout.splitlines()) == 3
    assert "█" in run("jobs", "metrics", job_id).stdout
    assert len(json.loads(run("jobs", "metrics", job_id, "--json").stdout)["loss"]) == 40
    assert "did you mean 'loss'?" in run("jobs", "metrics", job_id, "--name", "los").stderr
    assert "all slots busy" in run("jobs", "why", job_id).stdout


def test_dataset_is_added_shown_and_downloaded(run: Run, gateway: FakeGateway, tmp_path: Path):
    (tmp_path / "sales.csv").write_text("a,b\n1,2\n")
    added = run("datasets", "add", "sales.csv", "--target", "b")
    assert added.stdout == "sales@1  2 rows, 0 columns, target b\n"
    assert json.loads(run("datasets", "show", "sales", "--json").stdout)["version"] == 1
    assert run("datasets", "download", "sales@1", "--to", "copy.csv").stdout == "copy.csv\n"
    assert (tmp_path / "copy.csv").read_text() == "a,b\n1,2\n"
    assert run("datasets", "show", "sales@x").exit_code == 2


def test_status_counts(run: Run, gateway: FakeGateway):
    gateway.add_job(status="running")
    gateway.workers = [{"worker_id": "w-1", "name": "one", "state": "online", "slots": 2, "busy": 1}]
    text = run("status").stdout
    assert "1 worker online, 1 of 2 slots busy" in text
    assert "1 running, 0 queued" in text
    assert json.loads(run("status", "--json").stdout)["jobs"]["running"] == 1
    assert "1/2" in run("workers", "list").stdout


def test_status_shows_the_part_that_is_away(run: Run, gateway: FakeGateway):
    gateway.health = {"status": "degraded", "parts": {"database": {"status": "away", "detail": "disk full"}}}
    assert "database  away: disk full" in run("status").stdout
    assert json.loads(run("doctor", "--json").stdout)[-1]["state"] == "fix"


@pytest.mark.parametrize("command", [["status"], ["jobs", "list"], ["workers", "list"], ["models", "list"]])
def test_server_that_is_away_is_one_sentence(run: Run, gateway: FakeGateway, command: list[str]):
    gateway.fault("GET", ".", httpx.ConnectError("refused"), times=100)
    result = run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: TensorFleet cannot be reached at http://gateway.test")
    assert result.stderr.count("\n") == 1


def test_doctor_names_what_to_mend(run: Run, tmp_path: Path):
    (tmp_path / "home").mkdir(mode=0o755)
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert checks["home"]["state"] == "fix"
    assert "chmod 700" in checks["home"]["remedy"]
    assert checks["server"]["state"] == "ok"
    (tmp_path / "home").chmod(0o700)
    assert json.loads(run("doctor", "--json").stdout)[3]["state"] == "ok"


def test_usage_errors_exit_with_2(run: Run):
    assert run("jobs", "show").exit_code == 2
    assert run("jobs", "list", "--limit", "0").exit_code == 2
    assert run("nonsense").exit_code == 2


def test_version(run: Run):
    assert run("--version").stdout.startswith("tensorfleet ")


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from tensorfleet.cli.main import app; heavy = {'httpx', 'pydantic', 'fastapi', "
        "'sqlalchemy', 'numpy', 'torch', 'mlflow', 'grpc', 'yaml'} & set(sys.modules); print(sorted(heavy))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout == "[]\n"


def test_several_jobs_are_cancelled_by_what_they_have_in_common(run: Run, gateway: FakeGateway):
    for number in range(4):
        gateway.add_job(name="sweep" if number else "other")
    result = run("jobs", "cancel-all", "--name", "sweep")
    assert (result.exit_code, result.stdout.count(": cancel requested\n")) == (0, 3)
    assert run("jobs", "cancel-all", "--name", "none").stdout.startswith("There is no such job")
    assert "say which" in run("jobs", "cancel-all").stderr
