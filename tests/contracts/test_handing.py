"""Which values a task is handed, what becomes of a job that cannot have them, and what an agent is told to mask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.jobs.events import CancelRequested, Leased
from tensorfleet.jobs.machine import decide
from tensorfleet.jobs.memory import JobMemory
from tensorfleet.jobs.model import JobStatus, Lease
from tensorfleet.jobs.ports import Command, NewJob
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.kit.sealing import new_sealing_key
from tensorfleet.orchestrator.handing import Handing
from tensorfleet.orchestrator.handlers import apply_event
from tensorfleet.secrets.envelope import Keyring, key_id
from tensorfleet.secrets.service import SecretService
from tensorfleet.secrets.store import SqlSecretStore
from tensorfleet.secrets.vault import Vault
from tensorfleet.wire.codec import SECRETS

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RESOURCES = {"workers": 1, "cpus": 1, "gpus": 0, "memory": 0}
SPEC = {
    "name": "n",
    "model_name": None,
    "timeout": None,
    "retries": 0,
    "resources": RESOURCES,
    "workspace": "vision",
}


class Scene:
    """A job with secrets whose task is about to be started."""

    def __init__(self, database: Database) -> None:
        self.key = new_sealing_key()
        self.store, self.memory = SqlJobStore(database), JobMemory()
        secrets = SqlSecretStore(database)
        self.vault = Vault(self.ring, lambda: "", secrets, lambda: NOW)
        self.secrets = SecretService(secrets, self.vault, lambda: NOW)
        self.handing = Handing(self.vault)
        self.secrets.put("vision", "hf-token", "planted-1", "anna")
        spec = SPEC | {"secrets": {"A": "hf-token", "B": "hf-token"}}
        self.store.insert(NewJob("j-1", "n", "vision", "train", 1, 1, spec, {}, NOW))
        self.lease = self._start()
        self.order = Command(None, "agent:w-1", "start", str(self.lease.token), {"job_id": "j-1", "rank": 0})

    def ring(self) -> Keyring:
        return Keyring({key_id(self.key): self.key}, key_id(self.key))

    def _start(self) -> Lease:
        with self.store.orchestrate(self.memory) as tx:
            (granted,) = tx.grant("j-1", ("w-1",), None, NOW)
            before = tx.load("j-1")
            tx.save(before, *decide(before, Leased((granted,)), NOW), NOW)
        return granted

    def inside(self, work: Callable[[Any], Any]) -> Any:
        with self.store.orchestrate(self.memory) as tx:
            return work(tx)

    def fill(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.inside(
            lambda tx: self.handing.fill(tx, self.order, tx.payload("j-1"), NOW)
        )
        return found

    def masks(self) -> dict[int, list[str] | None]:
        found: dict[int, list[str] | None] = self.inside(
            lambda tx: self.handing.masks(tx, (self.lease.token,))
        )
        return found


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_a_task_gets_each_variable_that_its_job_names(scene: Scene) -> None:
    filled = scene.fill()
    assert filled is not None
    assert filled[SECRETS] == {"A": "planted-1", "B": "planted-1"}
    assert filled["spec"]["secrets"] == {"A": "hf-token", "B": "hf-token"}
    assert scene.masks() == {scene.lease.token: ["planted-1"]}


def test_an_order_without_secrets_is_left_as_it_is(scene: Scene) -> None:
    payload = {"spec": {"secrets": {}}}
    assert scene.inside(lambda tx: scene.handing.fill(tx, scene.order, payload, NOW)) is payload
    stop = Command(None, "agent:w-1", "stop", "1", {})
    assert scene.inside(lambda tx: scene.handing.fill(tx, stop, {}, NOW)) == {}


def test_a_job_whose_secret_was_deleted_fails_and_says_which(scene: Scene) -> None:
    scene.secrets.delete("vision", "hf-token")
    assert scene.fill() is None
    job = scene.store.get("j-1")
    assert job.status is JobStatus.FAILED
    assert "the secret 'hf-token' is not in workspace 'vision' any more" in str(job.reason)
    assert scene.masks() == {scene.lease.token: None}


def test_a_key_that_the_orchestrator_does_not_have_is_told(scene: Scene) -> None:
    scene.key = new_sealing_key()
    assert scene.fill() is None
    assert "give secrets_key that one too" in str(scene.store.get("j-1").reason)
    assert scene.masks() == {scene.lease.token: None}


def test_nothing_is_handed_for_a_lease_that_is_over(scene: Scene) -> None:
    scene.inside(lambda tx: apply_event(tx, "j-1", CancelRequested(), NOW))
    other = Command(None, "agent:w-2", "start", str(scene.lease.token), {"job_id": "j-1", "rank": 0})
    payload = scene.inside(lambda tx: tx.payload("j-1"))
    assert scene.inside(lambda tx: scene.handing.fill(tx, other, payload, NOW)) is None


def test_what_was_changed_after_the_task_began_cannot_be_masked(scene: Scene) -> None:
    changed = SecretService(
        SqlSecretStore(scene.store._database), scene.vault, lambda: NOW + timedelta(seconds=1)
    )
    changed.put("vision", "hf-token", "planted-2", "anna")
    assert scene.masks() == {scene.lease.token: None}
    filled = scene.fill()
    assert filled is not None
    assert filled[SECRETS]["A"] == "planted-2"
