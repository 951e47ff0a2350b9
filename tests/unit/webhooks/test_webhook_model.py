"""Who is told what, and when it is tried again."""

from __future__ import annotations

import json
import typing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.jobs.model import Event
from tensorfleet.webhooks.model import (
    TYPES,
    Answer,
    Delivery,
    JobFacts,
    Policy,
    State,
    Webhook,
    judge,
    message_of,
    type_of,
    wait_after,
    wants,
)
from tensorfleet.webhooks.schemas import EventType

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOOK = Webhook("wh-1", "vision", "", TYPES, NOON, after=10, secret="")
JOB = JobFacts("j-1", "cats", "vision", "train", {"team": "a", "size": 3}, {"accuracy": 0.9})
POLICY = Policy(first_s=5, give_up=timedelta(days=3), disable=timedelta(days=5))
DELIVERY = Delivery("wh-1-11", "wh-1", "job.failed", "{}", NOON, next_try_at=NOON)


def event(kind: str = "job.failed", id_: int = 11, job_id: str | None = "j-1", **data: Any) -> Event:
    return Event(id_, job_id, kind, NOON, data)


def test_the_wire_names_the_types_of_the_model() -> None:
    assert typing.get_args(EventType) == TYPES


@pytest.mark.parametrize(
    ("hook", "happened", "job", "told"),
    [
        (HOOK, event(), JOB, True),
        (HOOK, event(id_=10), JOB, False),
        (HOOK, event(), None, False),
        (HOOK, event(), replace(JOB, workspace="other"), False),
        (replace(HOOK, events=("job.completed",)), event(), JOB, False),
        (replace(HOOK, disabled_at=NOON), event(), JOB, False),
        (replace(HOOK, labels={"team": "a", "size": "3"}), event(), JOB, True),
        (replace(HOOK, labels={"team": "b"}), event(), JOB, False),
        (HOOK, event("model.registered", job_id=None, workspace="vision"), None, True),
        (HOOK, event("model.registered", job_id=None, workspace="other"), JOB, False),
        (
            replace(HOOK, labels={"team": "a"}),
            event("model.registered", job_id=None, workspace="vision"),
            None,
            False,
        ),
        (
            replace(HOOK, labels={"team": "a"}),
            event("model.registered", job_id=None, workspace="vision"),
            JOB,
            True,
        ),
        (HOOK, event("budget.spent", job_id=None, workspace="other"), None, False),
        (HOOK, event("sla.breached", job_id=None, workspace=None), None, False),
        (HOOK, event("worker.lost", job_id=None), None, True),
        (replace(HOOK, events=("study.completed",)), event("job.completed"), replace(JOB, kind="tune"), True),
        (replace(HOOK, events=("job.completed",)), event("job.completed"), replace(JOB, kind="tune"), False),
    ],
)
def test_who_is_told(hook: Webhook, happened: Event, job: JobFacts | None, told: bool) -> None:
    assert wants(hook, happened, job) is told


def test_a_message_says_what_is_meant_to_be_said() -> None:
    happened = event(reason="r" * 5000, attempt=2, traceback="secret path", **{"class": "data"})
    message = json.loads(message_of(happened, JOB))

    assert message["type"] == "job.failed"
    assert message["timestamp"] == "2026-03-04T12:00:00.000000Z"
    assert message["data"] == {
        "job_id": "j-1", "name": "cats", "workspace": "vision", "kind": "train", "labels": {"team": "a", "size": 3},
        "attempt": 2, "reason": "r" * 1000, "class": "data",
    }  # fmt: skip
    assert json.loads(message_of(event("job.completed"), JOB))["data"]["metrics"] == {"accuracy": 0.9}
    registered = event("model.registered", job_id=None, name="m", version=3, workspace="vision", job="x")
    assert json.loads(message_of(registered, JOB))["data"] == {
        "name": "m",
        "version": 3,
        "workspace": "vision",
    }
    assert type_of(event("job.failed"), replace(JOB, kind="tune")) == "study.failed"
    assert type_of(event("job.started"), replace(JOB, kind="tune")) == "job.started"


@given(attempts=st.integers(1, 200), chance=st.floats(0, 1, exclude_max=True), asked=st.floats(0, 10**9))
def test_waits_grow_within_bounds(attempts: int, chance: float, asked: float) -> None:
    wait = wait_after(attempts, chance, POLICY).total_seconds()
    assert 4.0 <= wait <= 25_920.1
    assert wait_after(attempts + 1, chance, POLICY).total_seconds() >= wait
    assert wait_after(attempts, chance, POLICY, asked).total_seconds() >= min(asked, 6 * 3600)


def test_what_is_taken_ends_the_failing() -> None:
    failing = replace(HOOK, failing_since=NOON)
    verdict = judge(DELIVERY, failing, Answer(204), NOON, 0.5, POLICY)
    assert verdict.delivery["state"] is State.DELIVERED
    assert verdict.hook == {"failing_since": None}
    assert judge(DELIVERY, HOOK, Answer(200), NOON, 0.5, POLICY).hook == {}


def test_what_is_not_taken_is_tried_until_it_is_given_up() -> None:
    now, delivery, hook, tries = NOON, DELIVERY, HOOK, 0
    while True:
        tries += 1
        verdict = judge(delivery, hook, Answer(500, "it answers with 500"), now, 0.5, POLICY)
        assert verdict.disable is None
        if verdict.delivery.get("state") is State.DEAD:
            break
        assert verdict.delivery["next_try_at"] > now
        now = verdict.delivery["next_try_at"]
        delivery = replace(delivery, attempts=verdict.delivery["attempts"])
        hook = replace(hook, failing_since=verdict.hook.get("failing_since", hook.failing_since))
    assert hook.failing_since == NOON
    assert timedelta(days=2.5) < now - NOON <= timedelta(days=3)
    assert 10 < tries < 25


def test_who_takes_nothing_for_long_is_told_no_more() -> None:
    failing = replace(HOOK, failing_since=NOON)
    soon, late = NOON + timedelta(days=4, hours=23), NOON + timedelta(days=5)
    young = replace(DELIVERY, created_at=soon)

    assert judge(young, failing, Answer(error="it does not answer"), soon, 0.5, POLICY).disable is None
    verdict = judge(young, failing, Answer(error="it does not answer"), late, 0.5, POLICY)
    assert verdict.disable == "nothing could be delivered for 5 days"
    assert verdict.delivery["state"] is State.DEAD
    assert judge(DELIVERY, HOOK, Answer(410), NOON, 0.5, POLICY).disable is not None
