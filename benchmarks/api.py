"""Requests a second of the hot reads, with a key and real rows, beside FastAPI routes that return constants, in turns.

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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks.report import table, write
from tensorfleet.access.model import Permission
from tensorfleet.supervisor.roles import end_with_parent
from tensorfleet.testing.platform import own_platform

JOBS = int(os.environ.get("BENCH_API_JOBS", "1000"))
ROUNDS = int(os.environ.get("BENCH_API_ROUNDS", "5"))
LOOK_S = float(os.environ.get("BENCH_API_LOOK_S", "3"))
CONNECTIONS = 16
PEER = Path(__file__).parent / "peers" / "constant_api.py"


@dataclass
class Look:
    """What one look at one address found."""

    per_s: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def shown(self) -> tuple[str, str]:
        return f"{statistics.median(self.per_s):,.0f}", f"{statistics.median(self.p99_ms):.1f}"


class Asking(asyncio.Protocol):
    """One connection that asks the same again as soon as the answer is whole."""

    def __init__(self, request: bytes, until: float, seconds: list[float]) -> None:
        self._request, self._until, self._seconds = request, until, seconds
        self._data = b""
        self._whole = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._data, self._whole, self._began = b"", 0, time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._whole and (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            if not head.startswith(b"http/1.1 200"):
                self.done.set_exception(RuntimeError(self._data[:500].decode(errors="replace")))
                self._transport.close()
                return
            self._whole = end + 4 + int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if self._whole and len(self._data) >= self._whole:
            now = time.perf_counter()
            self._seconds.append(now - self._began)
            if now < self._until:
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def ask(url: str, path: str, token: str | None, seconds: float) -> tuple[float, float]:
    """Answers a second, and the 99th percentile in milliseconds."""
    parts = urlsplit(url)
    proof = f"Authorization: Bearer {token}\r\n" if token else ""
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{proof}\r\n".encode()
    loop, found = asyncio.get_running_loop(), list[float]()
    began = time.perf_counter()
    made = [
        await loop.create_connection(
            lambda: Asking(request, began + seconds, found), parts.hostname, parts.port
        )
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    return len(found) / (time.perf_counter() - began), statistics.quantiles(found, n=100)[98] * 1000


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


async def measure() -> dict[str, Look]:
    looks = {name: Look() for name in ("job", "job, constant", "list", "list, constant")}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        os.environ["TENSORFLEET_LIMITS__ENABLED"] = "false"
        async with own_platform(home) as platform:
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
                        per_s, p99_ms = await ask(url, path, token, LOOK_S)
                        if round_:
                            looks[name].per_s.append(per_s)
                            looks[name].p99_ms.append(p99_ms)
    return looks


def main() -> None:
    looks = asyncio.run(measure())
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
    write(
        "api", {"jobs": JOBS, "ratios": ratios, "looks": {name: vars(look) for name, look in looks.items()}}
    )


if __name__ == "__main__":
    main()
