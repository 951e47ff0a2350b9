"""What of a call is taken down, and when: before the change, and at the latest before the answer."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tensorfleet.access.current import caller
from tensorfleet.access.model import Principal
from tensorfleet.audit.current import note
from tensorfleet.audit.model import Draft
from tensorfleet.errors import Unavailable
from tensorfleet.gateway.auditing import Auditing

ADA = Principal("u-1", "ada", via="key", credential="k-1")
JOB = "j-0123456789abcdef"


@dataclass
class Taken:
    draft: Draft


@dataclass
class Notebook:
    """Stands in for the journal: what was told, in order."""

    told: list[tuple[str, Draft]] = field(default_factory=list)
    full: bool = False
    synced: threading.Event = field(default_factory=threading.Event)

    def begin(self, draft: Draft) -> Taken:
        if self.full:
            raise Unavailable("the audit log cannot be written")
        self.told.append(("begin", draft))
        return Taken(draft)

    def sync(self, _taken: Taken) -> None:
        self.told.append(("sync", _taken.draft))
        self.synced.set()

    def end(self, taken: Taken, draft: Draft) -> None:
        assert draft.id == taken.draft.id
        self.told.append(("end", draft))

    def drop(self, taken: Taken) -> None:
        self.told.append(("drop", taken.draft))

    def add(self, draft: Draft) -> None:
        self.told.append(("add", draft))

    @property
    def entries(self) -> list[Draft]:
        return [draft for how, draft in self.told if how in ("end", "add")]


class Platform:
    """A door that knows one key, and behind it an application that does as it is told."""

    def __init__(self, *, reads: bool = True) -> None:
        self.now = datetime(2026, 3, 4, tzinfo=UTC)
        self.book = Notebook()
        journal: Any = self.book
        self.auditing = Auditing(
            journal, lambda job: "lab" if job == JOB else None, reads=reads, clock=lambda: self.now
        )
        self.status = 200
        self.fails: BaseException | None = None
        self.notes: dict[str, Any] = {}
        self.app = self.auditing.at_the_door(self._door(self.auditing.inside(self._work)))

    def _door(self, app: Any) -> Any:
        async def door(scope: Any, receive: Any, send: Any) -> None:
            if dict(scope["headers"]).get(b"authorization") != b"Bearer right":
                await _answer(send, 401)
                return
            token = caller.set(ADA)
            try:
                await app(dict(scope), receive, send)  # a copy, as an application may make it
            finally:
                caller.reset(token)

        return door

    async def _work(self, scope: Any, receive: Any, send: Any) -> None:
        self.book.told.append(("work", Draft("", 0, "")))
        if self.fails is not None:
            raise self.fails
        await asyncio.to_thread(note, **self.notes)
        await _answer(send, self.status)

    async def call(self, method: str, path: str, key: str = "right", **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=("10.0.0.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
            return await client.request(method, f"/api/v1{path}", headers=headers, **more)


async def _answer(send: Any, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.fixture
def platform() -> Platform:
    return Platform()


async def test_a_change_is_taken_down_before_it_is_made_and_is_on_the_disk_before_the_answer(
    platform: Platform,
) -> None:
    platform.notes = {"before": {"status": "running"}, "after": {"status": "running", "requested": "cancel"}}
    platform.status = 202
    trace = "0af7651916cd43dd8448eb211c80319c"
    await platform.call(
        "POST", f"/jobs/{JOB}/cancel", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    )
    hows = [how for how, _ in platform.book.told]
    assert hows.index("begin") < hows.index("work") < hows.index("end")
    assert platform.book.synced.is_set()
    (entry,) = platform.book.entries
    assert (entry.action, entry.target_kind, entry.target, entry.outcome) == ("jobs.cancel", "job", JOB, 202)
    assert (entry.actor_id, entry.actor_name, entry.via, entry.credential) == ("u-1", "ada", "key", "k-1")
    assert (entry.source, entry.workspace, entry.trace_id) == ("10.0.0.9", "lab", trace)
    assert json.loads(entry.before or "") == {"status": "running"}
    assert json.loads(entry.after or "")["requested"] == "cancel"


async def test_a_use_case_may_say_whom_and_what_it_is_about(platform: Platform) -> None:
    platform.notes = {"actor": ("u-9", "grace"), "target": ("user", "u-9"), "workspace": "own"}
    await platform.call("POST", "/auth/token")
    (entry,) = platform.book.entries
    assert (entry.actor_id, entry.actor_name, entry.target_kind, entry.target) == (
        "u-9",
        "grace",
        "user",
        "u-9",
    )
    assert entry.workspace == "own"


async def test_what_ends_without_an_answer_has_an_entry_all_the_same(platform: Platform) -> None:
    platform.fails = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await platform.call("DELETE", f"/jobs/{JOB}")
    (entry,) = platform.book.entries
    assert (entry.action, entry.outcome) == ("jobs.delete", None)


async def test_reads_of_data_are_told_and_other_reads_are_not(platform: Platform) -> None:
    await platform.call("GET", "/datasets/iris/versions/2/download?workspace=x")
    await platform.call("GET", "/jobs")
    (entry,) = platform.book.entries
    assert (entry.action, entry.target, entry.outcome) == ("datasets.download", "iris@2", 200)


async def test_reads_can_be_left_out_but_refused_ones_are_told() -> None:
    platform = Platform(reads=False)
    await platform.call("GET", "/datasets/iris/versions/2/download")
    assert platform.book.entries == []
    platform.status = 403
    await platform.call("GET", "/datasets/iris/versions/2/download")
    assert [entry.action for entry in platform.book.entries] == ["access.denied"]


async def test_the_same_download_within_a_minute_is_counted(platform: Platform) -> None:
    for _ in range(3):
        await platform.call("GET", f"/download/logs/{JOB}.txt")
    await platform.call("GET", "/download/logs/other.txt")
    assert [entry.target for entry in platform.book.entries] == [f"logs/{JOB}.txt", "logs/other.txt"]
    assert platform.book.entries[0].workspace == "lab"
    platform.now += timedelta(seconds=61)
    platform.auditing.tell_repeats(int(platform.now.timestamp() * 1e6))
    assert [(entry.target, entry.count) for entry in platform.book.entries[2:]] == [(f"logs/{JOB}.txt", 2)]


async def test_a_flood_of_wrong_tokens_is_two_entries_a_minute_and_says_no_token(platform: Platform) -> None:
    for number in range(200):
        await platform.call("POST", f"/jobs/j-{number}/cancel", key=f"planted-{number}")
    (first,) = platform.book.entries
    assert (first.action, first.outcome, first.actor_id, first.target) == ("jobs.cancel", 401, None, "j-0")
    platform.auditing.tell_repeats()
    assert [(entry.count, entry.target) for entry in platform.book.entries[1:]] == [(199, None)]
    assert "planted" not in repr(platform.book.told)
    assert not [how for how, _ in platform.book.told if how in ("begin", "work")]


async def test_refused_changes_are_counted_and_leave_nothing_behind(platform: Platform) -> None:
    platform.status = 409
    for number in range(3):
        await platform.call("POST", f"/jobs/j-{number}/retry")
    assert [how for how, _ in platform.book.told if how not in ("work", "sync")] == [
        "begin", "end", "begin", "drop", "begin", "drop"
    ]  # fmt: skip


async def test_what_failed_on_our_side_may_have_changed_something_and_is_told_each_time(
    platform: Platform,
) -> None:
    platform.status = 503
    for _ in range(3):
        await platform.call("POST", f"/jobs/{JOB}/retry")
    assert [entry.outcome for entry in platform.book.entries] == [503, 503, 503]


async def test_neither_bodies_nor_queries_nor_headers_are_kept(platform: Platform) -> None:
    await platform.call(
        "POST",
        "/jobs?secret=planted",
        json={"env": {"KEY": "planted"}},
        headers={"Cookie": "planted", "X-Key": "planted"},
    )
    assert len(platform.book.entries) == 1
    assert "planted" not in repr(platform.book.told)


async def test_when_nothing_can_be_taken_down_nothing_is_changed(platform: Platform) -> None:
    platform.book.full = True
    answer = await platform.call("POST", f"/jobs/{JOB}/cancel")
    assert answer.status_code == 503
    assert "work" not in [how for how, _ in platform.book.told]
    assert (await platform.call("GET", "/jobs")).status_code == 200


async def test_what_a_secret_lies_in_is_not_noted(platform: Platform) -> None:
    platform.notes = {"after": {"name": "ci", "token": "planted", "nested": [{"password_hash": "planted"}]}}
    await platform.call("POST", "/keys")
    assert "planted" not in repr(platform.book.told)
