"""Wake-ups by a real Redis server that is killed, frozen and emptied; and when a commit is told at all."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from tensorfleet.adapters import redis_wakes
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.redis_link import RedisLink
from tensorfleet.adapters.redis_wakes import STREAM, RedisHerald, RedisWakes, open_herald
from tensorfleet.adapters.schema import metadata
from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.testing.servers import RedisServer, free_ports, redis

NOW = datetime(2026, 3, 4, tzinfo=UTC)
EVENT = NewEvent("log", NOW, {"text": "x"}, "j-1")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis() as started:
        yield started


@pytest.fixture
def link(server: RedisServer) -> Iterator[RedisLink]:
    """The test's own connection."""
    opened = RedisLink(server.url)
    yield opened
    opened.close()


@pytest.fixture
def herald(server: RedisServer) -> Iterator[RedisHerald]:
    opened = RedisHerald(RedisLink(server.url))
    yield opened
    opened.close()


@pytest.fixture
async def wakes(server: RedisServer) -> AsyncIterator[RedisWakes]:
    opened = RedisWakes(RedisLink(server.url))
    yield opened
    await opened.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wake-up nothing happens for as long as a test lasts."""
    monkeypatch.setattr(redis_wakes, "BLOCK_S", 60.0)


async def woken(wakes: RedisWakes) -> None:
    async with asyncio.timeout(20):
        await wakes.wait()


async def settled(wakes: RedisWakes) -> asyncio.Task[None]:
    """A wait that has taken notice of all that was told before and now really waits."""
    while True:
        waiting = asyncio.create_task(wakes.wait())
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        if not done:
            return waiting


@pytest.mark.usefixtures("patient")
async def test_what_is_told_wakes_whoever_waits(
    herald: RedisHerald, wakes: RedisWakes, server: RedisServer
) -> None:
    second = RedisWakes(RedisLink(server.url))
    for _ in range(3):
        waiting = [await settled(one) for one in (wakes, second)]
        herald.tell()
        async with asyncio.timeout(20):
            await asyncio.gather(*waiting)
    await second.close()


@pytest.mark.usefixtures("patient")
async def test_what_was_told_between_two_waits_is_not_missed(
    herald: RedisHerald, wakes: RedisWakes, link: RedisLink
) -> None:
    herald.tell()
    await told(link, 1)
    await woken(wakes)
    herald.tell()
    await told(link, 2)
    await woken(wakes)
    (await settled(wakes)).cancel()


async def told(link: RedisLink, times: int) -> None:
    async with asyncio.timeout(20):
        while link.call(lambda client: client.exists(STREAM)) == 0 or times > int(
            str(link.call(lambda client: client.xinfo_stream(STREAM))["entries-added"])
        ):
            await asyncio.sleep(0.01)


async def test_many_at_once_become_few_and_little_is_kept(herald: RedisHerald, link: RedisLink) -> None:
    began = time.monotonic()
    for _ in range(20_000):
        herald.tell()
    assert time.monotonic() - began < 5, "telling costs the one who commits next to nothing"
    await told(link, 1)
    link.call(
        lambda client: [client.xadd(STREAM, {"grew": 1}, maxlen=16, approximate=True) for _ in range(1000)]
    )
    assert int(str(link.call(lambda client: client.xinfo_stream(STREAM))["entries-added"])) < 1500
    assert int(str(link.call(lambda client: client.xlen(STREAM)))) < 300


@pytest.mark.usefixtures("patient")
async def test_an_emptied_stream_that_begins_below_the_old_one_wakes_again(
    wakes: RedisWakes, link: RedisLink, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    link.call(lambda client: client.xadd(STREAM, {"grew": 1}, id="99999999999999-0"))
    await woken(wakes)
    server.flush()
    link.call(lambda client: client.xadd(STREAM, {"grew": 1}, id="5-0"))
    monkeypatch.setattr(redis_wakes, "BLOCK_S", 0.1)
    await woken(wakes)  # its time is over, and it notices
    monkeypatch.setattr(redis_wakes, "BLOCK_S", 60.0)
    waiting = await settled(wakes)
    link.call(lambda client: client.xadd(STREAM, {"grew": 1}, id="6-0"))
    async with asyncio.timeout(20):
        await waiting


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_while_redis_is_away_looks_go_on_within_a_second(
    how: str, server: RedisServer, wakes: RedisWakes, herald: RedisHerald, link: RedisLink
) -> None:
    herald.tell()
    await told(link, 1)
    await woken(wakes)
    if how == "killed":
        server.kill()
    else:
        server.signal(signal.SIGSTOP)
    looks = []
    for _ in range(6):
        began = time.monotonic()
        herald.tell()
        assert time.monotonic() - began < 0.1, "nobody who commits waits for Redis"
        await wakes.wait()
        looks.append(time.monotonic() - began)
    assert max(looks) < 3, "generous: it is 0.9 s on an idle machine"
    with pytest.raises(Unavailable, match=r"Redis at 127\.0\.0\.1:\d+ does not answer"):
        link.ping()
    assert wakes.link.reading.last_error
    if how == "killed":
        server.start()
    else:
        server.signal(signal.SIGCONT)
    async with asyncio.timeout(60):
        while not wakes.link.reading.closed:
            await wakes.wait()
    await told_again(herald, link)


async def told_again(herald: RedisHerald, link: RedisLink) -> None:
    async with asyncio.timeout(60):
        while True:
            herald.tell()
            try:
                if link.call(lambda client: client.exists(STREAM)):
                    return
            except Unavailable:
                pass
            await asyncio.sleep(0.1)


class Recorded:
    """A herald that notes what had been committed when it was to tell."""

    def __init__(self) -> None:
        self.database: Database | None = None
        self.seen: list[int] = []

    def tell(self) -> None:
        assert self.database is not None
        other = Database(self.database.url)
        self.seen.append(SqlEventLog(other).last_id())
        other.close()

    def close(self) -> None:
        self.seen.append(-1)


@pytest.fixture
def recorded(database_url: str) -> Iterator[tuple[Database, Recorded]]:
    herald = Recorded()
    herald.database = Database(database_url, herald)
    with herald.database.begin() as connection:
        metadata.create_all(connection)
    yield herald.database, herald
    herald.database.close()


def test_it_is_told_after_the_commit_and_only_of_what_was_appended(
    recorded: tuple[Database, Recorded],
) -> None:
    database, herald = recorded
    log = SqlEventLog(database)
    assert herald.seen == [], "making tables appends nothing"
    with database.begin() as connection:
        log.append(connection, [EVENT, EVENT])
        log.append(connection, [EVENT])
        assert herald.seen == []
    assert herald.seen == [3], "once, and everybody can see the entries by then"
    log.save_cursor("x", 3)
    with database.begin() as connection:
        log.append(connection, [])
    with pytest.raises(ZeroDivisionError):
        append_and_fail(database)
    with database.begin():
        pass
    assert herald.seen == [3], "what was rolled back is not told, not even by the next transaction"


def append_and_fail(database: Database) -> None:
    with database.begin() as connection:
        SqlEventLog(database).append(connection, [EVENT])
        raise ZeroDivisionError


def test_without_an_address_there_is_no_herald_and_no_package_is_needed() -> None:
    assert open_herald("") is None
    program = "import sys, tensorfleet.gateway.app, tensorfleet.monitor.writer; print('redis' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


@pytest.mark.parametrize("url", ["http://host", "redis:", "localhost:6379", "redis://"])
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="redis_url is not the address of a Redis"):
        RedisLink(url)


def test_errors_hold_no_password() -> None:
    (port,) = free_ports(1)
    link = RedisLink(f"redis://user:secret@127.0.0.1:{port}/0")
    with pytest.raises(Unavailable) as refused:
        link.ping()
    assert "secret" not in str(refused.value)
    assert "secret" not in link.name
    link.close()
