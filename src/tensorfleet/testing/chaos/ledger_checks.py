"""Whether the ledger of a run is its leases: what the database adds up by itself against what the ledger shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import BigInteger, func, select, type_coerce

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import leases
from tensorfleet.kit.clock import utc_now
from tensorfleet.ledger.grouping import By, group
from tensorfleet.ledger.model import Amounts, HeldLease, PriceBook, bounds, from_us, to_us
from tensorfleet.ledger.store import SqlLedgerStore
from tensorfleet.testing.chaos.checks import Problem

SLACK_S = 1e-5
"""The parts of a lease are stored as fractions of seconds."""


@dataclass(frozen=True)
class LeaseTime:
    """What the database says of its leases: how many, and microseconds from grant to release over all of them."""

    count: int
    held_us: int


def read_lease_time(database: Database) -> LeaseTime:
    held = type_coerce(leases.c.released_at, BigInteger) - type_coerce(leases.c.granted_at, BigInteger)
    with database.read() as connection:
        count, held_us = connection.execute(select(func.count(), func.sum(held))).one()
    return LeaseTime(count, int(held_us or 0))


def check_ledger(database: Database) -> list[Problem]:
    """After a run: everything has ended."""
    begin, end = from_us(0), utc_now()
    held = list(SqlLedgerStore(database).held_between(begin, end))
    details = [*_each(held), *_sums(held, read_lease_time(database), to_us(end))]
    return [Problem("", "the ledger is the leases", detail) for detail in details]


def _each(held: Sequence[HeldLease]) -> Iterator[str]:
    for lease in held:
        if lease.released_at is None or lease.parts is None or lease.energy_j is None:
            yield f"lease {lease.token} of job {lease.job_id} was never accounted for"
            continue
        apart_s = abs(sum(lease.parts) - (lease.released_at - lease.granted_at).total_seconds())
        if apart_s > SLACK_S or min(lease.parts) < 0:
            yield f"lease {lease.token} of job {lease.job_id} has parts {lease.parts}, {apart_s:g} s beside its time"


def _sums(held: Sequence[HeldLease], time: LeaseTime, end: int) -> Iterator[str]:
    if len(held) != time.count:
        yield f"the ledger has {len(held)} leases, and there are {time.count}"
    for by in By:
        rows, total = group(held, by, 0, end, end, PriceBook())
        of_rows = sum(Amounts.summed(row.amounts for row in rows.values()).time.values())
        if not of_rows == sum(total.time.values()) == time.held_us:
            yield f"by {by.value}: groups have {of_rows} us, the ledger {sum(total.time.values())}, leases {time.held_us}"
    cuts = sorted({0, end, *(instant for lease in held[:50] for instant in bounds(lease, end))})
    cut_us = sum(sum(group(held, By.JOB, a, b, end, PriceBook())[1].time.values()) for a, b in pairwise(cuts))
    if cut_us != time.held_us:
        yield f"cut at {len(cuts)} instants up to {from_us(end)} the ledger has {cut_us} us, the leases {time.held_us}"
