"""What figures mean: each check at its limits, and nothing passes that was not checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tensorfleet.health.model import (
    ClockReading,
    Finding,
    Gpu,
    Limits,
    Link,
    Measured,
    Status,
    Verdict,
    measured_link,
    measured_of,
)
from tensorfleet.health.verdict import judge, judge_links, unanswered

GIB = 1024**3
MIB = 1024**2
WELL = Measured(
    clock_offset_s=0.01,
    clock_error_s=0.005,
    disk_total_bytes=100.0 * GIB,
    disk_free_bytes=50.0 * GIB,
    disk_write_s=0.02,
    memory_offered_bytes=16.0 * GIB,
    memory_available_bytes=12.0 * GIB,
    memory_total_bytes=16.0 * GIB,
    swap_bytes_s=0.0,
    gpus=(Gpu("H200", 0), Gpu("H200", None)),
)


def test_a_machine_that_is_well() -> None:
    verdict = judge(WELL, Limits())
    assert (verdict.status, verdict.evidence, verdict.skipped) == (Status.OK, (), ())
    assert [one.check for one in verdict.findings] == ["clock", "disk", "memory", "swap", "gpus"]
    assert "1 do not count memory errors" in verdict.findings[-1].sentence


def test_what_was_not_measured_is_no_pass() -> None:
    verdict = judge(Measured(), Limits())
    assert verdict.findings == ()
    assert [one.partition(":")[0] for one in verdict.skipped] == ["clock", "disk", "memory", "swap", "gpus"]
    assert judge(replace(WELL, gpus=None, no_gpus="no GPU"), Limits()).skipped == ("gpus: no GPU",)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"clock_offset_s": 2.004}, Status.OK, ""),  # the round trip may have been all of it
        ({"clock_offset_s": 2.1}, Status.DEGRADED, "2.100 s ahead of the orchestrator's (± 0.005 s), the limit is 2 s; set"),
        ({"clock_offset_s": -31.0}, Status.FAILED, "31.000 s behind the orchestrator's (± 0.005 s), the limit is 30 s"),
        ({"disk_trouble": "No space left on device (/x)"}, Status.FAILED, "No space left on device (/x); make room"),
        ({"disk_write_s": 3.0}, Status.DEGRADED, "took 3.0 s to the disk, the limit is 2 s"),
        ({"disk_write_s": 21.0}, Status.FAILED, "took 21.0 s to the disk, the limit is 20 s"),
        ({"disk_free_bytes": 4.0 * GIB}, Status.DEGRADED, "4.0% of its disk is free (4.0 GiB), the limit is at least 5%"),
        ({"disk_total_bytes": None}, Status.OK, ""),
        ({"memory_available_bytes": 1.0 * GIB}, Status.DEGRADED, "1.0 GiB of the 16.0 GiB of memory that it offers"),
        ({"memory_available_bytes": 0.1 * GIB}, Status.FAILED, "are available, the limit is at least 2%"),
        ({"memory_offered_bytes": 64.0 * GIB}, Status.DEGRADED, "offers 64.0 GiB of memory and its machine has 16.0 GiB"),
        ({"memory_offered_bytes": None}, Status.OK, ""),
        ({"memory_total_bytes": None}, Status.OK, ""),
        ({"swap_bytes_s": 33.0 * MIB}, Status.DEGRADED, "33.0 MiB/s go between its memory and its swap, the limit is 32"),
        ({"swap_bytes_s": 300.0 * MIB}, Status.FAILED, "the limit is 256 MiB/s; run less"),
        ({"gpu_trouble": "Driver/library version mismatch"}, Status.FAILED, "does not answer: Driver/library"),
        ({"gpus": (Gpu("A", 0), Gpu("B", 3))}, Status.FAILED, "3 memory errors that could not be corrected on B 1"),
        ({"gpus": (Gpu("A", 0, ("heat",)),)}, Status.DEGRADED, "slowed down: A 0 by heat; look"),
    ],
)  # fmt: skip
def test_each_limit(changes: dict[str, Any], status: Status, words: str) -> None:
    verdict = judge(replace(WELL, **changes), Limits())
    assert verdict.status is status
    assert len(verdict.evidence) == (status is not Status.OK)
    assert words in " ".join(verdict.evidence)


def test_the_worst_stands_first() -> None:
    verdict = judge(replace(WELL, disk_write_s=3.0, swap_bytes_s=300.0 * MIB), Limits())
    assert verdict.status is Status.FAILED
    assert "swap" in verdict.evidence[0]
    assert "disk" in verdict.evidence[1]


def test_checks_that_do_not_end() -> None:
    assert unanswered(60).status is Status.FAILED
    assert "not ended within 60 s" in unanswered(60).evidence[0]


def test_the_round_trip_is_taken_off_a_clock() -> None:
    # 5 s ahead; 0.2 s there, 40 s of work, 0.4 s back
    reading = ClockReading(asked=100.0, heard=105.2, answered=145.2, back=140.6)
    assert reading.offset_s == pytest.approx(4.9)
    assert reading.error_s == pytest.approx(0.3)
    assert ClockReading(0, 0, 5, 1).error_s == 0.0, "an agent's clock may be anything"


def test_what_an_agent_sends_may_be_anything() -> None:
    nonsense: dict[str, Any] = {
        "disk": [1],
        "memory": {"total_bytes": True, "available_bytes": "much", "swap_bytes_s": float("nan")},
        "gpus": [{"name": 7, "ecc_errors": "x", "slowed_by": "heat"}, "gpu", {"slowed_by": ["heat", 3]}]
        * 100,
        "gpu_trouble": 9,
    }
    clock = ClockReading(0.0, float("inf"), 0.0, 0.0)
    found = measured_of(nonsense, clock, 0)
    assert found.clock_offset_s is None
    assert (found.disk_write_s, found.memory_total_bytes, found.swap_bytes_s) == (None, None, None)
    assert found.memory_offered_bytes is None
    assert found.gpus is not None
    assert found.gpus[:3] == (Gpu("GPU"), Gpu("GPU"), Gpu("GPU", None, ("heat", "")))
    assert len(found.gpus) == 64
    assert measured_of({}) == Measured()
    sound = measured_of(
        {
            "disk": {"write_s": 0.1, "total_bytes": 5, "free_bytes": 1e300, "trouble": "a\nb" * 200},
            "gpus": [],
        },
        ClockReading(0.0, 1.0, 1.0, 0.5),
        8,
    )
    assert (sound.clock_offset_s, sound.clock_error_s, sound.memory_offered_bytes) == (0.75, 0.25, 8)
    assert (sound.disk_write_s, sound.disk_total_bytes, sound.disk_free_bytes) == (0.1, 5.0, None)
    assert len(sound.disk_trouble) == 200
    assert "\n" not in sound.disk_trouble
    assert sound.gpus == ()


# ---- links -----------------------------------------------------------------------------------------------------------


def link(here: str, there: str, mib_s: float | None = 100.0, trip_s: float = 0.001) -> Link:
    if mib_s is None:
        return Link(here, there, trouble="refused")
    return Link(here, there, mib_s * MIB, trip_s)


def statuses(machine: str, *links: Link) -> list[Status]:
    return [one.status for one in judge_links(machine, links, Limits())]


def test_a_slow_way_is_told_at_both_ends() -> None:
    slow = link("a", "b", 5.0)
    assert statuses("a", slow) == statuses("b", slow) == [Status.DEGRADED]
    assert (
        "5 MiB/s with b, round trip 1.0 ms, the limit is at least 10 MiB/s"
        in judge_links("a", (slow,), Limits())[0].sentence
    )
    assert statuses("a", link("a", "b", trip_s=0.2)) == [Status.DEGRADED]
    assert statuses("a", link("a", "b"), link("b", "c", 1.0)) == [Status.OK]
    assert judge_links("a", (), Limits()) == ()


def test_who_is_to_blame_for_a_dead_way() -> None:
    assert statuses("a", link("a", "b", None)) == [Status.DEGRADED], "it may be either"
    alone = (link("a", "b", None), link("c", "a", None))
    assert statuses("a", *alone) == [Status.DEGRADED] * 2, "nothing is known of the others"
    others = (*alone, link("b", "c"))
    assert statuses("a", *others) == [Status.FAILED] * 2
    assert statuses("b", *others) == [Status.OK, Status.DEGRADED]
    assert statuses("a", *others, link("a", "d")) == [Status.OK, Status.DEGRADED, Status.DEGRADED]
    assert (
        "no connection with b: refused; look at its address" in judge_links("a", others, Limits())[0].sentence
    )
    nameless = judge_links("a", (Link("a", "b"),), Limits())
    assert "no reason is known" in nameless[0].sentence


def test_a_link_as_an_agent_says_it() -> None:
    assert measured_link("a", "b", {"bytes_s": 5, "round_trip_s": 0.5}) == Link("a", "b", 5.0, 0.5)
    assert measured_link("a", "b", {"bytes_s": 0, "trouble": "no"}) == Link("a", "b", None, None, "no")
    assert measured_link("a", "b", {"bytes_s": -1}).bytes_s is None


def test_a_verdict_is_as_bad_as_its_worst_finding() -> None:
    degraded, failed = (Finding("x", status, "x") for status in (Status.DEGRADED, Status.FAILED))
    assert Verdict().status is Status.OK
    assert Verdict((failed, degraded)).status is Status.FAILED
