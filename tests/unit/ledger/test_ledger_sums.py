"""The ledger is the leases: however they are cut and grouped, the sums are the same to the last microsecond."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.jobs.accounting import split
from tensorfleet.ledger.grouping import By, group
from tensorfleet.ledger.model import KINDS, Amounts, HeldLease, Price, PriceBook, to_us

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BOOK = PriceBook(
    "EUR", Price(0.04, 2.5, 0.005), {"big": Price(0.031, 1.9, 0.004), "free": Price()}, carbon_g_per_kwh=380.0
)
RANDOM = settings(max_examples=80, deadline=None, derandomize=True)
SUMS = ("time", "cpu", "gpu", "memory", "cost")


def lease(token: int = 1, begin_s: float = 0, held_s: float | None = 100, **fields: object) -> HeldLease:
    granted = NOW - timedelta(days=60) + timedelta(seconds=begin_s)
    released = None if held_s is None else granted + timedelta(seconds=held_s)
    known: dict[str, object] = {
        "token": token, "job_id": "j-1", "job_name": "forest", "workspace": "lab", "algorithm": "mlp", "worker_id": "w-1",
        "worker_type": None, "granted_at": granted, "released_at": released, "cpus": 2.0, "gpus": 0.5, "memory_bytes": 10**9,
    }  # fmt: skip
    return HeldLease(**{**known, **fields})  # type: ignore[arg-type]


@st.composite
def lives(draw: st.DrawFn) -> HeldLease:
    """A lease of any life: never started, running, released before its attempt ended, ended well, lost, hung."""
    granted = NOW - timedelta(days=95) + draw(st.timedeltas(timedelta(0), timedelta(days=90)))
    held = draw(
        st.timedeltas(timedelta(0), timedelta(days=40)) | st.timedeltas(timedelta(0), timedelta(minutes=5))
    )
    live = draw(st.booleans()) and draw(st.booleans())
    released = None if live else min(NOW, granted + held)
    parts = None
    if released is not None and draw(st.integers(0, 5)):
        inside = st.none() | st.timedeltas(timedelta(0), held).map(lambda after: granted + after)
        found = split(
            granted, draw(inside), released, completed=draw(st.booleans()), kept_until=draw(inside), hung_since=draw(inside)
        )  # fmt: skip
        parts = (found.idle_s, found.useful_s, found.lost_s, found.hung_s)
    return lease(
        draw(st.integers(1, 10**6)),
        job_id=draw(st.sampled_from(["j-1", "j-2", "j-3"])),
        workspace=draw(st.sampled_from(["lab", "default"])),
        algorithm=draw(st.sampled_from(["mlp", "train.py", None])),
        worker_type=draw(st.sampled_from([None, "big", "free"])),
        granted_at=granted,
        released_at=released,
        cpus=draw(st.sampled_from([0.25, 1.0, 1.5, 64.0])),
        gpus=draw(st.sampled_from([0.0, 0.5, 8.0])),
        memory_bytes=draw(st.integers(0, 2**40)),
        parts=parts,
        cpu_used_s=draw(st.none() | st.floats(0, 1e7)),
        energy_j=draw(st.none() | st.floats(0, 1e9)),
        energy_how=draw(st.sampled_from(["measured", "estimated", "mixed"])),
    )


LEASES = st.lists(lives(), max_size=8, unique_by=lambda found: found.token)
INSTANTS = st.timedeltas(timedelta(days=-100), timedelta(days=1)).map(lambda after: to_us(NOW + after))


def sums(found: Amounts) -> dict[str, object]:
    return {name: getattr(found, name) for name in (*SUMS, "cpu_used", "energy")}


def merged(parts: Sequence[Amounts]) -> dict[str, object]:
    return without_zeros(sums(Amounts.summed(parts)))


def without_zeros(found: dict[str, object]) -> dict[str, object]:
    energy = found["energy"]
    assert isinstance(energy, dict)
    return found | {"energy": {how: joules for how, joules in energy.items() if joules}}


@RANDOM
@given(LEASES, st.sampled_from(By), INSTANTS, INSTANTS)
def test_groups_add_up_to_the_leases(leases: list[HeldLease], by: By, one: int, other: int) -> None:
    begin, end = min(one, other), max(one, other) + 1
    rows, total = group(leases, by, begin, end, to_us(NOW), BOOK)
    assert merged([row.amounts for row in rows.values()]) == without_zeros(sums(total))
    assert set().union(*(row.amounts.tokens for row in rows.values())) == total.tokens


@RANDOM
@given(LEASES, st.lists(INSTANTS, max_size=6))
def test_cuts_of_time_add_up_to_the_leases(leases: list[HeldLease], cuts: list[int]) -> None:
    first, last = to_us(NOW - timedelta(days=200)), to_us(NOW) + 1
    bounds = sorted({first, last, *(cut for cut in cuts if first < cut < last)})
    parts = [group(leases, By.JOB, begin, end, to_us(NOW), BOOK)[1] for begin, end in pairwise(bounds)]
    _, whole = group(leases, By.JOB, first, last, to_us(NOW), BOOK)
    assert merged(parts) == without_zeros(sums(whole))


@RANDOM
@given(LEASES)
def test_the_whole_ledger_is_the_time_of_the_leases(leases: list[HeldLease]) -> None:
    """Counted by itself, without anything of the ledger's own code."""
    _, total = group(leases, By.DAY, 0, to_us(NOW) + 1, to_us(NOW), BOOK)
    held = [((one.released_at or NOW) - one.granted_at) // timedelta(microseconds=1) for one in leases]
    assert sum(total.time.values()) == sum(held)
    assert sum(total.cpu.values()) == sum(
        us * round(one.cpus * 1000) for us, one in zip(held, leases, strict=True)
    )
    assert sum(total.memory.values()) == sum(
        us * one.memory_bytes for us, one in zip(held, leases, strict=True)
    )
    over = [one for one in leases if one.released_at is not None]
    assert sum(total.energy.values()) == sum(round((one.energy_j or 0) * 10**6) for one in over)
    unknown = sum(us for us, one in zip(held, leases, strict=True) if one.parts is None)
    assert total.time["running"] == unknown
    hung = sum(one.parts[3] for one in leases if one.parts is not None)
    assert total.time["hung"] == pytest.approx(hung * 10**6, abs=10 * len(leases) + 10)


def test_a_cut_takes_the_part_of_a_life_that_lies_in_it() -> None:
    """Idle, useful, lost and hung follow one another: a cut through the middle of a life is not a share of each."""
    one = lease(held_s=100, parts=(10.0, 50.0, 20.0, 20.0), energy_j=1000.0, energy_how="measured")
    begin = to_us(one.granted_at)
    found = Amounts()
    assert found.add(one, begin + 30_000_000, begin + 70_000_000, to_us(NOW), BOOK)
    assert {kind: found.held_s(kind) for kind in KINDS} == {
        "useful": 30, "idle": 0, "lost": 10, "hung": 0, "running": 0
    }  # fmt: skip
    assert (found.energy_j, found.energy_how) == (400.0, "measured")
    assert not found.add(one, begin + 100_000_000, begin + 200_000_000, to_us(NOW), BOOK)


def test_prices_are_those_of_the_workers_type() -> None:
    found = Amounts()
    whole = (0, to_us(NOW), to_us(NOW))
    found.add(lease(1, held_s=3600, parts=(0.0, 3600.0, 0.0, 0.0)), *whole, BOOK)
    assert found.money("useful") == pytest.approx(2 * 0.04 + 0.5 * 2.5 + 0.005)
    dear = Amounts()
    dear.add(lease(1, held_s=3600, worker_type="big"), *whole, BOOK)
    assert dear.money("running") == pytest.approx(2 * 0.031 + 0.5 * 1.9 + 0.004)
    for kind in ("free", "nobody knows"):
        more = Amounts()
        more.add(lease(1, held_s=3600, worker_type=kind), *whole, BOOK)
        assert (more.total_cost == 0) == (kind == "free")


def test_days_and_months_begin_at_midnight_utc() -> None:
    granted = datetime(2025, 12, 31, 23, 0, tzinfo=UTC)
    one = lease(granted_at=granted, released_at=granted + timedelta(hours=26))
    days, _ = group([one], By.DAY, 0, to_us(NOW), to_us(NOW), BOOK)
    assert {key: row.amounts.held_s("running") / 3600 for key, row in days.items()} == {
        "2025-12-31": 1, "2026-01-01": 24, "2026-01-02": 1
    }  # fmt: skip
    months, _ = group([one], By.MONTH, 0, to_us(NOW), to_us(NOW), BOOK)
    assert {key: row.amounts.held_s("running") / 3600 for key, row in months.items()} == {
        "2025-12": 1,
        "2026-01": 25,
    }
