"""One look, one decision, one reason: each rule alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.scaling.fleets import NOW, at, fleet_of, job, runs, up, view, worker

from tensorfleet.fleet.ports import LaunchState, WorkerType
from tensorfleet.scaling.model import Action, Awaited, FleetView, Limits, Memory, Size
from tensorfleet.scaling.policy import decide
from tensorfleet.scaling.windows import Window
from tensorfleet.scheduling.model import Demand, Quota, WaitingJob

ONE = WorkerType("default", 1, cpus=1)
LONG_QUIET = Memory(busy_at=at(-10_000))
LIMITS = Limits((ONE,), 0, 10)


def after(decision: object, seconds: float, seen: FleetView) -> FleetView:
    return replace(seen, snapshot=replace(seen.snapshot, now=at(seconds)))


# ---- more --------------------------------------------------------------------------------------------------------------


def test_it_grows_by_half_when_the_load_is_over_the_upper_threshold() -> None:
    workers, running = fleet_of(4, busy=4)
    decision = decide(view(workers, running=running), LIMITS, Memory())
    assert (decision.action, decision.starts, decision.signal.desired) == (Action.GROW, {"default": 2}, 6)
    assert decision.reason == "the load is 1.00, over 0.8: 4 workers become 6"


def test_it_stays_between_the_thresholds() -> None:
    workers, running = fleet_of(4, busy=3)
    decision = decide(view(workers, running=running), LIMITS, LONG_QUIET)
    assert (decision.action, decision.changes) == (Action.HOLD, False)
    assert decision.reason == "the load is 0.75: 4 workers will do"


def test_a_worker_whose_cpus_are_all_taken_is_full() -> None:
    busy = replace(worker("a1", 4, taken=1), free_cpus=0.0)
    decision = decide(view((busy,), running=(runs("r1", "a1", demand=Demand(4)),)), LIMITS, Memory())
    assert decision.action is Action.GROW
    assert decision.signal.load == 1.0


def test_a_short_queue_may_wait_and_a_longer_one_may_not() -> None:
    workers, running = fleet_of(4, busy=3)
    waiting = tuple(job(f"j{i}", 2) for i in range(4))
    calm = replace(LIMITS, max_queue=4)
    held = decide(view(workers, waiting, running), calm, Memory())
    assert (held.action, held.reason) == (
        Action.HOLD,
        "the load is 0.75, and 4 jobs wait: 4 workers will do",
    )
    more = decide(view(workers, (*waiting, job("j9", 2)), running), calm, Memory())
    assert more.starts == {"default": 1}, (
        "the first needs one beside the free one, the second would need two more"
    )
    assert more.reason == "5 jobs wait, more than 4: 4 workers become 5, for 1 of them"


def test_a_gang_that_the_fleet_cannot_hold_gets_all_its_slots_at_once() -> None:
    workers, running = fleet_of(2, busy=1)
    decision = decide(view(workers, (job("gang", 8),), running), replace(LIMITS, max_queue=5), Memory())
    assert decision.starts == {"default": 7}, "more than half of two"
    assert decision.reason.startswith(
        "job gang needs 8 workers at once, and the fleet as it is cannot hold it"
    )


def test_a_gang_that_can_never_be_held_is_not_grown_for() -> None:
    decision = decide(view((), (job("gang", 11),)), LIMITS, LONG_QUIET)
    assert (decision.action, decision.starts) == (Action.HOLD, {})
    assert decision.notes == (
        "job gang is not grown for: it needs 11 workers at once, and within the limits there can be 10",
    )
    gpus = decide(view((), (job("big", 1, Demand(1, 1.0)),)), LIMITS, LONG_QUIET)
    assert gpus.notes == ("job big is not grown for: none of the types default holds one worker of it",)


def test_what_no_worker_can_help_does_not_keep_the_fleet_large() -> None:
    workers, _ = fleet_of(4)
    decision = decide(view(workers, (job("gang", 11),)), LIMITS, LONG_QUIET)
    assert decision.action is Action.SHRINK


def test_a_job_that_waits_for_its_quota_is_not_grown_for() -> None:
    workers, running = fleet_of(2, busy=1)
    seen = view(workers, (job("j1", 2), job("j2", 2)), running)
    quotas = {"default": Quota(slots=1)}
    decision = decide(replace(seen, snapshot=replace(seen.snapshot, quotas=quotas)), LIMITS, Memory())
    assert (decision.action, decision.signal.queue) == (Action.HOLD, 0)


def test_a_job_that_backs_off_speaks_against_shrinking_only() -> None:
    workers, _ = fleet_of(4)
    late = replace(job("j1"), not_before=at(60))
    decision = decide(view(workers, (late,)), LIMITS, LONG_QUIET)
    assert decision.action is Action.HOLD
    assert decision.reason == "the load is 0.00, and 1 job waits: 4 workers will do"


def test_an_elastic_job_gets_what_there_may_be() -> None:
    decision = decide(view((), (job("elastic", 30, least=4),)), LIMITS, Memory())
    assert decision.starts == {"default": 4}
    wanted = decide(view((), (job("elastic", 9, least=4),)), LIMITS, Memory())
    assert wanted.starts == {"default": 9}


def test_the_maximum_is_kept_and_said() -> None:
    workers, running = fleet_of(10, busy=10)
    decision = decide(view(workers, (job("j1"),), running), LIMITS, Memory())
    assert (decision.action, decision.starts) == (Action.AT_MAXIMUM, {})
    assert decision.reason == (
        "the load is 1.00, over 0.8, and 1 job waits, but no more workers that help are allowed (at most 10)"
    )


def test_those_that_have_not_gone_yet_still_count_against_the_maximum() -> None:
    workers, running = fleet_of(4, busy=4)
    seen = view((*workers, worker("z", draining=True)), (job("j1"),), running)
    decision = decide(seen, replace(LIMITS, most=5), Memory(released={"z": at(-1)}))
    assert decision.action is Action.AT_MAXIMUM
    assert "1 on their way out still count" in decision.reason


def test_what_is_coming_is_not_asked_for_twice() -> None:
    asked = Memory(awaited={"a1": Awaited("default", at(-5))})
    decision = decide(view((), (job("j1"),), launched=(up("a1", state=LaunchState.STARTING),)), LIMITS, asked)
    assert (decision.action, decision.starts, decision.again) == (Action.HOLD, {}, {})
    assert (decision.signal.desired, decision.signal.queue) == (1, 1)
    assert decision.reason == "the load is 0.00, and 1 job waits: 1 worker will do"


def test_an_agent_that_the_launcher_does_not_know_is_asked_for_again_by_its_id() -> None:
    asked = Memory(awaited={"a1": Awaited("default", at(-5))})
    decision = decide(view((), (job("j1"),), launched=()), LIMITS, asked)
    assert (decision.starts, decision.again) == ({}, {"a1": "default"})


def test_a_workspace_that_is_over_its_budget_is_not_grown_for() -> None:
    seen = view((), (job("j1"),))
    poor = replace(seen, snapshot=replace(seen.snapshot, over_budget={"default": "its budget is spent"}))
    decision = decide(poor, LIMITS, Memory())
    assert (decision.starts, decision.signal.queue) == ({}, 0)


def test_a_job_behind_another_that_waits_for_their_quota_is_not_grown_for() -> None:
    workers, running = fleet_of(3, busy=1)
    gang = replace(job("gang", 2), queued_at=at(-100))
    seen = view(workers, (gang, job("small")), running)
    quotas = {"default": Quota(slots=2)}
    decision = decide(replace(seen, snapshot=replace(seen.snapshot, quotas=quotas)), LIMITS, Memory())
    assert decision.signal.queue == 0


def test_room_that_is_kept_for_another_is_not_grown_for_at_once() -> None:
    workers, running = fleet_of(4, busy=3)
    urgent = replace(job("urgent", 2), priority=0)
    seen = view(workers, (urgent, job("small")), running)
    decision = decide(seen, LIMITS, Memory())
    assert decision.action is Action.HOLD
    assert decision.reason == "1 job waits, more than 0; what is free or coming is enough"


def test_what_is_coming_counts_for_a_gang() -> None:
    workers, running = fleet_of(2)
    gang = job("gang", 3)
    coming = Memory(awaited={"b1": Awaited("default", NOW)})
    seen = view(
        (*workers,), (gang, replace(job("j2"), queued_at=at(1))), running, launched=(up("a000"), up("a001"))
    )
    decision = decide(seen, replace(LIMITS, most=3), coming)
    assert not decision.starts


def test_an_agent_that_does_not_join_is_given_up_and_the_next_try_waits() -> None:
    asked = Memory(awaited={"a1": Awaited("default", at(-301))})
    seen = view((), (job("j1"),), launched=(up("a1", state=LaunchState.STARTING, detail="no node has room"),))
    decision = decide(seen, LIMITS, asked)
    assert (decision.releases, decision.starts) == (("a1",), {})
    assert decision.memory.failures == 1
    assert decision.reason == (
        "1 job waits, more than 0, but 1 agent did not join (no node has room); the next try is in 5 s; "
        "1 that ended or did not join is given up"
    )
    later = decide(view((), (job("j1"),), launched=(), now=at(6)), LIMITS, decision.memory)
    assert later.starts == {"default": 1}


def test_agents_that_end_at_once_are_started_ever_more_seldom() -> None:
    gone = up("a1", state=LaunchState.GONE, detail="exit code 1")
    before = Memory(awaited={"a1": Awaited("default", at(-3))}, failures=2, failed_at=at(-100))
    decision = decide(view((), (job("j1"),), launched=(gone,)), LIMITS, before)
    assert decision.releases == ("a1",)
    assert "3 agents in a row did not join (exit code 1); the next try is in 20 s" in decision.reason
    joined = decide(view((worker("a2"),), (job("j1", 2),), launched=(up("a2"),)), LIMITS, decision.memory)
    assert joined.memory.failures == 0, "one that joins ends the row"
    assert joined.starts == {"default": 1}


# ---- fewer -------------------------------------------------------------------------------------------------------------


def test_it_shrinks_to_seven_tenths_when_it_was_quiet_for_long_enough() -> None:
    workers, running = fleet_of(10, busy=1)
    seen = view(workers, running=running)
    first = decide(seen, LIMITS, Memory())
    assert first.action is Action.HOLD
    assert first.reason.endswith("and nothing waits; it may shrink in 120 s")
    decision = decide(after(first, 120, seen), LIMITS, first.memory)
    assert (decision.action, decision.drains) == (Action.SHRINK, ("a009", "a008", "a007"))
    assert decision.reason == "the load is 0.10, under 0.3, and nothing waits: 10 workers become 7"
    again = decide(after(decision, 180, view(workers[:7], running=running)), LIMITS, decision.memory)
    assert again.action is Action.HOLD, "the next step waits for as long again"


def test_it_never_shrinks_under_what_the_load_needs() -> None:
    workers, running = fleet_of(4, busy=1)
    tight = replace(LIMITS, up=0.3, down=0.29)
    decision = decide(view(workers, running=running), tight, LONG_QUIET)
    assert decision.drains == (), "with three the load would be over 0.3 and it would grow again"
    assert decision.reason.endswith("but none can go: the others are in use, or needed for the load")


def test_it_keeps_its_minimum_and_says_so() -> None:
    workers, _ = fleet_of(3)
    decision = decide(view(workers), replace(LIMITS, least=3), LONG_QUIET)
    assert (decision.action, decision.drains) == (Action.HOLD, ())
    assert decision.reason.endswith("3 workers is the least that it may have")


def test_the_dearest_go_first() -> None:
    kinds = (replace(ONE, cost_per_hour=1.0), WorkerType("dear", 1, cpus=1, cost_per_hour=9.0))
    workers, _ = fleet_of(4)
    seen = view(workers, launched=(up("a000", "dear"), *(up(f"a00{i}") for i in (1, 2, 3))))
    decision = decide(seen, replace(LIMITS, types=kinds), LONG_QUIET)
    assert decision.drains[0] == "a000"


def test_workers_that_were_not_launched_stay() -> None:
    workers, _ = fleet_of(4)
    decision = decide(view(workers, launched=()), LIMITS, LONG_QUIET)
    assert (decision.action, decision.drains) == (Action.HOLD, ())
    assert decision.target == {"": 4}


def test_a_drained_worker_is_given_back_only_when_it_is_idle() -> None:
    drained = worker("a1", draining=True)
    memory = replace(LONG_QUIET, going={"a1": at(-1)}, joined={"a1": "default"})
    decision = decide(view((drained,)), LIMITS, memory)
    assert decision.releases == ("a1",)
    assert decision.reason.endswith("1 idle worker is given back")
    leased = worker("a1", taken=1)
    kept = decide(view((leased,), running=(runs("r1", "a1"),)), LIMITS, memory)
    assert (kept.releases, kept.keeps) == ((), ("a1",)), "it got a lease before it was drained"


def test_a_worker_that_a_person_has_take_tasks_again_is_not_given_back() -> None:
    memory = replace(LONG_QUIET, going={"a1": at(-1), "a2": at(-1)}, changed_at=at(-1), busy_at=at(-1))
    decision = decide(view((worker("a1"),)), LIMITS, memory)
    assert decision.releases == ()
    assert decision.memory.going == {}


def test_a_worker_that_a_person_drains_is_left_alone() -> None:
    mine = worker("a1", draining=True)
    decision = decide(view((mine,)), LIMITS, LONG_QUIET)
    assert (decision.drains, decision.releases) == ((), ())
    others = decide(view((mine,), launched=()), LIMITS, LONG_QUIET)
    assert others.target == {}, "one that was not launched and drains is about to go"


def test_a_drained_worker_is_kept_when_it_is_needed_again() -> None:
    memory = Memory(going={"a1": at(-1)}, joined={"a1": "default"})
    decision = decide(view((worker("a1", draining=True),), (job("j1"), job("j2"))), LIMITS, memory)
    assert (decision.keeps, decision.starts, decision.releases) == (("a1",), {}, ())
    assert decision.memory.going == {}
    assert decision.target == {"default": 1}


def test_a_released_agent_that_does_not_end_is_released_again() -> None:
    listed = view((worker("a1", draining=True),))
    soon = decide(listed, LIMITS, Memory(released={"a1": at(-5)}))
    assert (soon.releases, soon.target) == ((), {})
    late = decide(listed, LIMITS, Memory(released={"a1": at(-31)}))
    assert late.releases == ("a1",)
    gone = decide(view((worker("a1"),), launched=()), LIMITS, Memory(released={"a1": at(-5)}))
    assert (gone.target, gone.memory.released) == ({}, {}), "its row may lag behind"


def test_a_lowered_maximum_takes_idle_workers_away_at_once() -> None:
    workers, running = fleet_of(6, busy=3)
    decision = decide(view(workers, running=running), replace(LIMITS, most=2), Memory())
    assert decision.drains == ("a005", "a004", "a003")
    assert decision.reason == "the maximum is 2 workers: 6 workers become 3"


# ---- what is not known -------------------------------------------------------------------------------------------------


def test_nothing_is_changed_while_the_launcher_or_the_store_is_away() -> None:
    workers, _ = fleet_of(4)
    asked = replace(LONG_QUIET, target={"default": 4})
    unseen = replace(view(workers), launched=None)
    stale = replace(view(workers), trouble="the metadata store is away")
    for seen, why in ((unseen, "the launcher does not answer"), (stale, "the metadata store is away")):
        decision = decide(seen, LIMITS, asked)
        assert (decision.action, decision.changes) == (Action.UNKNOWN, False)
        assert decision.reason == f"nothing is changed: {why}"
        assert decision.signal.desired == 4
        assert decision.memory == asked


def test_nothing_is_taken_away_while_a_worker_is_silent() -> None:
    workers, _ = fleet_of(5)
    decision = decide(view(workers, silent=("a001",)), LIMITS, LONG_QUIET)
    assert (decision.action, decision.drains) == (Action.UNKNOWN, ())
    assert decision.reason.endswith("a001 not heard of, and unknown is not idle")
    many = decide(view(workers, silent=tuple(w.id for w in workers)), LIMITS, LONG_QUIET)
    assert "a000, a001, a002 and others not heard of" in many.reason


def test_a_drained_worker_that_fell_silent_is_not_given_back() -> None:
    memory = replace(LONG_QUIET, going={"a1": at(-1)})
    decision = decide(view((worker("a1", draining=True),), silent=("a1",)), LIMITS, memory)
    assert decision.releases == ()
    assert "a1" in decision.memory.going


def test_a_lost_worker_whose_agent_is_up_is_unknown_and_given_up_after_a_while() -> None:
    seen = view((*fleet_of(4)[0], worker("z")), lost=("z",))
    decision = decide(seen, LIMITS, LONG_QUIET)
    assert decision.action is Action.UNKNOWN
    assert decision.memory.awaited["z"].since == NOW
    later = decide(after(decision, 301, seen), LIMITS, decision.memory)
    assert later.releases == ("z",)


def test_a_lost_worker_whose_agent_is_being_started_again_is_coming() -> None:
    seen = view((worker("z"),), (job("j1"),), lost=("z",), launched=(up("z", state=LaunchState.STARTING),))
    decision = decide(seen, LIMITS, Memory(joined={"z": "default"}))
    assert (decision.starts, decision.target) == ({}, {"default": 1})


# ---- which kinds -------------------------------------------------------------------------------------------------------

SPOT = WorkerType("spot", 1, cpus=1, cost_per_hour=0.3, spot=True)
STEADY = WorkerType("steady", 1, cpus=1, cost_per_hour=1.0)
GPU = WorkerType("gpu", 1, cpus=1, gpus=1, cost_per_hour=8.0, most=2)
BIG = WorkerType("big", 4, cpus=4, cost_per_hour=3.0)


def started(
    queue: tuple[WaitingJob, ...], *kinds: WorkerType, memory: Memory | None = None, **more: object
) -> dict[str, int]:
    limits = Limits(kinds, 0, 10, **more)  # type: ignore[arg-type]
    return dict(decide(view((), queue), limits, memory or Memory()).starts)


def test_the_cheapest_that_fits_for_each_rank_that_it_takes() -> None:
    assert started((job("j1", 4),), STEADY, BIG) == {"big": 1}
    assert started((job("j1", 5),), STEADY, BIG) == {"big": 1, "steady": 1}
    assert started((job("j1", 1),), STEADY, BIG) == {"steady": 1}
    assert started((job("j1", 1, Demand(3)),), STEADY, BIG) == {"big": 1}
    assert started((job("j1", 1, Demand(1, 1.0)),), STEADY, GPU) == {"gpu": 1}


def test_a_type_has_its_own_maximum() -> None:
    assert started((job("j1", 2, Demand(1, 1.0)),), STEADY, GPU) == {"gpu": 2}
    limits = Limits((STEADY, GPU), 0, 10)
    decision = decide(view((), (job("j1", 3, Demand(1, 1.0)),)), limits, LONG_QUIET)
    assert "within the limits there can be 2" in decision.notes[0]


def test_spot_workers_are_taken_up_to_their_share_and_not_after_a_loss() -> None:
    gang = (job("j1", 4),)
    assert started(gang, SPOT, STEADY) == {"spot": 4}
    assert started(gang, SPOT, STEADY, spot_share=0.5) == {"spot": 2, "steady": 2}
    lost = Memory(spot_lost_at=at(-100))
    assert started(gang, SPOT, STEADY, memory=lost) == {"steady": 4}
    assert started(gang, SPOT, STEADY, memory=Memory(spot_lost_at=at(-601))) == {"spot": 4}
    assert started(gang, SPOT, memory=lost) == {"spot": 4}, "nothing else would do"


def test_a_spot_worker_that_is_gone_was_lost() -> None:
    seen = view((), launched=(up("a1", "spot", LaunchState.GONE),))
    limits = Limits((SPOT, STEADY))
    decision = decide(seen, limits, Memory(joined={"a1": "spot"}))
    assert (decision.memory.spot_lost_at, decision.releases) == (NOW, ("a1",))
    assert decide(seen, limits, Memory(joined={"a1": "steady"})).memory.spot_lost_at is None
    assert decide(seen, limits, Memory()).memory.spot_lost_at is None


def test_idle_workers_make_room_at_the_maximum_for_those_that_fit() -> None:
    workers, _ = fleet_of(3)
    limits = Limits((STEADY, GPU), 0, 3)
    launched = tuple(up(w.id, "steady") for w in workers)
    waiting = (job("j1", 2, Demand(1, 1.0)),)
    decision = decide(view(workers, waiting, launched=launched), limits, Memory())
    assert (decision.action, decision.drains) == (Action.REPLACE, ("a000", "a001"))
    assert decision.reason == (
        "1 job waits, more than 0; at the maximum, 2 idle make room for others that job j1 needs"
    )
    drained = tuple(replace(w, accepts=False, draining=True) for w in workers[:2])
    seen = view((*drained, workers[2]), waiting, launched=launched)
    following = decide(seen, limits, decision.memory)
    assert (following.action, following.starts, following.releases) == (
        Action.AT_MAXIMUM,
        {},
        ("a000", "a001"),
    )
    last = decide(view(workers[2:], waiting, launched=launched[2:]), limits, following.memory)
    assert last.starts == {"gpu": 2}


def test_idle_workers_do_not_make_room_for_what_would_not_fit_all_the_same() -> None:
    busy = tuple(worker(f"b{i}", taken=1) for i in range(2))
    seen = view(
        (worker("a1"), *busy),
        (job("j1", 2, Demand(1, 1.0)),),
        tuple(runs(f"r{i}", f"b{i}") for i in range(2)),
        launched=(up("a1", "steady"), up("b0", "steady"), up("b1", "steady")),
    )
    decision = decide(seen, Limits((STEADY, GPU), 0, 3), Memory())
    assert (decision.action, decision.drains) == (Action.AT_MAXIMUM, ())


def test_what_a_kind_really_has_is_learnt_from_those_that_join() -> None:
    unknown = WorkerType("machine", 2)
    limits = Limits((unknown,), 0, 10)
    assert decide(view((), (job("j1", 1, Demand(64)),)), limits, Memory()).starts == {"machine": 1}
    seen = decide(view((worker("a1", 2),), launched=(up("a1", "machine"),)), limits, LONG_QUIET)
    assert seen.memory.sizes == {"machine": Size(2, 2.0, 0, 8 * 1024**3)}
    told = decide(view((), (job("j1", 1, Demand(64)),)), limits, seen.memory)
    assert told.starts == {}
    assert "none of the types machine holds one worker of it" in told.notes[0]


def test_agents_of_a_kind_that_is_no_longer_configured_count_and_go_first() -> None:
    workers, _ = fleet_of(4)
    seen = view((*workers, worker("z")), launched=(*(up(w.id) for w in workers), up("z", "old")))
    decision = decide(seen, LIMITS, LONG_QUIET)
    assert decision.drains[0] == "z"
    coming = decide(view((), launched=(up("z", "old", LaunchState.STARTING),)), LIMITS, LONG_QUIET)
    assert coming.target == {"old": 1}


# ---- the minimum, and people -------------------------------------------------------------------------------------------


def test_the_minimum_is_started_at_once() -> None:
    decision = decide(view(), replace(LIMITS, least=2), Memory())
    assert decision.starts == {"default": 2}
    assert decision.reason == "the minimum is 2 workers now: 0 workers become 2"


def test_a_minimum_that_no_type_can_fill_is_said() -> None:
    none = Limits((replace(ONE, most=0),), 2)
    decision = decide(view(), none, Memory())
    assert decision.action is Action.AT_MAXIMUM
    assert decision.reason.startswith("the minimum is 2 workers now, but no more workers")


@pytest.mark.parametrize(
    ("window", "least"),
    [
        (Window(4), 4),
        (Window(4, 11 * 60, 13 * 60), 4),
        (Window(4, 13 * 60, 14 * 60), 1),
        (Window(4, days=frozenset({2})), 4),
        (Window(4, days=frozenset({1})), 1),
        (Window(4, 22 * 60, 12 * 60 + 1, frozenset({1})), 4),
        (Window(4, 11 * 60, 2 * 60, frozenset({2})), 4),
        (Window(4, 22 * 60, 12 * 60, frozenset({1})), 1),
    ],
)
def test_windows_raise_the_minimum(window: Window, least: int) -> None:
    """Now is noon on a Wednesday."""
    assert replace(LIMITS, least=1, schedule=(window,)).least_at(NOW) == least


def test_a_person_sets_the_number() -> None:
    workers, _ = fleet_of(4)
    fewer = decide(view(workers), LIMITS, Memory(held=1))
    assert (fewer.action, len(fewer.drains)) == (Action.SHRINK, 3)
    right = decide(view(workers), LIMITS, Memory(held=4))
    assert right.reason == "a person has set 4 workers"
    more = decide(view(workers), LIMITS, Memory(held=99))
    assert more.starts == {"default": 6}, "within the maximum"
    assert more.reason == "a person has set 99 workers: 4 workers become 10"


def test_the_same_question_has_the_same_answer() -> None:
    workers, running = fleet_of(6, busy=5)
    seen = view(workers, (job("j1", 3),), running)
    assert decide(seen, LIMITS, Memory()) == decide(seen, LIMITS, Memory())
    assert NOW + timedelta(0) == seen.snapshot.now
