"""Two gateways on one PostgreSQL with Redis between them: live streams while Redis is killed, frozen and emptied."""

from __future__ import annotations

import json
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.testing.servers import RedisServer, create_database, free_ports, postgres
from tests.integration.gateways import gateway
from tests.integration.platform import wait_until

JOB = {"name": "note", "algorithm": "linear_regression", "dataset": "rows"}
ROWS = "a,b,y\n" + "".join(f"{n},{n * n % 7},{2 * n}\n" for n in range(60))


@dataclass
class Listener:
    """One live stream of all events: which ids came, in which order, and when."""

    came: list[tuple[int, float]] = field(default_factory=list)

    def ids(self) -> list[int]:
        return [event_id for event_id, _ in self.came]

    def listen(self, api: httpx.Client, stop: threading.Event) -> None:
        with api.stream("GET", "/api/v1/events", params={"after": 0}, timeout=None) as answer:
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    self.came.append((int(line[4:]), time.monotonic()))
                if stop.is_set():
                    return


@dataclass
class Pair:
    """Two gateways, the database and the Redis that they share."""

    first: httpx.Client
    second: httpx.Client
    log: SqlEventLog
    redis: RedisServer

    def note(self) -> tuple[int, float]:
        """Submits a job at the first gateway; the id of its event, and when the answer was there."""
        answer = self.first.post("/api/v1/jobs", json=JOB)
        at = time.monotonic()
        assert answer.status_code == 201, answer.text
        return self.log.last_id(), at

    @contextmanager
    def listening(self) -> Iterator[tuple[Listener, Listener]]:
        """A stream at each gateway."""
        stop = threading.Event()
        listeners = (Listener(), Listener())
        threads = [
            threading.Thread(target=one.listen, args=(api, stop))
            for one, api in zip(listeners, (self.first, self.second), strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            yield listeners
        finally:
            stop.set()
            self.note()  # each stream gets one more entry, and looks whether it is to end
            for thread in threads:
                thread.join(30)
            assert not any(thread.is_alive() for thread in threads)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with ExitStack() as stack:
        url = create_database(stack.enter_context(postgres()))
        server = RedisServer(tmp_path_factory.mktemp("redis"), free_ports(1)[0])
        database = Database(url)
        stack.callback(database.close)
        ensure_schema(database)
        objects = tmp_path_factory.mktemp("objects")
        settings = {
            "TENSORFLEET_DATABASE_URL": url,
            "TENSORFLEET_OBJECT_STORE_URL": f"file://{objects}",
            "TENSORFLEET_REDIS_URL": server.url,
        }
        homes = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
        apis = [stack.enter_context(gateway(home, settings)) for home in homes]
        assert apis[0].post("/api/v1/datasets", json={"name": "rows"}).status_code == 201
        uploaded = apis[0].post(
            "/api/v1/datasets/rows/versions", content=ROWS, headers={"Content-Type": "text/csv"}
        )
        assert uploaded.status_code == 201, uploaded.text
        yield Pair(apis[0], apis[1], SqlEventLog(database), server)


@pytest.fixture(autouse=True)
def whole(pair: Pair) -> Iterator[None]:
    """Redis is there when a test begins, and both gateways use it."""
    pair.redis.start()
    try:
        for api in (pair.first, pair.second):
            wait_until(lambda api=api: part(api, "redis")["status"] == "ok", "Redis at both gateways")
        yield
    finally:
        pair.redis.kill()


def part(api: httpx.Client, name: str) -> dict[str, Any]:
    answer = api.get("/health")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["parts"][name]
    return found


def test_what_one_commits_the_other_streams(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    delays_s = []
    with pair.listening() as (_, there):
        for _ in range(40):
            event_id, at = pair.note()
            wait_until(lambda event_id=event_id: event_id in there.ids(), "the event at the other gateway")
            delays_s.append(dict(there.came)[event_id] - at)
    assert there.ids() == sorted(set(there.ids()))
    delays_ms = sorted(delay * 1000 for delay in delays_s)
    with capsys.disabled():
        figures = f"median {statistics.median(delays_ms):.1f} ms, most {delays_ms[-1]:.1f} ms"
        print(f"\n  seen at the other gateway after the answer of the first: {figures}")
    assert statistics.median(delays_ms) < 200, "woken, not found at the next look"


def kill(server: RedisServer) -> None:
    server.kill()


def restart(server: RedisServer) -> None:
    server.kill()
    server.start()


def freeze_and_thaw(server: RedisServer) -> None:
    server.signal(signal.SIGSTOP)
    time.sleep(1.5)  # it is the server that does nothing for so long
    server.signal(signal.SIGCONT)


def flush(server: RedisServer) -> None:
    server.flush()


@pytest.mark.parametrize("harm", [kill, restart, freeze_and_thaw, flush])
def test_no_event_is_lost_doubled_or_late(
    pair: Pair, harm: Callable[[RedisServer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    began = pair.log.last_id()
    committed: dict[int, float] = {}
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            event_id, at = pair.note()
            committed[event_id] = at
            over.wait(0.02)

    with pair.listening() as listeners:
        writer = threading.Thread(target=go_on)
        writer.start()
        try:
            wait_until(lambda: len(committed) > 20, "some events")
            harm(pair.redis)
            so_far = len(committed)
            wait_until(lambda: len(committed) > so_far + 60, "events after the harm")
            if harm is not kill:
                harm(pair.redis)
                wait_until(lambda: len(committed) > so_far + 100, "events after more of it")
        finally:
            over.set()
            writer.join()
        last = pair.log.last_id()
        for one in listeners:
            wait_until(lambda one=one: last in one.ids(), "the last event")
    for one in listeners:
        expected = [event.id for event in pair.log.read_after(0, 10_000)][: len(one.ids())]
        assert one.ids() == expected, "each event once, in the order of the log"
    delays = [dict(one.came)[event_id] - at for one in listeners for event_id, at in committed.items()]
    with capsys.disabled():
        print(
            f"\n  {harm.__name__}: {last - began} events at both gateways; the latest came after {max(delays):.3f} s"
        )
    assert max(delays) < 5, "generous: it is under a second on an idle machine"


def test_health_says_that_redis_is_away_and_what_that_means(pair: Pair) -> None:
    pair.redis.kill()
    found = part(pair.first, "redis")
    assert found["status"] == "away"
    assert "does not answer" in found["detail"]
    assert "everything works" in found["meaning"]
    assert json.dumps(found).count("secret") == 0
