"""A store that is lent to one lease: the same as a folder for what the lease needs, and nothing of anybody else's.

On a real S3 server that checks signatures, over a real agent's door; the folder is what the same tasks use on one machine.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tensorfleet.adapters.leased import LeasedObjectStore
from tensorfleet.adapters.objectstore import FolderObjectStore, S3ObjectStore, S3Place
from tensorfleet.adapters.s3_uploads import S3Uploads
from tensorfleet.agent.door import Door
from tensorfleet.errors import Conflict, InvalidInput, NotFound, NotPermitted, Unavailable
from tensorfleet.jobs.held_leases import HeldLease
from tensorfleet.objects.blobs import CHUNK_BYTES, BlobStore
from tensorfleet.objects.desk import PART_BYTES, SMALL_BYTES, ObjectDesk
from tensorfleet.objects.ports import ObjectStore
from tensorfleet.objects.rights import Need
from tensorfleet.orchestrator.lending import Lending
from tensorfleet.testing.servers import S3Server, s3

MINE, THEIRS = "checkpoints/j-1/2-5.safetensors", "checkpoints/j-2/2-5.safetensors"
LARGE = 2 * PART_BYTES + 4097
OVER = "is over: attempt"


class Agent:
    """An agent's door in a thread, with an orchestrator behind it that gives out one lease."""

    def __init__(self, place: S3Place, folder: Path, life_s: float = 300) -> None:
        self.platform = S3ObjectStore(place)
        """What the orchestrator has, with the keys."""
        self.uploads = S3Uploads(place)
        self.held = HeldLease("w-1", Need("j-1", 2, 0), True)
        self.asked: list[str] = []
        self.links = True
        self._lending = Lending(self, ObjectDesk(self.platform, self.platform, self.uploads, life_s))  # type: ignore[arg-type]
        self._loop = asyncio.new_event_loop()
        self._door = Door(folder, self._ask)
        self._work = self._loop.create_task(self._door.run())
        self._thread = threading.Thread(target=self._run)
        self._stores: list[LeasedObjectStore] = []
        self._thread.start()
        _until(self._door.path.exists)

    def find(self, token: int) -> HeldLease | None:
        return self.held if token == 7 else None

    async def _ask(self, lease: int, question: str, data: bytes) -> str:
        if not self.links:
            raise Unavailable("the orchestrator is away")
        self.asked.append(question)
        return await self._lending.answer("w-1", lease, question, data)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._work)
        except asyncio.CancelledError:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def lend(self, lease: int = 7, **how: object) -> LeasedObjectStore:
        store = LeasedObjectStore(self._door.admit(lease), **how)  # type: ignore[arg-type]
        self._stores.append(store)
        return store

    def end_task(self) -> None:
        self._door.dismiss(7)

    def close(self) -> None:
        for store in self._stores:
            store.close()
        self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join()
        self._lending._threads.shutdown(wait=True)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with pytest.MonkeyPatch.context() as patch, s3() as server:
        for name, value in server.env().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def place(s3_server: S3Server) -> S3Place:
    return S3Place.of(s3_server.url(s3_server.make_bucket(), "some/prefix"))


@pytest.fixture
def agent(place: S3Place, tmp_path: Path) -> Iterator[Agent]:
    found = Agent(place, tmp_path / "agent")
    yield found
    found.close()


@pytest.fixture
def lent(agent: Agent) -> LeasedObjectStore:
    return agent.lend(patience_s=5.0)


@pytest.fixture(params=["folder", "lent"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderObjectStore(tmp_path / "objects")
    found: ObjectStore = request.getfixturevalue("lent")
    return found


# ---- what both do --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, PART_BYTES, LARGE])
def test_what_is_put_is_got(store: ObjectStore, size: int) -> None:
    data = secrets.token_bytes(size)
    assert store.put(MINE, b"before")
    assert store.put(MINE, data)
    assert store.get(MINE) == data
    assert store.size(MINE) == size
    assert b"".join(store.stream(MINE, 5 * 1024**2)) == data
    assert [(item.key, item.bytes) for item in store.list("checkpoints/j-1")] == [(MINE, size)]


@pytest.mark.parametrize(
    ("start", "end"), [(0, 4), (2, 5), (4, 99), (9, 12), (3, 3), (5, 2), (-1, 4), (10, 11)]
)
def test_ranges(store: ObjectStore, start: int, end: int) -> None:
    store.put(MINE, b"0123456789")
    assert store.get_range(MINE, start, end) == (b"0123456789"[start:end] if start >= 0 else b"")


def test_what_is_not_there(store: ObjectStore) -> None:
    assert store.size(MINE) is None
    for call in (
        lambda: store.get(MINE),
        lambda: store.get_range(MINE, 0, 4),
        lambda: store.get_range(MINE, 4, 0),
        lambda: next(store.stream(MINE)),
    ):
        with pytest.raises(NotFound, match="there is no object"):
            call()
    store.delete(MINE)
    assert list(store.list("files/j-1")) == []
    store.ping()


def test_one_of_two_writers_is_the_first(store: ObjectStore) -> None:
    assert store.put(MINE, b"one", overwrite=False)
    assert not store.put(MINE, b"two", overwrite=False)
    assert store.get(MINE) == b"one"
    store.delete(MINE)
    assert store.size(MINE) is None


@pytest.mark.parametrize(
    "key", ["", "/x", "checkpoints/j-1/../j-2/2-5.safetensors", "a//b", "a/", "nul\0", "%2e%2e"]
)
def test_hostile_keys(store: ObjectStore, key: str) -> None:
    for call in (store.get, store.size, store.delete, lambda k: store.put(k, b"x")):
        with pytest.raises(InvalidInput):
            call(key)


def test_an_object_that_is_replaced_while_it_is_read(store: ObjectStore) -> None:
    store.put(MINE, secrets.token_bytes(200))
    pieces = store.stream(MINE, 100)
    next(pieces)
    store.put(MINE, secrets.token_bytes(200))
    with pytest.raises(Conflict, match="replaced while it was read"):
        next(pieces)


# ---- files that the job was given ------------------------------------------------------------------------------------------


def test_the_jobs_dataset_is_fetched(agent: Agent, lent: LeasedObjectStore, tmp_path: Path) -> None:
    data = secrets.token_bytes(5 * CHUNK_BYTES + 9)
    digest = BlobStore(agent.platform).put_stream([data]).digest
    with pytest.raises(NotPermitted, match="no part of what the job needs"):
        BlobStore(lent).fetch(digest, tmp_path / "cache")
    agent.held = replace(agent.held, need=Need("j-1", 2, 0, frozenset({digest})))
    agent.asked.clear()
    assert BlobStore(lent).fetch(digest, tmp_path / "cache").read_bytes() == data
    assert len(agent.asked) == 2, "the list of its chunks, and all of them"
    with io.BufferedReader(BlobStore(lent).open(digest)) as file:
        file.seek(3 * CHUNK_BYTES - 2)
        assert file.read(4) == data[3 * CHUNK_BYTES - 2 :][:4]
    assert len(agent.asked) == 2
    with pytest.raises(NotPermitted):
        lent.put(f"blobs/{digest}.json", b"{}")


def test_no_other_jobs_dataset_model_or_checkpoint(agent: Agent, lent: LeasedObjectStore) -> None:
    digest = BlobStore(agent.platform).put_stream([b"theirs"]).digest
    (chunk,) = BlobStore(agent.platform).chunk_keys(digest)
    keys = [
        f"blobs/{digest}.json",
        chunk,
        THEIRS,
        "models/j-2/1/MLmodel",
        "files/j-2/1/kept.json",
        "mlflow/1/x",
    ]
    for key in keys[2:]:
        agent.platform.put(key, b"theirs")
    before = {key: agent.platform.get(key) for key in keys}
    for key in keys:
        for call in (
            lent.get,
            lent.size,
            lent.delete,
            lambda k: lent.put(k, b"evil"),
            lambda k: lent.put(k, bytes(SMALL_BYTES + 1)),
            lambda k: lent.get_range(k, 0, 1),
            lambda k: list(lent.stream(k)),
        ):
            with pytest.raises(NotPermitted):
                call(key)
    for folder in ("", "checkpoints", "checkpoints/j-2", "models", "blobs"):
        with pytest.raises((NotPermitted, InvalidInput)):
            list(lent.list(folder))
    with pytest.raises(NotPermitted):
        lent.copy(THEIRS, MINE)
    assert {key: agent.platform.get(key) for key in keys} == before


def test_an_earlier_attempt_is_read_and_not_written(agent: Agent, lent: LeasedObjectStore) -> None:
    earlier = "checkpoints/j-1/1-9.safetensors"
    agent.platform.put(earlier, b"saved")
    assert lent.get(earlier) == b"saved"
    for size in (1, SMALL_BYTES + 1):
        with pytest.raises(NotPermitted, match=r"attempt 2 of job j-1 may not write"):
            lent.put(earlier, bytes(size))
    assert agent.platform.get(earlier) == b"saved"
    lent.delete(earlier)
    assert agent.platform.size(earlier) is None


# ---- a lease that is over ----------------------------------------------------------------------------------------------------


def test_nothing_is_done_for_a_lease_that_is_over(agent: Agent, lent: LeasedObjectStore) -> None:
    agent.platform.put(MINE, b"before")
    agent.held = replace(agent.held, in_force=False)
    for call in (
        lambda: lent.get(MINE),
        lambda: lent.size(MINE),
        lambda: list(lent.list("checkpoints/j-1")),
        lambda: lent.put(MINE, b"late"),
        lambda: lent.put(MINE, bytes(LARGE)),
        lambda: lent.delete(MINE),
        lent.ping,
    ):
        with pytest.raises(NotPermitted, match=OVER):
            call()
    assert agent.platform.get(MINE) == b"before"


def test_a_lease_that_ends_while_a_checkpoint_is_sent(
    agent: Agent, lent: LeasedObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its parts have arrived; it is not to be seen all the same, and never will be."""
    agent.platform.put(MINE, b"before")
    ask = lent._ask

    def late(op: str, key: str, data: bytes = b"", **fields: object) -> dict[str, object]:
        if op == "complete":
            assert agent.uploads.unfinished("checkpoints/j-1")
            agent.held = replace(agent.held, in_force=False)
        return ask(op, key, data, **fields)

    monkeypatch.setattr(lent, "_ask", late)
    with pytest.raises(NotPermitted, match=OVER):
        lent.put(MINE, bytes(LARGE))
    assert agent.platform.get(MINE) == b"before"
    agent.held = HeldLease("w-1", Need("j-1", 3, 0), True)
    agent.lend().put("checkpoints/j-1/3-1.safetensors", bytes(SMALL_BYTES + 1))
    assert agent.uploads.unfinished("checkpoints/j-1") == [], "the next attempt has cleared it away"


def test_a_task_that_has_ended_and_strangers(agent: Agent, lent: LeasedObjectStore) -> None:
    stranger = LeasedObjectStore(f"lease:{'0' * 32}@{agent._door.path}", patience_s=0)
    with pytest.raises(NotPermitted, match="has ended, or never was"):
        stranger.get(MINE)
    other = agent.lend(8)
    with pytest.raises(NotPermitted, match="no lease 8 of this worker"):
        other.get(MINE)
    agent.end_task()
    with pytest.raises(NotPermitted, match="has ended, or never was"):
        lent.get(MINE)
    assert agent._door.path.stat().st_mode & 0o777 == 0o600


# ---- addresses ---------------------------------------------------------------------------------------------------------------


def test_an_address_is_good_for_reading_one_object(
    agent: Agent, lent: LeasedObjectStore, place: S3Place
) -> None:
    agent.platform.put(MINE, b"mine")
    agent.platform.put(THEIRS, b"theirs")
    url = lent._url(MINE, anew=False)
    assert httpx.get(url).content == b"mine"
    assert httpx.put(url, content=b"evil").status_code == 403
    assert httpx.delete(url).status_code == 403
    parts = urlsplit(url)
    for path in (
        parts.path.replace("j-1", "j-2"),
        parts.path + "/../../j-2/2-5.safetensors",
        parts.path.rpartition("/")[0] + quote("/../j-2/2-5.safetensors", safe=""),
        f"/{place.bucket}",
        f"/{place.bucket}/",
        f"/{place.bucket}/?list-type=2&",
    ):
        answer = httpx.get(f"{parts.scheme}://{parts.netloc}{path}{'' if '?' in path else '?'}{parts.query}")
        assert answer.status_code in (400, 403, 404), path
        assert b"theirs" not in answer.content
    assert agent.platform.get(MINE) == b"mine"


def test_an_address_of_a_part_is_good_for_that_part(agent: Agent, lent: LeasedObjectStore) -> None:
    upload = lent._ask("begin", MINE, size=LARGE)["upload"]
    url = lent._ask("parts", MINE, upload=upload, first=1)["urls"]["1"]
    for other in (
        url.replace("partNumber=1&", "partNumber=2&"),
        url.replace("j-1", "j-2"),
        url.partition("?")[0] + "?" + url.partition("partNumber=1&")[2],
    ):
        assert other != url
        assert httpx.put(other, content=b"evil").status_code in (400, 403, 404)
    assert httpx.put(url, content=b"good").status_code == 200
    assert agent.platform.size(MINE) is None, "nothing is to be seen before it is completed"
    with pytest.raises(NotPermitted):
        lent._ask("complete", THEIRS, upload=upload, size=4, etags=["x"])
    with pytest.raises(Conflict):
        lent._ask("complete", MINE, upload=upload, size=4, etags=['"0123"'])
    lent._ask("abort", MINE, upload=upload)
    assert httpx.put(url, content=b"late").status_code == 404
    assert agent.platform.size(MINE) is None


def test_an_address_expires_and_another_is_asked_for(place: S3Place, tmp_path: Path) -> None:
    """The machine's clock says that it is still good; the store has the last word."""
    agent = Agent(place, tmp_path / "agent", life_s=1)
    try:
        agent.platform.put(MINE, b"mine")
        stands_still = agent.lend(patience_s=5.0, clock=lambda: 0.0)
        url = stands_still._url(MINE, anew=False)
        assert stands_still.get(MINE) == b"mine"
        _until(lambda: httpx.get(url).status_code == 403)
        agent.asked.clear()
        assert stands_still.get(MINE) == b"mine"
        assert len(agent.asked) == 1
        agent.held = replace(agent.held, in_force=False)
        _until(lambda: httpx.get(stands_still._url(MINE, anew=False)).status_code == 403)
        with pytest.raises(NotPermitted, match=OVER):
            stands_still.get(MINE)
    finally:
        agent.close()


def test_an_address_is_used_again_for_half_of_its_life(agent: Agent) -> None:
    now = [1000.0]
    store = agent.lend(clock=lambda: now[0])
    agent.platform.put(MINE, b"mine")
    for at, asked in ((1000.0, 1), (1149.0, 1), (1151.0, 2), (1152.0, 2)):
        now[0] = at
        assert store.get(MINE) == b"mine"
        assert len(agent.asked) == asked


def test_no_signature_is_logged(
    agent: Agent, lent: LeasedObjectStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, "httpx"), caplog.at_level(logging.DEBUG, "httpcore"):
        lent.put(MINE, bytes(LARGE))
        lent.get(MINE)
        with pytest.raises(NotPermitted):
            lent.get(THEIRS)
        with pytest.raises(NotFound):
            lent.get("checkpoints/j-1/2-6.safetensors")
    assert "GET http://127.0.0.1" in caplog.text
    told = caplog.text + "".join(capfd.readouterr())
    for secret in (
        "X-Amz-Credential",
        "Signature",
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ["AWS_ACCESS_KEY_ID"],
    ):
        assert secret not in told


# ---- what goes wrong on the way ----------------------------------------------------------------------------------------------


def test_an_orchestrator_that_is_away_is_waited_for(agent: Agent) -> None:
    agent.links = False
    with pytest.raises(Unavailable, match="the orchestrator is away"):
        agent.lend(patience_s=0.1).put(MINE, b"x")
    store = agent.lend(patience_s=20.0)
    pauses: list[float] = []

    def comes_back(pause_s: float) -> None:
        pauses.append(pause_s)
        agent.links = len(pauses) >= 3

    store._sleep = comes_back
    store.put(MINE, b"x")
    assert len(pauses) == 3
    assert pauses[2] > pauses[0] / 2


def test_a_part_that_fails_is_sent_again_alone(
    agent: Agent, lent: LeasedObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, sent = lent._http.request, []

    def flaky(method: str, url: str, **more: object) -> httpx.Response:
        sent.append(url)
        if method == "PUT" and len(sent) == 2:
            raise Unavailable("the line was cut")
        return request(method, url, **more)

    monkeypatch.setattr(lent._http, "request", flaky)
    data = secrets.token_bytes(LARGE)
    lent.put(MINE, data)
    assert len(sent) == 4, "three parts, one of them twice"
    assert agent.platform.get(MINE) == data


def test_a_store_that_refuses_for_good(
    agent: Agent, lent: LeasedObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.platform.put(MINE, b"mine")
    answer = httpx.Response(403, text="<Error><Code>RequestTimeTooSkewed</Code></Error>")
    monkeypatch.setattr(lent._http, "request", lambda *_, **__: answer)
    with pytest.raises(NotPermitted, match=r"RequestTimeTooSkewed.*clock of the orchestrator"):
        lent.get(MINE)
    assert len(agent.asked) == 2, "once more, and not for ever"


def test_a_child_has_connections_of_its_own(agent: Agent, lent: LeasedObjectStore) -> None:
    agent.platform.put(MINE, b"mine")
    assert lent.get(MINE) == b"mine"
    ours = lent._http._client
    child = os.fork()
    if child == 0:
        os._exit(0 if lent.get(MINE) == b"mine" and lent._http._client is not ours else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert lent.get(MINE) == b"mine"


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
