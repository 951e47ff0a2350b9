"""Two orchestrators on one PostgreSQL: one leads, the other takes over, and running jobs never notice."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

import tensorfleet
from tensorfleet.sdk.jobs import Job
from tensorfleet.testing.platform import OwnPlatform
from tensorfleet.testing.servers import create_database, free_ports, postgres

STEPS = 120
SCRIPT = f"""
import time
from tensorfleet import train

for step in range(1, {STEPS} + 1):
    print(f"line {{step}}")
    train.report(step=step, loss=1.0 / step)
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    return create_database(server)


async def until(condition: Callable[[], object], what: str, timeout_s: float = 40.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        await asyncio.sleep(0.05)


def with_standby(platform: OwnPlatform, address: str) -> None:
    """Adds a second orchestrator that listens at `address`."""
    role = platform.local_role("orchestrator")
    env = {**role.env, "TENSORFLEET_ORCHESTRATOR_LISTEN": address}
    platform.add(dataclasses.replace(role, name="standby", env=env))


def run(
    home: Path, database: str, story: Callable[[OwnPlatform, tensorfleet.Client], Awaitable[None]]
) -> None:
    """Tells `story` on a platform with a leader, a standby and one agent that knows both."""

    async def tell() -> None:
        (port,) = free_ports(1)
        platform = OwnPlatform(home, database_url=database)
        both = f"{platform.service},127.0.0.1:{port}"
        platform.settings = platform.settings.model_copy(update={"orchestrator_address": both})
        client = tensorfleet.Client(platform.url, platform.token)
        try:
            await platform.start()
            with_standby(platform, f"127.0.0.1:{port}")
            platform.add(platform.agent_role("agent", 2, both))
            await story(platform, client)
        finally:
            client.close()
            await platform.stop()

    asyncio.run(tell())


def count(tmp_path: Path) -> dict[str, object]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "count.py").write_text(SCRIPT)
    return {"name": "count", "entrypoint": "count.py", "code": str(code)}


def says(platform: OwnPlatform, role: str, text: str) -> bool:
    log = platform.logs / f"{role}.log"
    return log.exists() and text in log.read_text()


def printed(job: Job) -> list[str]:
    return [line.text.rstrip("\n") for line in job.logs()]


def test_the_standby_takes_over_from_a_killed_leader(tmp_path: Path, database: str) -> None:
    async def story(platform: OwnPlatform, client: tensorfleet.Client) -> None:
        job = await asyncio.to_thread(client.submit, count(tmp_path))
        await until(lambda: job.metrics().get("loss"), "the job trains", 60)
        platform.role("orchestrator").stop(signal.SIGKILL)  # and nobody starts it again
        late = await asyncio.to_thread(
            lambda: client.submit(name="late", algorithm="random_forest", dataset="iris")
        )
        await until(lambda: late.refresh().status == "completed", "the standby leads", 40)
        await asyncio.to_thread(lambda: job.wait(timeout=60))
        assert job.data["attempt"] == 1, "it never noticed"
        assert [point.step for point in job.metrics()["loss"]] == list(range(1, STEPS + 1))
        assert printed(job) == [f"line {step}" for step in range(1, STEPS + 1)]

    run(tmp_path / "home", database, story)


def test_a_leader_that_was_stopped_for_a_while_does_not_write_any_more(tmp_path: Path, database: str) -> None:
    async def story(platform: OwnPlatform, client: tensorfleet.Client) -> None:
        await until(lambda: says(platform, "standby", "standing by"), "the standby stands by")
        platform.signal("orchestrator", signal.SIGSTOP)
        await until(lambda: says(platform, "standby", "orchestrator is ready"), "the standby leads")
        job = await asyncio.to_thread(
            lambda: client.submit(name="meanwhile", algorithm="random_forest", dataset="iris")
        )
        await until(lambda: job.refresh().status == "completed", "the standby runs it", 40)
        platform.signal("orchestrator", signal.SIGCONT)
        await until(
            lambda: says(platform, "orchestrator", "another orchestrator took over"), "the old one gives up"
        )
        await until(lambda: platform.restarts.get("orchestrator"), "it ends, and is started again")
        await until(lambda: says(platform, "orchestrator", "standing by"), "it stands by")
        kinds = [event.kind for event in await asyncio.to_thread(lambda: list(job.events()))]
        assert kinds.count("job.completed") == kinds.count("job.started") == 1

    run(tmp_path / "home", database, story)
