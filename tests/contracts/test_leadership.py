"""One orchestrator leads at a time, and one that lost the lead cannot write any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leadership
from tensorfleet.errors import LostLead
from tensorfleet.fleet.leadership import SqlLeadership
from tensorfleet.kit.clock import utc_now


def candidate(database: Database, name: str = "a", lease_s: float = 30.0) -> SqlLeadership:
    return SqlLeadership(database, name, lease_s)


def set_end(database: Database, **ahead: float) -> None:
    with database.begin() as connection:
        connection.execute(update(leadership).values(expires_at=utc_now() + timedelta(**ahead)))


def test_the_second_stands_by_until_the_lease_is_over(database: Database) -> None:
    first, second = candidate(database), candidate(database, "b")
    assert first.acquire()
    assert not second.acquire()
    first.renew()
    set_end(database, seconds=-1)
    assert second.acquire()
    assert second.term == 2
    with pytest.raises(LostLead, match="another orchestrator took over"):
        first.renew()


def test_a_restarted_leader_goes_on_at_once_and_its_former_self_is_shut_out(database: Database) -> None:
    before = candidate(database)
    assert before.acquire()
    after = candidate(database)
    assert after.acquire()
    assert after.term == 2
    with pytest.raises(LostLead):
        before.renew()


def test_who_resigns_lets_the_next_one_in_at_once(database: Database) -> None:
    first, second = candidate(database), candidate(database, "b")
    assert first.acquire()
    first.resign()
    assert second.acquire()
    first.resign()
    second.renew()


def test_the_fence_holds_inside_a_transaction(database: Database) -> None:
    first, second = candidate(database), candidate(database, "b")
    assert first.acquire()
    with database.begin() as connection:
        first.check(connection)
    first.resign()
    assert second.acquire()
    with pytest.raises(LostLead), database.begin() as connection:
        first.check(connection)


def test_a_lease_from_a_clock_that_was_set_back_does_not_keep_everybody_out(database: Database) -> None:
    first, second = candidate(database), candidate(database, "b")
    assert first.acquire()
    set_end(database, hours=1)
    assert second.acquire()
