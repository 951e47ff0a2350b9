"""What the API answers about studies, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from study_bench import STUDY, Bench, value_of

from tensorfleet.errors import Conflict, NotFound
from tensorfleet.jobs.model import JobStatus
from tensorfleet.tuner.importance import compute, importance
from tensorfleet.tuning.endpoints import build_router
from tensorfleet.tuning.service import StudyService


@pytest.fixture
def computed() -> list[int]:
    """How many trials each computation of importance was given."""
    return []


@pytest.fixture
async def client(bench: Bench, computed: list[int]) -> AsyncIterator[httpx.AsyncClient]:
    def weights(tune: dict[str, Any], trials: list[dict[str, Any]]) -> dict[str, float]:
        computed.append(len(trials))
        return {"C": 0.25, "kernel": 0.75}

    bench.submit_study(trials=4, parallel=2, seed=1)
    app = FastAPI()
    app.include_router(build_router(StudyService(bench, bench.store, weights)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened:
        yield opened


async def test_a_study_that_has_just_begun(client: httpx.AsyncClient) -> None:
    (found,) = (await client.get("/studies")).json()["items"]
    assert (found["study_id"], found["status"], found["trials"], found["best"]) == (STUDY, "running", 4, [])
    assert set(found["counts"].values()) == {0}
    assert (await client.get(f"/studies/{STUDY}/trials")).json() == {"items": [], "next_cursor": None}
    assert (await client.get(f"/studies/{STUDY}/history")).json()["items"] == []
    with pytest.raises(Conflict, match="has 0 completed trials; importance needs 3"):
        await client.get(f"/studies/{STUDY}/importance")


async def test_trials_and_plots(client: httpx.AsyncClient, bench: Bench, computed: list[int]) -> None:
    bench.once()
    first, second = bench.open_jobs()
    bench.end(second, accuracy=value_of(second))
    bench.once()
    bench.end(first, JobStatus.FAILED)
    bench.play()

    trials = (await client.get(f"/jobs/{STUDY}/trials")).json()["items"]
    assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
    assert [trial["state"] for trial in trials] == ["failed", "completed", "completed", "completed"]
    assert (trials[0]["value"], trials[0]["reason"]) == (None, "it broke")
    history = (await client.get(f"/studies/{STUDY}/history")).json()["items"]
    assert history[0]["number"] == 1
    values = [one["values"][0] for one in history]
    assert [one["best"] for one in history] == [max(values[: count + 1]) for count in range(3)]
    lines = (await client.get(f"/studies/{STUDY}/parallel")).json()
    assert lines["axes"][0] == {"name": "C", "float": [0.1, 10]}
    assert [line["params"] for line in lines["lines"]] == [trial["params"] for trial in trials[1:]]
    study = (await client.get(f"/studies/{STUDY}")).json()
    assert study["best"] == [max(trials[1:], key=lambda trial: trial["value"])]
    assert study["counts"]["completed"] == 3
    for _ in range(2):
        weights = (await client.get(f"/studies/{STUDY}/importance")).json()["items"]
        assert weights == [{"name": "kernel", "importance": 0.75}, {"name": "C", "importance": 0.25}]
    assert computed == [3], "once for the same trials"


async def test_a_job_that_is_no_study(client: httpx.AsyncClient, bench: Bench) -> None:
    bench.once()
    job = bench.open_jobs()[0]
    with pytest.raises(NotFound, match="is no study; its kind is train"):
        await client.get(f"/studies/{job.id}")
    with pytest.raises(NotFound, match="there is no job"):
        await client.get("/studies/j-none/trials")


TUNE = {
    "space": {"x": {"float": [0, 1]}, "noise": {"float": [0, 1]}, "h": {"choice": [[1], [2]]}},
    "objective": [{"metric": "m", "direction": "minimize"}],
}


def trials_of_x() -> list[dict[str, Any]]:
    """The value hangs on x alone."""
    points = [((7 * n) % 20 / 20, (3 * n) % 20 / 20, [1 + n % 2]) for n in range(20)]
    return [{"params": {"x": x, "noise": noise, "h": h}, "value": x} for x, noise, h in points]


def test_what_matters_is_found() -> None:
    found = compute(TUNE, trials_of_x())
    assert set(found) == {"x", "noise", "h"}
    assert found["x"] > 0.8
    assert sum(found.values()) == pytest.approx(1.0)


def test_it_is_found_in_a_process_of_its_own_too() -> None:
    assert importance(TUNE, trials_of_x()) == pytest.approx(compute(TUNE, trials_of_x()))
