"""What a dataset led to and what a model came from, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event, insert

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import dataset_versions, model_versions, trials
from tensorfleet.errors import NotFound
from tensorfleet.jobs.model import NewEvent
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.lineage.model import Node
from tensorfleet.lineage.service import Lineage
from tensorfleet.lineage.store import SqlLineage
from tensorfleet.registry.model import registered_name

NOW = datetime(2026, 3, 4, tzinfo=UTC)
Edges = set[tuple[str, str, str]]


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        self._jobs = SqlJobStore(database)
        self._times = (NOW + timedelta(seconds=number) for number in count())

    def lineage(self, shows: Callable[[Node], bool] = lambda node: True, most: int = 500) -> Lineage:
        return Lineage(SqlLineage(self.database), shows, most)

    def dataset(self, name: str, *versions: int, workspace: str = "default") -> None:
        row = {
            "name": name,
            "workspace": workspace,
            "format": "csv",
            "rows": 1,
            "bytes": 1,
            "columns": [],
            "profile": {},
        }
        with self.database.begin() as connection:
            for version in versions:
                more = {"version": version, "digest": str(version), "created_at": NOW}
                connection.execute(insert(dataset_versions).values(**row, **more))

    def job(self, job_id: str, reads: str = "", workspace: str = "default", **more: Any) -> None:
        name, _, version = reads.partition("@")
        inputs: dict[str, Any] = {"dataset": {"name": name, "version": int(version)}} if reads else {}
        if "replay_of" in more:
            inputs["replay_of"] = more["replay_of"]
        origin = {"job_id": more["forked"]} if "forked" in more else None
        at = next(self._times)
        self._jobs.insert(
            NewJob(
                job_id, f"the {job_id}", workspace, more.get("kind", "train"), 1, 1, {"resources": {}}, inputs, at,
                events=(NewEvent("job.forked", at, origin, job_id),) if origin else (),
            )
        )  # fmt: skip

    def trial(self, study: str, number: int, job_id: str, reads: str) -> None:
        self.job(job_id, reads)
        row = {
            "study_id": study,
            "number": number,
            "job_id": job_id,
            "params": {},
            "state": "completed",
            "notes": {},
        }
        with self.database.begin() as connection:
            connection.execute(insert(trials).values(**row, created_at=NOW))

    def model(
        self, name: str, version: int, job_id: str | None, workspace: str = "default", *aliases: str
    ) -> None:
        row = {
            "name": registered_name(workspace, name),
            "version": version,
            "workspace": workspace,
            "job_id": job_id,
        }
        more = {
            "source": "",
            "aliases": list(aliases),
            "tags": {},
            "metrics": {},
            "files": [],
            "created_at": NOW,
        }
        with self.database.begin() as connection:
            connection.execute(insert(model_versions).values(**row, **more))


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def edges(found: dict[str, Any]) -> Edges:
    return {(edge["from"], edge["kind"], edge["to"]) for edge in found["edges"]}


def a_whole_story(world: World) -> None:
    world.dataset("iris", 1, 2)
    world.job("j-first", "iris@1")
    world.job("j-fork", "iris@1", forked="j-first")
    world.job("j-again", "iris@1", replay_of="j-fork")
    world.job("j-study", "iris@2", kind="tune")
    for number in range(3):
        world.trial("j-study", number, f"j-trial{number}", "iris@2")
    world.job("j-other", "wine@1")
    world.model("flowers", 1, "j-fork")
    world.model("flowers", 2, "j-trial1", "default", "production")
    world.model("bought", 1, None)


def test_what_a_dataset_led_to(world: World) -> None:
    a_whole_story(world)
    found = world.lineage().of_dataset("iris", "default", None).to_dict()
    assert edges(found) == {
        ("dataset:default/iris@1", "read", "j-first"),
        ("dataset:default/iris@1", "read", "j-fork"),
        ("dataset:default/iris@1", "read", "j-again"),
        ("dataset:default/iris@2", "read", "j-study"),
        ("dataset:default/iris@2", "read", "j-trial1"),
        ("j-first", "fork", "j-fork"),
        ("j-fork", "replay", "j-again"),
        ("j-study", "trial", "j-trial1"),
        ("j-fork", "made", "model:default/flowers@1"),
        ("j-trial1", "made", "model:default/flowers@2"),
    }
    kinds = {node["id"]: node["kind"] for node in found["nodes"]}
    assert (kinds["j-study"], kinds["j-fork"], kinds["dataset:default/iris@2"]) == ("study", "job", "dataset")
    assert not {"j-trial0", "j-trial2", "j-other"} & kinds.keys()
    assert found["cut"] is False
    of_two = edges(world.lineage().of_dataset("iris", "default", 2).to_dict())
    assert {end for origin, _, end in of_two} == {"j-study", "j-trial1", "model:default/flowers@2"}


def test_what_a_model_came_from(world: World) -> None:
    a_whole_story(world)
    found = world.lineage().of_model("flowers", "default", 2).to_dict()
    assert edges(found) == {
        ("j-trial1", "made", "model:default/flowers@2"),
        ("j-study", "trial", "j-trial1"),
        ("dataset:default/iris@2", "read", "j-trial1"),
        ("dataset:default/iris@2", "read", "j-study"),
    }
    model = next(node for node in found["nodes"] if node["kind"] == "model")
    assert (model["name"], model["version"], model["aliases"]) == ("flowers", 2, ["production"])
    assert edges(world.lineage().of_model("flowers", "default", 1).to_dict()) == {
        ("j-fork", "made", "model:default/flowers@1"),
        ("j-first", "fork", "j-fork"),
        ("j-fork", "replay", "j-again"),
        ("dataset:default/iris@1", "read", "j-fork"),
        ("dataset:default/iris@1", "read", "j-first"),
    }
    alone = world.lineage().of_model("bought", "default", None).to_dict()
    assert ([node["id"] for node in alone["nodes"]], alone["edges"]) == (["model:default/bought@1"], [])


def test_forks_that_read_something_else_are_shown_too(world: World) -> None:
    world.dataset("iris", 1)
    world.job("j-before", "wine@1")
    world.job("j-here", "iris@1", forked="j-before")
    world.job("j-after", "wine@2", forked="j-here")
    found = edges(world.lineage().of_dataset("iris", "default", None).to_dict())
    assert {("j-before", "fork", "j-here"), ("j-here", "fork", "j-after")} <= found
    assert ("dataset:default/wine@1", "read", "j-before") in found


def test_what_one_may_not_see_is_left_out_with_its_edges(world: World) -> None:
    world.dataset("iris", 1)
    world.dataset("iris", 1, workspace="lab")
    world.job("j-mine", "iris@1")
    world.job("j-theirs", "iris@1", "lab", forked="j-mine")
    world.job("j-later", "iris@1", forked="j-theirs")
    world.model("flowers", 1, "j-mine")
    world.model("flowers", 1, "j-theirs", "lab")
    mine = world.lineage(lambda node: node.workspace == "default")
    found = mine.of_dataset("iris", "default", None).to_dict()
    assert {node["workspace"] for node in found["nodes"]} == {"default"}
    assert edges(found) == {
        ("dataset:default/iris@1", "read", "j-mine"),
        ("dataset:default/iris@1", "read", "j-later"),
        ("j-mine", "made", "model:default/flowers@1"),
    }
    no_jobs = world.lineage(lambda node: node.kind != "job").of_model("flowers", "default", None).to_dict()
    assert ([node["id"] for node in no_jobs["nodes"]], no_jobs["edges"]) == (["model:default/flowers@1"], [])


def test_a_long_story_is_cut_and_says_so(world: World) -> None:
    world.dataset("iris", *range(1, 9))
    for number in range(30):
        world.job(f"j-{number:02}", f"iris@{number % 8 + 1}")
    found = world.lineage(most=20).of_dataset("iris", "default", None).to_dict()
    assert (len(found["nodes"]), found["cut"]) == (20, True)
    assert "j-29" in {node["id"] for node in found["nodes"]}, "the newest are shown"
    assert world.lineage(most=3).of_dataset("iris", "default", None).to_dict()["cut"]
    world.model("flowers", 1, "j-00")
    long = world.lineage(most=2).of_model("flowers", "default", None).to_dict()
    assert (len(long["nodes"]), long["cut"]) == (2, True)


def test_what_is_not_there(world: World) -> None:
    world.dataset("iris", 1)
    for ask in (
        lambda: world.lineage().of_dataset("iris", "default", 2),
        lambda: world.lineage().of_dataset("iris", "lab", None),
        lambda: world.lineage().of_model("iris", "default", None),
    ):
        with pytest.raises(NotFound, match="there is no"):
            ask()


def test_each_question_goes_through_an_index(world: World) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        asked.append((statement, parameters))

    a_whole_story(world)
    event.listen(world.database.engine, "before_cursor_execute", note)
    world.lineage().of_dataset("iris", "default", 1)
    world.lineage().of_model("flowers", "default", None)
    event.remove(world.database.engine, "before_cursor_execute", note)
    assert len(asked) > 8
    explain = "EXPLAIN QUERY PLAN" if world.database.is_sqlite else "EXPLAIN"
    with world.database.read() as connection:
        if not world.database.is_sqlite:  # it reads small tables as a whole, if it may
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in asked:
            plan = [
                " ".join(map(str, row))
                for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
            ]
            assert not [step for step in plan if " SCAN " in step or "Seq Scan" in step], (statement, plan)
