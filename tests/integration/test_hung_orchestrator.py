"""An orchestrator that hangs (SIGSTOP): its process is there, its socket takes connections, and nothing ever answers."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.integration.api import open_api
from tests.integration.platform import Platform, wait_until

FOREST = {"name": "while-it-hangs", "algorithm": "random_forest", "dataset": "iris"}
MOST_S = 4.0
"""For one answer on a busy machine; what waits for an orchestrator waits a second."""


@contextmanager
def hung(platform: Platform) -> Iterator[None]:
    orchestrator = platform.process("orchestrator")
    orchestrator.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        orchestrator.send_signal(signal.SIGCONT)


def timed(api: httpx.Client, method: str, path: str, **options: object) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = api.request(method, path, **options)  # type: ignore[arg-type]
    return answer, time.monotonic() - began


def test_nobody_waits_for_an_orchestrator_that_hangs(own_platform: Platform) -> None:
    platform = own_platform
    done = platform.client.submit(FOREST)
    done.wait(60)
    with open_api(platform) as api, hung(platform):
        found = wait_until(lambda: _away(api), "the health check to notice")
        assert found
        reads = ("/jobs", f"/jobs/{done.id}", f"/jobs/{done.id}/why", f"/jobs/{done.id}/logs", f"/jobs/{done.id}/tasks",
                 f"/jobs/{done.id}/events", "/workers", "/datasets", "/models", "/studies", "/ledger", "/audit")  # fmt: skip
        for path in reads:
            answer, took = timed(api, "GET", f"/api/v1{path}")
            assert answer.status_code == 200, (path, answer.text)
            assert took < MOST_S, path

        ready, took = timed(api, "GET", "/health/ready")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["orchestrator"])
        assert int(ready.headers["retry-after"]) >= 1
        assert took < MOST_S

        # What changes something is written down: the orchestrator finds it when it goes on.
        submitted, took = timed(api, "POST", "/api/v1/jobs", json=FOREST)
        assert submitted.status_code == 201
        assert took < MOST_S
        unwanted = api.post("/api/v1/jobs", json=FOREST).json()["job_id"]
        cancelled, took = timed(api, "POST", f"/api/v1/jobs/{unwanted}/cancel")
        assert cancelled.status_code == 202
        assert took < MOST_S
        asked = (
            ("POST", "/api/v1/plan", {"json": FOREST}),
            ("POST", "/api/v1/jobs/cancel", {"json": {"ids": ["j-0"]}}),
        )
        for method, path, body in asked:
            answer, took = timed(api, method, path, **body)
            assert answer.status_code == 200, answer.text
            assert took < MOST_S

        # The circuit is open: of many who ask how it is, a few wait for an answer that does not come.
        waits = [timed(api, "GET", "/health")[1] for _ in range(20)]
        assert sum(one > 0.9 for one in waits) <= 6, waits
        assert sum(waits) < 20 * 0.5, waits
    wait_until(
        lambda: platform.client.jobs.get(submitted.json()["job_id"]).status == "completed", "the job", 60
    )
    wait_until(lambda: platform.client.jobs.get(unwanted).status == "cancelled", "the other", 60)
    with open_api(platform) as api:
        wait_until(lambda: api.get("/health/ready").status_code == 200, "the platform to be ready again")


def _away(api: httpx.Client) -> bool:
    return bool(api.get("/health").json()["parts"]["orchestrator"]["status"] != "ok")
