"""One run: a fleet of its own, jobs, faults, and the verdict."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import tensorfleet
from tensorfleet.adapters.database import Database
from tensorfleet.errors import TensorFleetError
from tensorfleet.sdk.sending import upload_code
from tensorfleet.testing.chaos.checks import Problem
from tensorfleet.testing.chaos.client import Users
from tensorfleet.testing.chaos.database import open_store
from tensorfleet.testing.chaos.inject import Injector, Victims
from tensorfleet.testing.chaos.plan import ENTRYPOINT, GPUS_PER_SIMULATED_SLOT, Options, Plan, make_plan
from tensorfleet.testing.chaos.proxy import Proxy
from tensorfleet.testing.chaos.verdict import Reader, Verdict, judge
from tensorfleet.testing.platform import OwnPlatform, left_running, own_platform
from tensorfleet.testing.simulation import own_code
from tensorfleet.testing.simulation.fleet import FleetPlan, SimulatedFleet
from tensorfleet.testing.simulation.misbehaviour import Misbehaviour

LOOK_S = 0.2
SETTLE_S = 30.0
REAL_SLOTS, SIMULATED_SLOTS = 2, 8
BATCH = 8
MISBEHAVIOUR_RATE = 0.2
Say = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What a run was, what was done to it, and what became of it."""

    plan: Plan
    database: str
    seconds: float
    faults: Counter[str]
    refused: Counter[str]
    restarts: dict[str, int]
    verdict: Verdict
    problems: tuple[Problem, ...]
    home: Path | None
    """Where the logs of a run with problems are; None when all was well."""

    @property
    def good(self) -> bool:
        return not self.problems


async def run(options: Options, database: str, minutes: float, say: Say) -> Report:
    """Runs everything and reports.

    Args:
        database: `sqlite` or `postgresql`.
        minutes: jobs that have not ended by then are reported as such.
    """
    plan = make_plan(options)
    began = time.monotonic()
    with _home() as (home, keep):
        async with AsyncExitStack() as stack:
            scene = await _set_up(stack, plan, home, database, say)
            await _drive(scene, plan, began + 60 * minutes, say)
            await scene.injector.finish()
            await _settle(scene)
            await scene.stop()
            verdict = await asyncio.to_thread(judge, plan, scene.reader)
        left = [Problem("", "no process left", line) for line in left_running(home)]
        problems = (*verdict.problems, *left)
        return Report(
            plan, database, time.monotonic() - began, scene.injector.counts, scene.users.refused,
            dict(scene.platform.restarts), verdict, problems, keep() if problems else None,
        )  # fmt: skip


@contextmanager
def _home() -> Iterator[tuple[Path, Callable[[], Path]]]:
    """A temporary home, which stays if `keep` is called."""
    path = Path(tempfile.mkdtemp(prefix="tensorfleet-chaos-"))
    kept: list[Path] = []

    def keep() -> Path:
        kept.append(path)
        return path

    try:
        yield path, keep
    finally:
        if not kept:
            shutil.rmtree(path, ignore_errors=True)


class Scene:
    """All that takes part in a run."""

    def __init__(
        self, platform: OwnPlatform, fleet: SimulatedFleet, users: Users, injector: Injector, reader: Reader
    ) -> None:
        self.platform = platform
        self.fleet = fleet
        self.users = users
        self.injector = injector
        self.reader = reader
        self.fleet_work: AsyncExitStack = AsyncExitStack()

    async def stop(self) -> None:
        await self.fleet_work.aclose()
        await self.platform.stop()


async def _set_up(stack: AsyncExitStack, plan: Plan, home: Path, database: str, say: Say) -> Scene:
    options = plan.options
    store = await stack.enter_async_context(open_store(database, str(home / "tensorfleet.db")))
    platform = await stack.enter_async_context(
        own_platform(home, database_url=store.url, lease_s=options.lease_s, heartbeat_s=options.lease_s / 6)
    )
    links = await stack.enter_async_context(_proxy(platform.service))
    agents = tuple(f"agent-{number}" for number in range(1, options.real + 1))
    for name in agents:
        platform.add(platform.agent_role(name, REAL_SLOTS, links.address))
    if agents:
        platform.add(platform.local_role("monitor")).wake()
    fleet = SimulatedFleet(
        FleetPlan(options.simulated, SIMULATED_SLOTS, GPUS_PER_SIMULATED_SLOT), links.address, platform.token,
        Misbehaviour(options.seed, MISBEHAVIOUR_RATE, "duplicate" in options.faults, "late" in options.faults),
    )  # fmt: skip
    connection = Database(platform.settings.database)
    stack.callback(connection.close)
    http = await stack.enter_async_context(_client(platform))
    users = Users(http, await asyncio.to_thread(upload_own_code, platform))
    victims = Victims(platform, agents, fleet, links, store)
    scene = Scene(platform, fleet, users, Injector(victims, plan.faults, say), Reader(connection))
    stack.push_async_callback(scene.fleet_work.aclose)
    await scene.fleet_work.enter_async_context(fleet.running())
    await _online(http, len(agents) + options.simulated)
    return scene


@asynccontextmanager
async def _proxy(target: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


def _client(platform: OwnPlatform) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {platform.token}"}
    return httpx.AsyncClient(base_url=f"{platform.url}/api/v1", headers=headers, timeout=20, trust_env=False)


def upload_own_code(platform: OwnPlatform) -> str:
    """Sends the code that acts a script out; returns its digest."""
    assert own_code.__file__ is not None
    with (
        tempfile.TemporaryDirectory() as folder,
        tensorfleet.Client(platform.url, token=platform.token) as client,
    ):
        Path(folder, ENTRYPOINT).write_bytes(Path(own_code.__file__).read_bytes())
        return upload_code(client.transport, Path(folder))


async def _online(http: httpx.AsyncClient, count: int) -> None:
    async with asyncio.timeout(60):
        while len((await http.get("/workers")).json()["items"]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _drive(scene: Scene, plan: Plan, deadline: float, say: Say) -> None:
    """Submits, acts and injects until every job has ended, or time is up."""
    options = plan.options
    room = 2 * (options.real * REAL_SLOTS + options.simulated * SIMULATED_SLOTS)
    waiting = list(plan.jobs)
    ended, told = 0, 0
    rng = random.Random(options.seed)  # noqa: S311 - a plan, not a secret
    actions: set[asyncio.Task[None]] = set()
    while ended < len(plan.jobs) and time.monotonic() < deadline:
        while waiting and len(plan.jobs) - len(waiting) - ended < room:
            some, waiting = waiting[:BATCH], waiting[BATCH:]
            await scene.users.submit(some)
            for job in some:
                if job.action:
                    actions.add(asyncio.create_task(_later(rng.uniform(0, 1), scene.users, job)))
        await asyncio.sleep(LOOK_S)
        ended = await _look(scene, ended)
        scene.injector.progress(ended)
        if ended >= told + max(50, len(plan.jobs) // 20):
            told = ended
            say(
                f"{ended} of {len(plan.jobs)} jobs have ended, {sum(scene.injector.counts.values())} faults done"
            )
    await asyncio.gather(*actions)


async def _later(delay_s: float, users: Users, job: Any) -> None:
    await asyncio.sleep(delay_s)
    await users.act(job)


async def _look(scene: Scene, before: int) -> int:
    """How many jobs have ended; the last known number while the database is away.  Takes pauses back on the way."""
    try:
        for job_id in await asyncio.to_thread(scene.reader.paused):
            await scene.users.resume(job_id)
        return await asyncio.to_thread(scene.reader.ended_count)
    except TensorFleetError:
        return before


async def _settle(scene: Scene) -> None:
    """Late reports arrive, stops are confirmed, nothing is left open; or it is reported as left."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        try:
            live, orders = await asyncio.to_thread(scene.reader.unsettled)
        except TensorFleetError:
            live = 1
        else:
            if not live and not orders and not scene.fleet.held:
                return
        await asyncio.sleep(LOOK_S)
