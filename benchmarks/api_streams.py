"""A thousand Server-Sent Event streams of one gateway: how late what was committed arrives, and what is missing."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.report import table
from tensorfleet.adapters.database import Database
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.kit.clock import utc_now
from tensorfleet.testing.platform import OwnPlatform, own_platform

CLIENTS = int(os.environ.get("BENCH_API_CLIENTS", "1000"))
EVENTS_PER_S = 10
SECONDS = float(os.environ.get("BENCH_API_STREAM_S", "20"))
JOBS = 10
_SENT = re.compile(rb'"sent":([0-9.]+)')


class Listening(asyncio.Protocol):
    """One client.  All run in the process that writes the events, so there is one clock."""

    def __init__(self, request: bytes, delays: list[float]) -> None:
        self._request, self._delays = request, delays
        self._rest = b""
        self.got = 0
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.answered.done() and b": connected" in data:
            self.answered.set_result(None)
        *lines, self._rest = (self._rest + data).split(b"\n")
        now = time.perf_counter()
        for line in lines:
            if found := _SENT.search(line):
                self.got += 1
                self._delays.append(now - float(found[1]))


async def measure() -> dict[str, Any]:
    """Every client follows one of ten jobs, each of which writes ten events a second."""
    with tempfile.TemporaryDirectory() as folder:
        async with own_platform(Path(folder) / "home") as platform:
            return await _measured(platform)


async def _measured(platform: OwnPlatform) -> dict[str, Any]:
    import httpx

    parts, loop, delays = urlsplit(platform.url), asyncio.get_running_loop(), list[float]()
    headers = {"Authorization": f"Bearer {platform.token}"}
    async with httpx.AsyncClient(base_url=platform.url, headers=headers, trust_env=False) as http:
        items = [{"name": f"job-{n}", "algorithm": "decision_tree", "dataset": "iris"} for n in range(JOBS)]
        answer = (await http.post("/api/v1/jobs/batch", json={"items": items})).raise_for_status()
    job_ids = [item["job"]["job_id"] for item in answer.json()["items"]]
    clients = [
        Listening(_request(parts.netloc, platform.token, job_ids[n % JOBS]), delays) for n in range(CLIENTS)
    ]
    assert parts.hostname is not None
    assert parts.port is not None
    for client in clients:
        await loop.create_connection(partial(_itself, client), parts.hostname, parts.port)
    await asyncio.gather(*(client.answered for client in clients))
    await asyncio.sleep(2)
    pid = platform.pid("gateway")
    assert pid is not None
    used, began = sum(psutil.Process(pid).cpu_times()[:2]), time.perf_counter()
    sent = await asyncio.to_thread(_write, platform.settings.database, job_ids)
    share = (sum(psutil.Process(pid).cpu_times()[:2]) - used) / (time.perf_counter() - began)
    await asyncio.sleep(2)
    missing = sent * CLIENTS - sum(client.got for client in clients)
    found = {
        "clients": CLIENTS, "events_per_client": sent, "missing": missing, "gateway_cores": share,
        "median_ms": statistics.median(delays) * 1e3, "p99_ms": statistics.quantiles(delays, n=100)[98] * 1e3,
        "worst_ms": max(delays) * 1e3,
    }  # fmt: skip
    shown = tuple(
        f"{found[name]:,.0f}" for name in ("events_per_client", "missing", "median_ms", "p99_ms", "worst_ms")
    )
    table(
        f"{CLIENTS:,} streams, {EVENTS_PER_S} events a second each, one gateway",
        [("delay", *shown, f"{share:.2f}")],
        ("", "events each", "missing", "median ms", "p99 ms", "worst ms", "cores of the gateway"),
    )
    return found


def _request(host: str, token: str, job_id: str) -> bytes:
    asked = (
        f"GET /api/v1/jobs/{job_id}/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    return asked.encode()


def _itself(client: Listening) -> Listening:
    return client


def _write(url: str, job_ids: list[str]) -> int:
    """Ten events a second for each job, in one transaction for all of them; returns how many each has got."""
    database, rest = Database(url), threading.Event()
    log, rounds = SqlEventLog(database), round(SECONDS * EVENTS_PER_S)
    began = time.perf_counter()
    for round_ in range(rounds):
        rest.wait(max(0.0, began + round_ / EVENTS_PER_S - time.perf_counter()))
        with database.begin() as connection:
            data = {"sent": time.perf_counter()}
            log.append(connection, [NewEvent("note", utc_now(), data, job_id) for job_id in job_ids])
    database.close()
    return rounds
