"""How soon charts get their points: one metric of a million points, and a hundred of a hundred thousand each, at the API of one
gateway, on SQLite and on PostgreSQL, beside the bare limit: the same numbers in memory as NumPy arrays, the least and the
greatest of each part by NumPy, written by orjson.

Each question is another one than before, so no answer is one that the gateway remembers.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import orjson

from benchmarks.report import table, write
from tensorfleet.adapters.database import Database
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.kit.clock import utc_now
from tensorfleet.series.rolling import Rolling
from tensorfleet.series.store import SqlSeriesStore
from tensorfleet.testing.platform import own_platform
from tensorfleet.testing.servers import postgres

ONE = int(os.environ.get("BENCH_SERIES_ONE", "1000000"))
METRICS = int(os.environ.get("BENCH_SERIES_METRICS", "100"))
EACH = int(os.environ.get("BENCH_SERIES_EACH", "100000"))
ROUNDS = int(os.environ.get("BENCH_SERIES_ROUNDS", "40"))
POINTS = 300
ENTRY_VALUES = 5000
Values = npt.NDArray[np.float64]


def values_of(metrics: int, steps: int) -> Values:
    """float64 [steps, metrics]: noise that falls, with a peak now and then."""
    random = np.random.default_rng(steps)
    found: Values = random.normal(size=(steps, metrics)) + 50 / np.sqrt(1 + np.arange(steps))[:, None]
    found[random.integers(0, steps, 100)] += 20
    return found


def report(database: Database, job_id: str, values: Values) -> None:
    """Into the log, in entries as the orchestrator writes them of a task that reports fast."""
    log, names = SqlEventLog(database), [f"metric-{number}" for number in range(values.shape[1])]
    per = max(1, ENTRY_VALUES // len(names))
    for begin in range(0, len(values), 20 * per):
        entries = []
        for first in range(begin, min(begin + 20 * per, len(values)), per):
            points = [
                {
                    "step": first + row,
                    "at": 1.7e9 + (first + row) / 100,
                    "values": dict(zip(names, told, strict=True)),
                }
                for row, told in enumerate(values[first : first + per].tolist())
            ]
            data = {"rank": 0, "attempt": 1, "points": points}
            entries.append(NewEvent("metrics", utc_now(), data, job_id))
        with database.begin() as connection:
            log.append(connection, entries)


def bare(values: Values) -> float:
    """Seconds for the same picture of an array in memory."""
    begun, parts = time.perf_counter(), (POINTS - 2) // 2
    size = len(values) // parts
    items = []
    for column in np.ascontiguousarray(values.T):
        cut = column[: size * parts].reshape(parts, size)
        chosen = np.sort(np.concatenate([cut.argmin(1), cut.argmax(1)]) + np.tile(np.arange(parts) * size, 2))
        at = np.datetime_as_string(
            (1_700_000_000_000_000 + chosen * 10_000).astype("datetime64[us]"), timezone="UTC"
        )
        rows = zip(chosen.tolist(), column[chosen].tolist(), at.tolist(), strict=True)
        items.append({"name": "m", "points": [{"step": s, "value": v, "at": t} for s, v, t in rows]})
    orjson.dumps({"items": items})
    return time.perf_counter() - begun


def questions(one: str, many: str, position: int) -> dict[str, Callable[[int], str]]:
    """Paths, by the number of the round."""

    def of(job_id: str, query: str) -> Callable[[int], str]:
        return lambda look: f"/jobs/{job_id}/metrics{query}{'&' if '?' in query else '?'}look={look}"

    return {
        "one, 300 points": of(one, "?points=300"),
        "one, 2,000 points": of(one, "?points=2000"),
        "one, a hundredth of its steps": lambda look: (
            f"/jobs/{one}/metrics?points=300&from_step={1000 * look}&to_step={1000 * look + ONE // 100}"
        ),
        "one, what is new": of(one, f"?since={position}"),
        "all, 300 points of each": of(many, "?points=300"),
        "one of them": of(many, "?points=300&name=metric-7"),
        "their names, ends and extremes": of(many, "/summary"),
    }


async def ask(url: str, token: str, asked: dict[str, Callable[[int], str]]) -> dict[str, list[float]]:
    """Seconds of each question; the first round warms up."""
    took: dict[str, list[float]] = {name: [] for name in asked}
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers=headers, timeout=60, trust_env=False
    ) as http:
        for look in range(ROUNDS + 1):
            for name, path in asked.items():
                begun = time.perf_counter()
                (await http.get(path(look))).raise_for_status()
                if look:
                    took[name].append(time.perf_counter() - begun)
    return took


def two_jobs(url: str, token: str) -> list[str]:
    """Jobs that wait for a worker that never comes."""
    spec = {"name": "series", "algorithm": "decision_tree", "dataset": "iris"}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        return [http.post("/api/v1/jobs", json=spec).raise_for_status().json()["job_id"] for _ in range(2)]


async def measure(url: str | None, one: Values, many: Values) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        told = {"database_url": url} if url else {}
        async with own_platform(Path(folder) / "home", **told) as platform:
            ids = await asyncio.to_thread(two_jobs, platform.url, platform.token)
            database = Database(platform.settings.database)
            report(database, ids[0], one)
            report(database, ids[1], many)
            log, begun = SqlEventLog(database), time.perf_counter()
            rolling = Rolling(log, SqlSeriesStore(database))
            while rolling.once():
                pass
            rolled_s = time.perf_counter() - begun
            database.close()
            took = await ask(
                platform.url, platform.token, questions(*ids, log_end(platform.settings.database))
            )
    return {"rolled_up_points_per_s": (one.size + many.size) / rolled_s, "seconds": took}


def log_end(url: str) -> int:
    database = Database(url)
    try:
        return SqlEventLog(database).last_id()
    finally:
        database.close()


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def main() -> None:
    os.environ["TENSORFLEET_LIMITS__ENABLED"] = "false"
    one, many = values_of(1, ONE), values_of(METRICS, EACH)
    limits = {"one": [bare(one) for _ in range(11)][1:], "all": [bare(many) for _ in range(6)][1:]}
    found = {"SQLite": asyncio.run(measure(None, one, many))}
    with postgres(synced=True) as url:
        found["PostgreSQL"] = asyncio.run(measure(url, one, many))
    rows = [
        (f"{name}, {database}", f"{statistics.median(took) * 1000:.0f}", f"{p95(took) * 1000:.0f}")
        for database, about in found.items()
        for name, took in about["seconds"].items()
    ]
    rows += [(f"{name}, bare", f"{statistics.median(took) * 1000:.0f}", "") for name, took in limits.items()]
    table(
        f"one: {ONE:,} points; all: {METRICS} of {EACH:,}; {ROUNDS} rounds", rows, ("", "median ms", "p95 ms")
    )
    for database, about in found.items():
        for name, asked in (("one", "one, 300 points"), ("all", "all, 300 points of each")):
            ratio = statistics.median(about["seconds"][asked]) / statistics.median(limits[name])
            print(f"  {asked}, {database}: {ratio:.1f} times the bare limit")
        print(f"  rolled up, {database}: {about['rolled_up_points_per_s']:,.0f} points a second")
    write("series", {"one": ONE, "metrics": METRICS, "each": EACH, "limits": limits, "found": found})


if __name__ == "__main__":
    main()
