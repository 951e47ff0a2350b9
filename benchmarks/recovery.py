"""How long until training goes on, or jobs are taken again, after a part was killed.

A real agent runs jobs that print a step every 20 ms and save each; the times are those of the steps themselves, by the task's own
clock, so that nothing of the reading is in them.  BENCH_RECOVERY_ROUNDS sets how often each part is killed.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.report import table, write
from tensorfleet.adapters.database import Database
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.testing.chaos.plan import ENTRYPOINT
from tensorfleet.testing.chaos.run import upload_own_code
from tensorfleet.testing.platform import OwnPlatform, own_platform
from tensorfleet.testing.servers import PostgresServer, create_database, free_ports, postgres_server

ROUNDS = int(os.environ.get("BENCH_RECOVERY_ROUNDS", "5"))
AWAY_S = float(os.environ.get("BENCH_RECOVERY_AWAY_S", "30"))
SLOTS = 4
WAIT_S = 90.0
LIMITS_S = {"rank": 3.0, "agent": 10.0, "orchestrator": 3.0, "leader": 10.0}


class Bench:
    """A platform with one real agent, and a reader of its event log."""

    def __init__(self, platform: OwnPlatform, http: httpx.AsyncClient, digest: str) -> None:
        self.platform = platform
        self._http = http
        self._digest = digest
        self._count = 0
        self._database = Database(platform.settings.database)
        self._log = SqlEventLog(self._database)

    def close(self) -> None:
        self._database.close()

    async def submit(self, steps: int = 100_000, workers: int = 1) -> str:
        self._count += 1
        spec = {
            "name": f"recovery-{self._count}", "entrypoint": ENTRYPOINT, "code": {"digest": self._digest},
            "hyperparameters": {"script": {"steps": steps, "step_s": 0.02, "save_every": 1}},
            "resources": {"workers": workers, "cpus": 0.5}, "retries": 100,
        }  # fmt: skip
        answer = await self._http.post("/jobs", json=spec)
        answer.raise_for_status()
        return str(answer.json()["job_id"])

    async def get(self, job_id: str) -> dict[str, Any]:
        return dict((await self._http.get(f"/jobs/{job_id}")).json())

    async def cancel(self, job_id: str) -> None:
        (await self._http.post(f"/jobs/{job_id}/cancel")).raise_for_status()
        await until(lambda: self._ended(job_id), "a cancelled job to end")

    async def _ended(self, job_id: str) -> bool:
        return (await self.get(job_id))["status"] in ("completed", "failed", "cancelled")

    def steps(self, job_id: str, after: float = 0.0, attempt: int = 1) -> list[float]:
        """When the steps of an attempt, and of later ones, were made that came after an instant (seconds since 1970)."""
        found = self._log.read_after(0, 1_000_000, job_id, ("metrics",))
        points = [
            point for event in found if event.data["attempt"] >= attempt for point in event.data["points"]
        ]
        return sorted(point["at"] for point in points if point["at"] > after)

    async def first_step(self, job_id: str, after: float, attempt: int = 1) -> float:
        """Seconds from `after` to the first step of that attempt."""

        async def made() -> list[float]:
            return self.steps(job_id, after, attempt)

        return float((await until(made, f"a step of attempt {attempt}"))[0]) - after

    async def running(self, workers: int = 1) -> str:
        """A job that has made a step a moment ago."""
        job = await self.submit(workers=workers)
        await self.first_step(job, time.time())
        return job


async def until(condition: Callable[[], Awaitable[Any]], what: str) -> Any:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := await condition():
            return found
        await asyncio.sleep(0.02)
    raise TimeoutError(f"not within {WAIT_S:.0f} s: {what}")


@asynccontextmanager
async def bench(listen: str = "", **settings: Any) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="tensorfleet-recovery-") as folder:
        async with own_platform(Path(folder), **settings) as platform:
            platform.add(platform.agent_role("agent-1", SLOTS, platform.settings.orchestrator))
            headers = {"Authorization": f"Bearer {platform.token}"}
            base = f"{platform.url}/api/v1"
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30, trust_env=False) as http:
                found = Bench(platform, http, await asyncio.to_thread(upload_own_code, platform))
                try:
                    warm = await found.running()  # once, so that the template is warm
                    await found.cancel(warm)
                    yield found
                finally:
                    found.close()


async def killed_rank(one: Bench) -> float:
    """One rank of two is killed; until the gang makes steps again."""
    job = await one.running(workers=2)
    at = time.time()
    os.kill(one.platform.tasks("agent-1")[-1], signal.SIGKILL)
    took = await one.first_step(job, at, attempt=2)
    await one.cancel(job)
    return took


async def killed_agent(one: Bench) -> float:
    job = await one.running()
    at = time.time()
    one.platform.signal("agent-1", signal.SIGKILL)
    took = await one.first_step(job, at, attempt=2)
    await one.cancel(job)
    await asyncio.sleep(10)  # an agent that dies again within ten seconds is started again more slowly
    return took


async def killed_orchestrator(one: Bench, kill: Callable[[], object]) -> tuple[float, float]:
    """`(until a new job makes steps, the longest pause of a job that was running)`."""
    job = await one.running()
    at = time.time()
    kill()
    new = await one.submit()
    took = await one.first_step(new, at)
    found = await one.get(job)
    assert found["attempt"] == 1, f"the running job noticed: {found['reason']}"
    await asyncio.sleep(0.5)
    steps = one.steps(job, at - 0.2)
    pause = max(later - earlier for earlier, later in itertools.pairwise(steps))
    await one.cancel(job)
    await one.cancel(new)
    await asyncio.sleep(10)
    return took, pause


async def on_one_machine() -> dict[str, list[float]]:
    async with bench() as one:
        found = {"rank": said("rank", [await killed_rank(one) for _ in range(ROUNDS)])}
        found["agent"] = said("agent", [await killed_agent(one) for _ in range(ROUNDS)])
        kill = partial(one.platform.signal, "orchestrator", signal.SIGKILL)
        both = [await killed_orchestrator(one, kill) for _ in range(ROUNDS)]
        found["orchestrator"] = said("orchestrator", [took for took, _ in both])
        found["pause"] = said("pause", [pause for _, pause in both])
        return found


def said(what: str, seconds: list[float]) -> list[float]:
    print(f"{what}: {', '.join(f'{one:.2f}' for one in seconds)} s", flush=True)
    return seconds


async def with_standby(database_url: str) -> list[float]:
    """Two orchestrators on PostgreSQL; the one that leads is killed, and stays away until the other one has taken over."""
    one_port, two_port = free_ports(2)
    addresses = f"127.0.0.1:{one_port},127.0.0.1:{two_port}"
    async with bench(database_url=database_url, orchestrator_address=addresses) as one:
        platform = one.platform
        platform.add(platform.orchestrator_role("standby", f"127.0.0.1:{two_port}"))
        await asyncio.sleep(3)
        took = []
        for number in range(ROUNDS):
            leader = platform.role(("orchestrator", "standby")[number % 2]).role
            took.append((await killed_orchestrator(one, partial(platform.end, leader.name)))[0])
            platform.add(leader)  # which is the standby from now on
            await asyncio.sleep(3)
        return said("leader", took)


async def database_away(server: PostgresServer) -> dict[str, int]:
    """Jobs run while PostgreSQL is crashed and away; how they ended."""
    async with bench(database_url=create_database(server.url)) as one:
        jobs = [await one.submit(steps=1000) for _ in range(SLOTS)]
        await asyncio.gather(*(one.first_step(job, 0.0) for job in jobs))
        server.crash()
        await asyncio.sleep(AWAY_S)
        server.launch()
        await asyncio.to_thread(server.wait)
        ends: dict[str, int] = {}
        for job in jobs:

            async def over(job: str = job) -> dict[str, Any] | None:
                try:
                    found = await one.get(job)
                except (httpx.HTTPError, ValueError):
                    return None
                return found if found.get("status") in ("completed", "failed") else None

            found = await until(over, "a job to end after the database came back")
            how = f"{found['status']} in attempt {found['attempt']}"
            ends[how] = ends.get(how, 0) + 1
        return ends


def row(name: str, what: str, seconds: list[float]) -> tuple[str, ...]:
    limit = f"{LIMITS_S[name]:.0f}" if name in LIMITS_S else "none"
    return what, f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}", limit, str(len(seconds))


def main() -> None:
    found: dict[str, Any] = dict(asyncio.run(on_one_machine()))
    with postgres_server(synced=True) as server:
        found["leader"] = asyncio.run(with_standby(create_database(server.url)))
        found["database"] = asyncio.run(database_away(server))
    rows = [
        row("rank", "one rank of two killed -> steps again", found["rank"]),
        row("agent", "agent killed -> steps again", found["agent"]),
        row("orchestrator", "orchestrator killed -> a new job makes steps", found["orchestrator"]),
        row("pause", "  longest pause of a job that ran meanwhile", found["pause"]),
        row("leader", "leader killed, with a standby -> a new job makes steps", found["leader"]),
    ]
    table("Recovery", rows, ("seconds", "median", "worst", "limit", "rounds"))
    ends = ", ".join(f"{count} {how}" for how, count in found["database"].items())
    print(f"\n  database away for {AWAY_S:.0f} s: {ends}")
    write("recovery", found)


if __name__ == "__main__":
    main()
