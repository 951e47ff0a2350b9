"""Requests a second of the hot reads, with a key and real rows, beside FastAPI routes that return constants, in turns;
then two gateways on PostgreSQL, and a thousand live streams.

The load comes from one process with kept connections that does nothing but send the next request when an answer is whole: on two
cores it takes one and the server the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks import api_streams
from benchmarks.api_load import CONNECTIONS, ask
from benchmarks.report import table, write
from tensorfleet.access.model import Permission
from tensorfleet.adapters.database import Database
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.kit.clock import utc_now
from tensorfleet.supervisor.roles import end_with_parent
from tensorfleet.testing.platform import own_platform
from tensorfleet.testing.servers import postgres

JOBS = int(os.environ.get("BENCH_API_JOBS", "1000"))
ROUNDS = int(os.environ.get("BENCH_API_ROUNDS", "5"))
LOOK_S = float(os.environ.get("BENCH_API_LOOK_S", "3"))
WRITES_PER_S = 50
PEER = Path(__file__).parent / "peers" / "constant_api.py"


@dataclass
class Look:
    """What one look at one address found."""

    per_s: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def add(self, per_s: float, p99_ms: float) -> None:
        self.per_s.append(per_s)
        self.p99_ms.append(p99_ms)

    def shown(self) -> tuple[str, str]:
        return f"{statistics.median(self.per_s):,.0f}", f"{statistics.median(self.p99_ms):.1f}"


@contextmanager
def constant(job: dict[str, Any], folder: Path) -> Iterator[str]:
    """The peer's address."""
    import socket

    (folder / "job.json").write_text(json.dumps(job))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(PEER), str(port), str(folder / "job.json")]
    peer = subprocess.Popen(command, preexec_fn=end_with_parent)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(f"{url}/jobs", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url
    finally:
        peer.send_signal(signal.SIGTERM)
        peer.wait(10)


async def prepare(url: str, token: str) -> tuple[dict[str, Any], str]:
    """Submits the jobs, which wait for a worker that never comes; one of them, and the key of a program."""
    spec = {"algorithm": "decision_tree", "dataset": "iris", "labels": {"team": "bench"}}
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers=headers, timeout=60, trust_env=False
    ) as http:
        for start in range(0, JOBS, 500):
            items = [spec | {"name": f"job-{number}"} for number in range(start, min(JOBS, start + 500))]
            answer = await http.post("/jobs/batch", json={"items": items})
            answer.raise_for_status()
        await http.post("/users", json={"name": "bench", "service": True})
        await http.put("/workspaces/default/members/bench", json={"role": "viewer"})
        body = {"name": "bench", "user": "bench", "scopes": [Permission.JOBS_READ]}
        key = (await http.post("/keys", json=body)).json()["key"]
        return answer.json()["items"][0]["job"], str(key)


@contextmanager
def writing(url: str, job_id: str) -> Iterator[None]:
    """A fleet that commits something all the time: after each commit everything has to be read anew."""
    database, stop = Database(url), threading.Event()
    log = SqlEventLog(database)

    def write_on() -> None:
        while not stop.wait(1 / WRITES_PER_S):
            with database.begin() as connection:
                log.append(connection, [NewEvent("log", utc_now(), {"text": "x"}, job_id)])

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()
        database.close()


async def one_gateway() -> dict[str, Look]:
    looks: dict[str, Look] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with own_platform(Path(folder) / "home") as platform:
            job, key = await prepare(platform.url, platform.token)
            job_id = job["job_id"]
            with constant(job, Path(folder)) as peer:
                asked = (
                    ("job", platform.url, f"/api/v1/jobs/{job_id}", key),
                    ("job, constant", peer, f"/jobs/{job_id}", None),
                    ("list", platform.url, "/api/v1/jobs?limit=50", key),
                    ("list, constant", peer, "/jobs?limit=50", None),
                )
                for round_ in range(ROUNDS + 1):  # the first one warms up
                    for name, url, path, token in asked:
                        found = await ask(url, path, token, LOOK_S)
                        if round_:
                            looks.setdefault(name, Look()).add(*found)
                    with writing(platform.settings.database, job_id):
                        for name, url, path, token in asked[::2]:
                            found = await ask(url, path, token, LOOK_S)
                            if round_:
                                looks.setdefault(f"{name}, {WRITES_PER_S} commits a second", Look()).add(
                                    *found
                                )
    return looks


async def two_gateways() -> Look:
    """Both asked at once for a job, on a PostgreSQL that syncs its commits."""
    look = Look()
    with tempfile.TemporaryDirectory() as folder, postgres(synced=True) as database:
        async with own_platform(Path(folder) / "home", database_url=database) as platform:
            second = await platform.add_gateway("gateway-2")
            job, key = await prepare(platform.url, platform.token)
            path = f"/api/v1/jobs/{job['job_id']}"
            for round_ in range(ROUNDS + 1):
                both = await asyncio.gather(*(ask(url, path, key, LOOK_S) for url in (platform.url, second)))
                if round_:
                    look.add(sum(per_s for per_s, _ in both), max(p99_ms for _, p99_ms in both))
    return look


def main() -> None:
    os.environ["TENSORFLEET_LIMITS__ENABLED"] = "false"
    looks = asyncio.run(one_gateway())
    rows = [(name, *look.shown()) for name, look in looks.items()]
    table(f"{JOBS:,} jobs, {CONNECTIONS} connections, one gateway", rows, ("", "answers a second", "p99 ms"))
    ratios = {
        name: statistics.median(
            ours / theirs
            for ours, theirs in zip(looks[name].per_s, looks[f"{name}, constant"].per_s, strict=True)
        )
        for name in ("job", "list")
    }
    for name, ratio in ratios.items():
        print(f"  {name}: {ratio:.2f} of a route that returns a constant")
    pair = asyncio.run(two_gateways())
    table("a job, two gateways on PostgreSQL", [("both", *pair.shown())], ("", "answers a second", "p99 ms"))
    streams = asyncio.run(api_streams.measure())
    write(
        "api",
        {
            "jobs": JOBS, "ratios": ratios, "looks": {name: vars(look) for name, look in looks.items()},
            "two_gateways": vars(pair), "streams": streams,
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
