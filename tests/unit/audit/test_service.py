"""Who may read the log, and what is done for it in the background."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete

from tensorfleet.access.current import caller
from tensorfleet.access.model import PERMISSIONS, ROOT, Permission, Principal, Role
from tensorfleet.adapters.database import Database
from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.adapters.schema import audit, metadata
from tensorfleet.audit.anchors import FOLDER, KEPT, ObjectAnchors
from tensorfleet.audit.endpoints import build_router
from tensorfleet.audit.model import Anchor, Draft, derive_keys
from tensorfleet.audit.ports import AuditFilter
from tensorfleet.audit.service import AuditLog, Upkeep, to_us
from tensorfleet.audit.store import SqlAuditStore
from tensorfleet.errors import InvalidInput, NotFound, NotPermitted
from tensorfleet.gateway.problems import add_problem_handlers

KEYS = derive_keys("token")
NOW = datetime(2026, 3, 4, tzinfo=UTC)
ADMIN = Principal("u-1", "ada", within={"lab": PERMISSIONS[Role.ADMIN]})
USER = Principal("u-2", "ben", within={"lab": PERMISSIONS[Role.USER]})
ALL = AuditFilter()


class World:
    """A log of nine entries, three in each of two workspaces and three in none, and its anchors."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'audit.db'}")
        with self.database.begin() as connection:
            metadata.tables["audit"].create(connection)
        self.objects = open_object_store(f"file://{folder / 'objects'}")
        self.anchors = ObjectAnchors(self.objects)
        self.store = SqlAuditStore(self.database)
        self.now = NOW
        self.log = AuditLog(self.store, self.anchors, KEYS, lambda: self.now)
        for number in range(9):
            self.add(number)

    def add(self, number: int, at: datetime = NOW) -> None:
        workspace = (None, "lab", "other")[number % 3]
        draft = Draft(
            f"a-{number}", to_us(at) + number, "jobs.submit", target=f"j-{number}", workspace=workspace
        )
        self.last = self.store.append([draft], KEYS)

    def upkeep(self, retention_days: int | None = None) -> Upkeep:
        return Upkeep(self.log, self.store, self.anchors, KEYS, lambda: self.now, retention_days)

    def cut(self, behind: int) -> None:
        with self.database.begin() as connection:
            connection.execute(delete(audit).where(audit.c.seq > behind))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path)
    yield found
    found.database.close()


@contextmanager
def calling(who: Principal) -> Iterator[None]:
    token = caller.set(who)
    try:
        yield
    finally:
        caller.reset(token)


def places(world: World, who: Principal, workspace: str | None = None) -> list[int]:
    with calling(who):
        return [entry.seq for entry in world.log.page(ALL, workspace, 100, None)[0]]


def test_the_platforms_administrators_see_all_and_a_workspaces_what_was_done_there(world: World) -> None:
    assert places(world, ROOT) == list(range(9, 0, -1))
    assert places(world, ROOT, "other") == [9, 6, 3]
    assert places(world, ADMIN) == places(world, ADMIN, "lab") == [8, 5, 2]
    with pytest.raises(NotFound):
        places(world, ADMIN, "other")
    for workspace in (None, "lab"):
        with pytest.raises(NotPermitted, match="audit:read"):
            places(world, USER, workspace)


def test_an_export_is_of_what_may_be_seen_and_refused_before_its_first_line(world: World) -> None:
    with calling(ADMIN):
        lines = [json.loads(line) for line in world.log.export(AuditFilter(action="jobs"), None)]
    assert [line["seq"] for line in lines] == [2, 5, 8]
    with calling(USER), pytest.raises(NotPermitted):
        world.log.export(ALL, None)


def test_only_who_may_read_all_may_verify(world: World) -> None:
    with calling(ADMIN), pytest.raises(NotPermitted):
        world.log.verify()
    with calling(ROOT):
        assert world.log.verify().ok


def test_pages_follow_one_another(world: World) -> None:
    with calling(ADMIN):
        first, cursor = world.log.page(ALL, None, 2, None)
        second, end = world.log.page(ALL, None, 2, cursor)
        assert ([e.seq for e in first], [e.seq for e in second], end) == ([8, 5], [2], None)
        for wrong in ("x", "WyJhIl0", "Wy0xXQ", "WzEuNV0", "W3RydWUsMV0"):
            with pytest.raises(InvalidInput, match="does not belong to this list"):
                world.log.page(ALL, None, 2, wrong)


def test_a_good_log_is_anchored_and_a_cut_is_found_then(world: World) -> None:
    assert world.log.examine().anchored is None
    assert world.log.examine().anchored == 9
    world.cut(behind=7)
    found = world.log.examine()
    assert found.problem is not None
    assert found.problem.seq == 8
    assert world.log.examine().problem == found.problem  # and sets no new anchor


def test_anchors_are_set_from_time_to_time_and_few_are_kept(world: World) -> None:
    upkeep = world.upkeep()
    upkeep(None)
    assert world.anchors.all() == []
    for number in range(9, 18):
        world.add(number)
        upkeep(world.last)
        upkeep(world.last)
        world.now += timedelta(seconds=31)
    assert [anchor.seq for anchor in world.anchors.all()] == list(range(19 - KEPT, 19))
    world.objects.put(f"{FOLDER}/999999999999999-x.json", b"{no anchor")
    assert world.log.examine().ok


def test_the_anchor_that_proves_a_cut_is_not_replaced_however_long_the_log_grows(world: World) -> None:
    world.upkeep().anchor(world.last)  # type: ignore[arg-type]
    world.cut(behind=4)
    upkeep = world.upkeep()
    for number in range(20, 40):
        world.add(number)
        upkeep(world.last)
        world.now += timedelta(seconds=31)
    found = world.log.examine()
    assert [anchor.seq for anchor in world.anchors.all()] == [9]
    assert found.problem is not None
    assert found.problem.seq == 9


def test_a_forged_anchor_hinders_no_good_one(world: World) -> None:
    world.anchors.put(Anchor(10**6, "0" * 64, 0, "0" * 64))
    world.upkeep().anchor(world.last)  # type: ignore[arg-type]
    assert 9 in [anchor.seq for anchor in world.anchors.all()]
    found = world.log.examine()
    assert found.problem is not None
    assert "not signed" in found.problem.what


def test_what_is_old_is_dropped_and_the_rest_is_good(world: World) -> None:
    upkeep = world.upkeep(retention_days=30)
    upkeep(world.last)
    assert len(list(world.store.walk())) == 9
    world.now += timedelta(days=31)
    world.add(9, world.now)
    upkeep(world.last)
    found = world.log.examine()
    assert found.ok
    assert [entry.draft.action for entry in world.store.walk()] == ["jobs.submit", "audit.drop"]
    assert found.first == 10
    upkeep.anchor(found.last)  # type: ignore[arg-type]
    assert world.log.examine().anchored == 11


def test_nothing_is_dropped_from_a_log_that_was_changed(world: World) -> None:
    with world.database.begin() as connection:
        connection.execute(audit.update().where(audit.c.seq == 2).values(actor_name="eve"))
    world.now += timedelta(days=31)
    world.upkeep(retention_days=30)(world.last)
    assert len(list(world.store.walk())) == 9
    problem = world.log.examine().problem
    assert problem is not None
    assert problem.seq == 2


async def test_over_http(world: World) -> None:
    app = FastAPI()
    add_problem_handlers(app)
    settled: list[float] = []
    app.include_router(build_router(world.log, lambda timeout_s: not settled.append(timeout_s)))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        with calling(ADMIN):
            page = (await client.get("/audit", params={"limit": 2, "from": "2026-03-04T00:00:00Z"})).json()
            following = (
                await client.get("/audit", params={"limit": 2, "cursor": page["next_cursor"]})
            ).json()
            assert (await client.post("/audit/verify")).status_code == 403
        with calling(ROOT):
            none = (await client.get("/audit", params={"to": "2026-03-04T00:00:00"})).json()
            lines = (await client.get("/audit/export", params={"target": "j-3"})).text.splitlines()
            verdict = (await client.post("/audit/verify")).json()
            tampered = await client.get("/audit", params={"limit": 0})
    assert [item["seq"] for item in page["items"] + following["items"]] == [8, 5, 2]
    assert page["items"][0]["at"] == "2026-03-04T00:00:00.000007Z"
    assert (none["items"], following["next_cursor"]) == ([], None)
    assert [json.loads(line)["target"] for line in lines] == ["j-3"]
    assert verdict == {"ok": True, "entries": 9, "first": 1, "last": 9, "anchored": None, "problem": None}
    assert tampered.status_code == 422
    assert len(settled) == 6


async def test_a_log_that_makes_no_sense_can_still_be_listed(world: World) -> None:
    with world.database.begin() as connection:
        connection.execute(audit.update().where(audit.c.seq == 2).values(at=2**60, after="{no json"))
    with calling(ROOT):
        found = list(world.log.export(AuditFilter(target="j-1"), None))
    assert json.loads(found[0])["at"] is None
    assert json.loads(found[0])["after"] == "{no json"


def test_permissions_are_as_the_roles_say() -> None:
    assert [role for role in Role if Permission.AUDIT_READ in PERMISSIONS[role]] == [Role.ADMIN]
