"""`tensorfleet jobs waterfall` and `jobs profile`: drawn to scale, and nothing of it steers the terminal."""

import gzip
import hashlib
import json

import pytest

TRACE = gzip.compress(b'{"traceEvents": []}')
SHA256 = hashlib.sha256(TRACE).hexdigest()


def rank(number, *stages, **more):
    shown, start = [], 0.0
    for name, seconds in stages:
        shown.append({"name": name, "start_s": start, "seconds": seconds})
        start += seconds
    figures = {"rows_per_second": 12345.6, "steps_per_second": 9.87}
    return {"rank": number, "worker_id": "w-1", "seconds": start, "stages": shown, **figures, **more}


def attempt(number, *ranks):
    return {"attempt": number, "outcome": "completed", "seconds": 10.0, "ranks": list(ranks)}


def profile(**more):
    phases = [{"name": "data", "ms": 30.0, "share": 0.75}, {"name": "forward", "ms": 10.0, "share": 0.25}]
    operators = [{"name": "aten::mm\x1b[31m", "ms": 7.5, "calls": 40}]
    trace = {"bytes": len(TRACE), "sha256": SHA256, "steps": 5}
    ranks = [
        {"rank": 0, "ms": 40.0, "phases": phases, "operators": operators, "trace": trace, "note": None},
        {"rank": 1, "ms": 20.0, "phases": phases[1:], "operators": [], "trace": None, "note": "no trace"},
    ]
    found = {"attempt": 2, "unit": "step", "sentence": "75% of a step waits", "ms": 30.0}
    return found | {"phases": phases, "ranks": ranks} | more


@pytest.fixture
def job(gateway):
    job_id = gateway.add_job(name="digits")["job_id"]
    ranks = [rank(0, ("queued", 5.0), ("training", 5.0)), rank(1, ("queued", 5.0), ("tr\x1b[31maining", 2.0))]
    gateway.waterfalls[job_id] = [attempt(1, rank(0, ("queued", 1.0))), attempt(2, *ranks)]
    gateway.profiles[job_id] = profile()
    gateway.traces[job_id] = TRACE
    return job_id


def test_stages_are_drawn_to_scale(run, job):
    done = run("jobs", "waterfall", "digits")
    lines = done.stdout.splitlines()
    assert lines[0] == f"digits  {job}  attempt 2 of 2: completed"
    assert lines[1] == "rank 0 on w-1  10.0 s  12,346 rows/s  9.9 steps/s"
    queued, training = lines[2], lines[3]
    assert queued.count("█") == training.count("█") > 30
    assert training.index("█") == queued.rindex("█") + 1
    assert "\x1b" not in done.stdout
    assert len(run("jobs", "waterfall", "digits", "--rank", "1").stdout.splitlines()) == 4
    assert "attempt 1 of 2" in run("jobs", "waterfall", "digits", "--attempt", "1").stdout
    assert json.loads(run("jobs", "waterfall", "digits", "--json").stdout)["attempts"][1]["attempt"] == 2


def test_what_there_is_not(run, job, gateway):
    assert "has no attempt 7" in run("jobs", "waterfall", "digits", "--attempt", "7").stderr
    assert "has no rank 9 in attempt 2" in run("jobs", "waterfall", "digits", "--rank", "9").stderr
    waiting = gateway.add_job(name="waiting")["job_id"]
    gateway.waterfalls[waiting] = []
    assert "has not started yet" in run("jobs", "waterfall", "waiting").stderr
    done = run("jobs", "profile", "waiting")
    assert done.exit_code == 1
    assert "was not profiled" in done.stderr


def test_the_profile_and_its_trace(run, job, tmp_path):
    done = run("jobs", "profile", "digits", "--save", tmp_path / "t.json.gz")
    assert (tmp_path / "t.json.gz").read_bytes() == TRACE
    assert "75% of a step waits" in done.stdout
    assert ["data", "75.0%", "30.000", "30.000", "0.000"] in [
        line.split() for line in done.stdout.splitlines()
    ]
    assert "aten::mm" in done.stdout
    assert "\x1b" not in done.stdout
    assert "rank 1: no trace" in done.stderr
    other = run("jobs", "profile", "digits", "--rank", "1", "--save", tmp_path / "1.json.gz")
    assert other.exit_code == 1
    assert "no trace of rank 1; there is one of rank 0" in other.stderr


def test_throughput_is_shown_of_ended_and_of_running_jobs(run, gateway):
    gateway.add_job(name="ended", throughput={"rows_per_second": 50.0}, metrics={"rows_per_second": 9.0})
    gateway.add_job(name="running", metrics={"loss": 0.1, "steps_per_second": 7.0})
    assert "throughput  50.0 rows/s\n" in run("jobs", "show", "ended").stdout
    assert "throughput  7.0 steps/s\n" in run("jobs", "show", "running").stdout
