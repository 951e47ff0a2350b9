"""Charts of a real job that reports fast, while the monitor that rolls it up is killed again and again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tensorfleet.errors import NotFound
from tensorfleet.sdk.jobs import Job
from tests.integration.api import open_api
from tests.integration.platform import Platform, wait_until
from tests.integration.scripts import submitting

STEPS = 45_000
PEAKS = {12_345: 500.0, 43_210: -500.0}
FAST = f"""\
from tensorfleet import train

PEAKS = {PEAKS}
for step in range(1, {STEPS} + 1):
    train.report(step=step, loss=PEAKS.get(step, step % 97))
wide = {{f"layer/{{number}}": float(number) for number in range(12_000)}}
train.report(step={STEPS} + 1, **wide)
"""
SHORT = """\
from tensorfleet import train

for step in range(1, 11):
    train.report(step=step, loss=-step)
"""


@pytest.fixture(scope="module")
def ran(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Job, Job]]:
    """One job that reports fast, and a small one."""
    with submitting(platform, tmp_path_factory.mktemp("series")) as submit:
        jobs = [submit(text, name=name) for name, text in (("fast", FAST), ("short", SHORT))]
        kill_monitors(platform, jobs[0])
        for job in jobs:
            job.wait(90)
        yield jobs[0], jobs[1]


def kill_monitors(platform: Platform, job: Job) -> None:
    """Whatever it is just writing, while the job reports."""
    wait_until(lambda: job.metrics(points=1), "the first points", 60)
    for _ in range(2):
        platform.kill("monitor")


@pytest.fixture
def api(platform: Platform) -> Iterator[httpx.Client]:
    with open_api(platform) as opened:
        yield opened


def segments(platform: Platform, job_id: str) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(platform.home / "tensorfleet.db", timeout=20)) as database:
        query = "SELECT after, upto FROM metric_segments WHERE job_id = ? ORDER BY after"
        return list(database.execute(query, (job_id,)))


def get(api: httpx.Client, path: str, **params: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1{path}", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_every_point_is_there_and_the_chart_has_its_peaks(
    ran: tuple[Job, Job], platform: Platform, api: httpx.Client
) -> None:
    job, _ = ran
    found = wait_until(lambda: segments(platform, job.id), "the first segment")
    assert isinstance(found, list)
    assert [after for after, _ in found] == [0, *(upto for _, upto in found[:-1])]
    whole = job.metrics(names=["loss"])["loss"]
    assert [point.step for point in whole] == list(range(1, STEPS + 1))
    assert {point.step: point.value for point in whole if point.step in PEAKS} == PEAKS
    drawn = job.metrics(points=300, names=["loss"])["loss"]
    assert 200 < len(drawn) <= 300
    assert PEAKS.items() <= {point.step: point.value for point in drawn}.items()
    near = job.metrics(points=300, names=["loss"], steps=(12_300, 12_400))["loss"]
    assert [point.step for point in near] == list(range(12_300, 12_401))
    assert len(get(api, f"/jobs/{job.id}/metrics", points=300)["items"]) == 12_001
    assert (
        get(api, f"/jobs/{job.id}/metrics", name="layer/11999")["items"][0]["points"][0]["value"] == 11_999.0
    )


def test_what_is_new_comes_by_position(ran: tuple[Job, Job], api: httpx.Client) -> None:
    _, short = ran
    whole = get(api, f"/jobs/{short.id}/metrics")
    assert get(api, f"/jobs/{short.id}/metrics", since=whole["position"]) == {
        "items": [], "next_cursor": None, "position": whole["position"],
    }  # fmt: skip
    again = get(api, f"/jobs/{short.id}/metrics", since=1)
    assert again["items"] == whole["items"]


def test_summaries_and_several_jobs(ran: tuple[Job, Job], platform: Platform, api: httpx.Client) -> None:
    fast, short = ran
    summaries = fast.metric_summaries()
    assert len(summaries) == 12_001
    loss = summaries["loss"]
    assert (loss.count, loss.min, loss.max, loss.step) == (STEPS, -500.0, 500.0, STEPS)
    both = platform.client.jobs.metrics([fast.id, short.id], ["loss", "layer/7", "none"], points=50)
    assert [set(courses) for courses in both.values()] == [{"loss", "layer/7"}, {"loss"}]
    assert [point.value for point in both[short.id]["loss"]] == [-float(step) for step in range(1, 11)]
    with pytest.raises(NotFound, match="no job 'j-0'"):
        platform.client.jobs.metrics([fast.id, "j-0"], ["loss"])
    for wrong in ("", "?job_id=j-0", f"?name=loss&{'&'.join(['job_id=x'] * 21)}"):
        assert api.get(f"/api/v1/metrics{wrong}").status_code == 422
    assert api.get(f"/api/v1/jobs/{fast.id}/metrics?from_step=5&to_step=4").status_code == 422


def test_a_job_of_another_workspace_is_not_found(ran: tuple[Job, Job], api: httpx.Client) -> None:
    fast, _ = ran
    api.post("/api/v1/users", json={"name": "series-reader", "service": True}).raise_for_status()
    api.post("/api/v1/workspaces", json={"name": "series-elsewhere"}).raise_for_status()
    role = {"role": "viewer"}
    api.put("/api/v1/workspaces/series-elsewhere/members/series-reader", json=role).raise_for_status()
    key = (
        api.post("/api/v1/keys", json={"name": "k", "user": "series-reader"}).raise_for_status().json()["key"]
    )
    with httpx.Client(
        base_url=api.base_url, headers={"Authorization": f"Bearer {key}"}, trust_env=False
    ) as other:
        for path in (f"/metrics?job_id={fast.id}&name=loss", f"/jobs/{fast.id}/metrics/summary"):
            assert other.get(f"/api/v1{path}").status_code == 404


def test_on_the_command_line(ran: tuple[Job, Job], platform: Platform) -> None:
    fast, _ = ran

    show = ("jobs", "metrics", fast.id, "--name", "loss")
    assert "45,000" in platform.cli(*show).stdout
    assert len(json.loads(platform.cli(*show, "--json", "--points", "40").stdout)["loss"]) <= 40
