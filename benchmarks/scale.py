"""A hundred agents, a thousand running jobs, ten thousand in the queue: how long assignment, submission, reads and events take.

The agents are simulated: they speak the real protocol over connections of their own and train nothing.  Orchestrator, gateway and
database are the real ones.  BENCH_SCALE_LEVELS and BENCH_SCALE_LOOK_S make a run smaller.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.report import table, write
from tensorfleet.supervisor.roles import end_with_parent
from tensorfleet.testing.platform import OwnPlatform, own_platform
from tensorfleet.testing.servers import create_database, postgres

AGENTS = int(os.environ.get("BENCH_SCALE_AGENTS", "100"))
SLOTS = 10
LEVELS = [int(level) for level in os.environ.get("BENCH_SCALE_LEVELS", "100,1000,10000").split(",")]
LOOK_S = float(os.environ.get("BENCH_SCALE_LOOK_S", "20"))
BACKENDS = os.environ.get("BENCH_SCALE_BACKENDS", "sqlite,postgresql").split(",")
STEPS, STEP_S = 8, (2.5, 7.5)  # a job lasts some 40 s: 25 a second end, and as many are submitted
RATE = AGENTS * SLOTS / (STEPS * sum(STEP_S) / 2)
READS_PER_S = 20
BATCH = 500
TARGETS = {"assignment": 50, "submission": 500, "read": 100, "event": 1000}


@dataclass
class Seen:
    """What one look found, in milliseconds."""

    submission: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    event: list[float] = field(default_factory=list)
    assignment: list[float] = field(default_factory=list)
    refused: int = 0


class Load:
    """A client of the platform that notes how long its calls take."""

    def __init__(self, http: httpx.AsyncClient, digest: str) -> None:
        self._http = http
        self._digest = digest
        self._rng = random.Random(7)
        self._count = 0
        self.jobs: list[str] = []

    def spec(self, steps: int) -> dict[str, Any]:
        self._count += 1
        script = {"steps": steps, "step_s": round(self._rng.uniform(*STEP_S), 2)}
        return {
            "name": f"job-{self._count}", "entrypoint": "noop.py", "code": {"digest": self._digest},
            "hyperparameters": {"script": script}, "resources": {"cpus": 1},
        }  # fmt: skip

    async def submit(self, steps: int = STEPS) -> tuple[str, float]:
        """Submits one job; its name and the milliseconds that it took."""
        spec = self.spec(steps)
        began = time.perf_counter()
        answer = await self._http.post("/jobs", json=spec, headers={"Idempotency-Key": spec["name"]})
        answer.raise_for_status()
        self.jobs.append(answer.json()["job_id"])
        return spec["name"], (time.perf_counter() - began) * 1000

    async def fill(self, count: int) -> float:
        """Submits many in batches; the rate per second."""
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            specs = [self.spec(STEPS) for _ in range(min(BATCH, count - start))]
            items = [spec | {"idempotency_key": spec["name"]} for spec in specs]
            answer = await self._http.post("/jobs/batch", json={"items": items})
            while answer.status_code == 503:
                answer = await self._http.post("/jobs/batch", json={"items": items})
            answer.raise_for_status()
            self.jobs += [item["job"]["job_id"] for item in answer.json()["items"]]
        return count / (time.perf_counter() - began)

    async def submit_steadily(self, until: float, seen: Seen) -> None:
        async for _ in paced(RATE, until):
            try:
                seen.submission.append((await self.submit())[1])
            except httpx.HTTPStatusError:
                seen.refused += 1

    async def read_steadily(self, until: float, seen: Seen) -> None:
        async for _ in paced(READS_PER_S, until):
            began = time.perf_counter()
            (await self._http.get(f"/jobs/{self._rng.choice(self.jobs)}")).raise_for_status()
            seen.read.append((time.perf_counter() - began) * 1000)

    async def listen(self, until: float, seen: Seen) -> None:
        """How old a task's metric is when it arrives here: through agent, orchestrator, database and gateway."""
        async with self._http.stream("GET", "/events") as stream:
            async for line in stream.aiter_lines():
                if time.monotonic() > until:
                    return
                if line.startswith("data:") and '"points"' in line:
                    data = json.loads(line[5:])
                    points = data.get("points") or data["data"]["points"]
                    seen.event += [(time.time() - point["at"]) * 1000 for point in points]


async def paced(per_s: float, until: float) -> AsyncIterator[None]:
    following = time.monotonic()
    while following < until:
        await asyncio.sleep(max(0.0, following - time.monotonic()))
        yield
        following += 1 / per_s


def code_digest(platform: OwnPlatform) -> str:
    """The jobs need code to name; the simulated agents never fetch it."""
    import tensorfleet
    from tensorfleet.sdk.sending import upload_code

    with (
        tempfile.TemporaryDirectory() as folder,
        tensorfleet.Client(platform.url, token=platform.token) as client,
    ):
        Path(folder, "noop.py").write_text("pass\n")
        return upload_code(client.transport, Path(folder))


@asynccontextmanager
async def simulated_agents(
    platform: OwnPlatform, notes: Path, agents: int, slots: int
) -> AsyncIterator[psutil.Process]:
    """A fleet of simulated agents in a process of its own."""
    config = {
        "address": platform.service, "token": platform.token, "agents": agents, "slots": slots, "notes": str(notes),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tensorfleet.testing.simulation", json.dumps(config), preexec_fn=end_with_parent
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def online(http: httpx.AsyncClient) -> None:
    while len((await http.get("/workers", params={"limit": 1000})).json()["items"]) < AGENTS:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


def starts(notes: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in notes.read_text().splitlines() if line.endswith("}")]


async def when_room_is_free(load: Load, notes: Path) -> list[float]:
    """From a submission to its task's arrival at an agent, one at a time on an empty fleet."""
    began = {}
    for _ in range(50):
        at = time.monotonic()
        began[(await load.submit(steps=0))[0]] = at
        await asyncio.sleep(0.03)
    await asyncio.sleep(1.0)
    return [(start["at"] - began[start["job"]]) * 1000 for start in starts(notes) if start["job"] in began]


class Use:
    """CPU and memory of a process from now on."""

    def __init__(self, pid: int | None) -> None:
        self._process = psutil.Process(pid)
        self._cpu_s, self._at = self._seconds(), time.monotonic()

    def _seconds(self) -> float:
        return float(sum(self._process.cpu_times()[:2]))

    def now(self) -> tuple[float, float]:
        """`(percent of a core since the beginning, resident megabytes)`."""
        share = (self._seconds() - self._cpu_s) / (time.monotonic() - self._at)
        return share * 100, self._process.memory_info().rss / 1e6


async def look(load: Load, platform: OwnPlatform, agents: psutil.Process, notes: Path) -> dict[str, Any]:
    seen = Seen()
    uses = {name: Use(platform.pid(name)) for name in ("orchestrator", "gateway")} | {
        "agents": Use(agents.pid)
    }
    begun, until = time.monotonic(), time.monotonic() + LOOK_S
    await asyncio.gather(
        load.submit_steadily(until, seen), load.read_steadily(until, seen), load.listen(until, seen)
    )
    await asyncio.sleep(0.5)
    recent = [start for start in starts(notes) if start["at"] > begun and start["after_s"] is not None]
    seen.assignment = [start["after_s"] * 1000 for start in recent]
    found: dict[str, Any] = {name: spread(getattr(seen, name)) for name in TARGETS}
    found["refused"] = seen.refused
    return found | {"use": {name: use.now() for name, use in uses.items()}}


def spread(found: list[float]) -> dict[str, float]:
    if len(found) < 20:
        return {"p50": float("nan"), "p95": float("nan"), "count": len(found)}
    return {
        "p50": statistics.median(found),
        "p95": statistics.quantiles(found, n=20)[-1],
        "count": len(found),
    }


async def measure(database_url: str) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tensorfleet-scale-")))
        notes = home / "notes"
        platform = await stack.enter_async_context(own_platform(home / "home", database_url=database_url))
        agents = await stack.enter_async_context(simulated_agents(platform, notes, AGENTS, SLOTS))
        headers = {"Authorization": f"Bearer {platform.token}"}
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"{platform.url}/api/v1", headers=headers, timeout=60, trust_env=False)
        )
        load = Load(http, await asyncio.to_thread(code_digest, platform))
        await online(http)
        found: dict[str, Any] = {"room": spread(await when_room_is_free(load, notes)), "levels": {}}
        waiting = -AGENTS * SLOTS
        for level in LEVELS:
            rate = await load.fill(level - waiting)
            if waiting < 0:
                await asyncio.sleep(
                    STEPS * STEP_S[0] + 2
                )  # from here on some of the first tasks end at any moment
            waiting = level
            found["levels"][level] = await look(load, platform, agents, notes) | {"fill_per_s": rate}
            show(level, found["levels"][level])
        found["restarts"] = platform.restarts
        return found


def show(level: int, found: dict[str, Any]) -> None:
    rows = [
        (
            name,
            f"{found[name]['p50']:.0f}",
            f"{found[name]['p95']:.0f}",
            str(TARGETS[name]),
            str(found[name]["count"]),
        )
        for name in TARGETS
    ]
    table(f"{AGENTS * SLOTS} running, {level} queued", rows, ("ms", "median", "p95", "target", "count"))
    used = ", ".join(f"{name} {cpu:.0f} % {rss:.0f} MB" for name, (cpu, rss) in found["use"].items())
    print(f"  {used}; filled at {found['fill_per_s']:.0f} jobs/s; {found['refused']} refused", flush=True)


def main() -> None:
    results: dict[str, Any] = {}
    for backend in BACKENDS:
        print(f"\n== {backend}", flush=True)
        if backend == "sqlite":
            results[backend] = asyncio.run(measure(""))
        else:
            with postgres(synced=True) as url:
                results[backend] = asyncio.run(measure(create_database(url)))
        room = results[backend]["room"]
        print(
            f"\n  submission to an empty fleet -> task at its agent: p50 {room['p50']:.0f} ms, p95 {room['p95']:.0f} ms"
        )
    write("scale", results)


if __name__ == "__main__":
    main()
