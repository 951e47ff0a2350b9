"""What a running platform says of itself: jobs that ended well and not, an API that was away for a moment, and who is told."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tensorfleet.errors import InvalidInput, JobFailed
from tensorfleet.testing.inbox import Inbox, inbox
from tests.integration.platform import Platform, running_platform, wait_until

JOB = {
    "name": "promised", "algorithm": "naive_bayes", "dataset": "iris", "resources": {"workers": 1},
}  # fmt: skip
DOOMED = JOB | {"name": "doomed", "target_column": "sepal_length_cm"}


def test_the_report_says_what_happened_and_people_are_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with inbox() as hook:
        settings = {
            "notify": [{"name": "own", "type": "webhook", "url": f"{hook.url}/own"}],
            "outgoing": {"allow": ["127.0.0.0/8"]},
            "sla": {"every_s": 0.5, "submission_p95_s": 0.0001, "queue_wait_p95_s": 30},
            "prices": {"cpu_hour": 1000},
            "budgets": {"default": {"monthly": 0.001, "stop": False}},
        }
        (home / "tensorfleet.yaml").write_text(yaml.safe_dump(settings))
        with running_platform(home, workers=1) as platform:
            jobs_end(platform)
            away_for_a_moment(platform)
            the_same_everywhere(platform)
            people_are_told(platform, hook)


def jobs_end(platform: Platform) -> None:
    platform.client.submit(JOB).wait(60)
    with pytest.raises(JobFailed):
        platform.client.submit(DOOMED).wait(60)
    found = platform.client.sla()
    assert found["jobs"]["failed_by_class"].keys() <= {"user_error", "data"}
    assert (found["jobs"]["submitted"], found["jobs"]["completed"], found["jobs"]["failed"]) == (2, 1, 1)
    assert (found["jobs"]["success"], found["jobs"]["platform_success"]) == (0.5, 1.0)
    assert found["jobs"]["wait"]["count"] == found["jobs"]["assignment"]["count"] == 2
    assert 0 < found["jobs"]["wait"]["p95_s"] < 30
    reached = {one["name"]: one for one in found["objectives"]}
    assert reached["job_success"]["met"] is True
    assert reached["queue_wait"] == {**reached["queue_wait"], "good": 2, "total": 2, "met": True}


def away_for_a_moment(platform: Platform) -> None:
    api = wait_until(lambda: known(platform)["up_s"] > 1 and known(platform), "the API is asked")
    assert isinstance(api, dict)
    assert api["down_s"] == 0
    gateway = platform.process("gateway")
    gateway.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: probed_in_vain(platform), "the orchestrator finds that it does not answer")
    finally:
        gateway.send_signal(signal.SIGCONT)
    after = wait_until(lambda: known(platform)["up_s"] > api["up_s"] + 1 and known(platform), "it is back")
    assert isinstance(after, dict)
    assert 4 < after["down_s"] < 30
    assert after["availability"] == pytest.approx(after["up_s"] / (after["up_s"] + after["down_s"]), abs=1e-4)
    availability = platform.client.sla()["objectives"][0]
    assert 0 < availability["budget_left"] < 1, "a few seconds of the month's budget"
    assert availability["burn"]["5m"] > 1


def known(platform: Platform) -> dict[str, Any]:
    return dict(platform.client.sla()["api"])


def probed_in_vain(platform: Platform) -> bool:
    """Asked of the database: the gateway cannot say it now."""
    import sqlite3

    with sqlite3.connect(f"file:{platform.home / 'tensorfleet.db'}?mode=ro", uri=True) as connection:
        found = connection.execute("SELECT count(*) FROM sla_uptime WHERE NOT up").fetchone()
    connection.close()
    return bool(found[0])


def the_same_everywhere(platform: Platform) -> None:
    headers = {"Authorization": f"Bearer {(platform.home / 'token').read_text().strip()}"}
    with httpx.Client(base_url=platform.client.url, headers=headers, trust_env=False) as web:
        for _ in range(10):
            assert web.post("/api/v1/jobs", json={"name": "nothing"}).status_code == 422
        text = web.get("/api/v1/sla", params={"format": "csv", "workspace": "default"})
        assert text.headers["content-type"].startswith("text/csv")
        (row,) = csv.DictReader(io.StringIO(text.text))
        assert (row["workspace"], row["jobs.submitted"], row["jobs.success"]) == ("default", "2", "0.5")
        refused = web.get("/api/v1/sla", params={"month": "2026-99"})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
        assert web.get("/api/v1/sla", params={"format": "xml"}).status_code == 422
        wait_until(lambda: "tensorfleet_slo_burn_rate" in web.get("/metrics").text, "burn rates are shown")
        shown = web.get("/metrics").text
    assert 'tensorfleet_slo_target_ratio{objective="availability",workspace=""} 0.995' in shown
    assert 'tensorfleet_slo_burn_rate{objective="job_success",window="month",workspace=""} 0.0' in shown
    with pytest.raises(InvalidInput, match="is not a month"):
        platform.client.sla(month="now")
    printed = platform.cli("sla").stdout
    assert "availability" in printed
    assert "2 submitted, 1 completed, 1 failed" in printed
    assert (
        json.loads(platform.cli("sla", "--workspace", "default", "--json").stdout)["workspace"] == "default"
    )
    wrong = platform.cli("sla", "--month", "2026-00", check=False)
    assert (wrong.returncode, wrong.stderr) == (1, "Error: '2026-00' is not a month; write it like 2026-11\n")


def people_are_told(platform: Platform, hook: Inbox) -> None:
    breached = event_of(hook, "sla.breached")
    assert breached["objective"] == "submission"
    assert "submissions answered within 0.0001 s" in breached["text"]
    spent = event_of(hook, "budget.spent")
    assert spent["workspace"] == "default"
    assert "has spent" in spent["text"]
    found = [one["kind"] for posted in hook.posted for one in posted.json["events"]]
    assert found.count("sla.breached") == found.count("budget.spent") == 1


def event_of(hook: Inbox, kind: str) -> dict[str, Any]:
    posted = hook.wait(lambda one: any(event["kind"] == kind for event in one.json["events"]))
    return next(dict(event) for event in posted.json["events"] if event["kind"] == kind)
