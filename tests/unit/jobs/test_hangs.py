"""Who holds a job up: on stacks recorded from real hangs, and on made ones for what is hard to record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.jobs.hangs import MOST_RANKS, diagnose
from tensorfleet.jobs.stacks import LIMIT_BYTES, Frame, Process, Report, read_report
from tensorfleet.jobs.whereabouts import Doing, whereabouts

RECORDED = sorted((Path(__file__).parent / "stacks").glob("*.json"))


def recorded(path: Path) -> tuple[int, list[Report]]:
    found = json.loads(path.read_text())
    return found["culprit"], [
        read_report(
            report["rank"],
            beats=report["beats"],
            step=report["step"],
            idle_s=report["idle_s"],
            usual_s=report["usual_s"],
            stacks_json=json.dumps(report["stacks"]),
        )
        for report in found["reports"]
    ]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_rank_at_fault_is_named_on_recorded_stacks(path: Path) -> None:
    culprit, reports = recorded(path)
    verdict = diagnose(reports)
    assert verdict is not None
    assert verdict.culprits == (culprit,)
    assert verdict.line.startswith("main.py:")
    assert verdict.line in verdict.message
    said = {
        "missing_collective": f"in all_reduce at main.py:55 in step_of, a call that rank {culprit} left out",
        "deadlocked_data_loader": "stands at main.py:29 in ",
        "sleeping_rank": f"it sleeps at main.py:50 in step_of; rank {1 - culprit} waits for it in all_reduce",
        "stuck_download": "it waits for the network in urlopen at main.py:43 in download",
    }
    assert said[path.stem.removesuffix("_by_signal")] in verdict.message
    json.dumps(verdict.evidence, allow_nan=False)


def test_all_four_kinds_are_recorded_in_both_ways() -> None:
    assert len(RECORDED) == 8


# ---- made stacks -----------------------------------------------------------------------------------------------------

MAIN = Frame("train.py", 80, "main", own=True, source="step(batch)")
ALL_REDUCE = Frame("torch/distributed/distributed_c10d.py", 3252, "all_reduce")
BARRIER = Frame("torch/distributed/distributed_c10d.py", 4900, "barrier")
BACKWARD = Frame("torch/autograd/graph.py", 829, "_engine_run_backward")


def own(line: int, source: str = "x = f(x)", function: str = "step") -> Frame:
    return Frame("train.py", line, function, own=True, source=source)


def at(rank: int, *frames: Frame, state: str = "sleeping", **fields: Any) -> Report:
    given = {"beats": 9, "step": 8, "idle_s": 12.0, "quiet_s": 12.0, "usual_s": 0.05, "limit_s": 10.0}
    process = Process(100 + rank, state, frames)
    return Report(rank, **{"limit_is_set": True, "processes": (process,), **given, **fields})


def in_call(rank: int, call: Frame, line: int, **fields: Any) -> Report:
    return at(rank, call, own(line), MAIN, **fields)


SLEEPS = own(41, "time.sleep(60)")


def culprits(*reports: Report, **others: Any) -> tuple[int, ...] | None:
    verdict = diagnose(reports, **others)
    return None if verdict is None else verdict.culprits


def test_the_message_tells_rank_time_place_and_who_waits() -> None:
    verdict = diagnose([in_call(0, ALL_REDUCE, 55), at(1, SLEEPS, MAIN), in_call(2, ALL_REDUCE, 55)])
    assert verdict is not None
    assert verdict.message == (
        "rank 1 made no progress for 12.0 s (usually 0.05 s a step): it sleeps at train.py:41 in step;"
        " ranks 0, 2 wait for it in all_reduce"
    )
    assert verdict.line == "train.py:41 in step"
    assert verdict.evidence["culprits"] == [1]
    first = verdict.evidence["ranks"][0]
    assert first["rank"] == 1
    assert first["stack"] == ["train.py:41 in step", "train.py:80 in main"]


def test_a_job_that_gets_on_is_not_hung() -> None:
    computing = at(1, own(90, "evaluate(model)"), MAIN, idle_s=1.0, quiet_s=1.0)
    assert culprits(in_call(0, BARRIER, 91), computing) is None


def test_without_a_limit_nobody_is_accused_while_another_rank_gets_on() -> None:
    computing = at(1, own(90, "evaluate(model)"), MAIN, quiet_s=1.0, limit_is_set=False)
    polls = at(0, own(20, "time.sleep(1)  # until the other rank has prepared the data"), limit_is_set=False)
    assert culprits(polls, computing) is None


def test_with_a_limit_a_rank_on_its_own_may_not_pass_it() -> None:
    computing = at(1, own(90, "evaluate(model)"), MAIN, quiet_s=1.0)
    assert culprits(at(0, SLEEPS), computing) == (0,)


def test_all_alive_is_no_hang() -> None:
    assert culprits(in_call(0, BARRIER, 91, quiet_s=1.0), at(1, SLEEPS, quiet_s=2.0)) is None


def test_of_two_that_wait_for_nobody_the_one_behind_is_at_fault() -> None:
    assert culprits(at(0, own(20, "time.sleep(1)"), step=9), at(1, SLEEPS, step=8)) == (1,)
    assert culprits(at(0, own(20, "time.sleep(1)"), step=-1), at(1, SLEEPS, idle_s=13.0)) == (1, 0)


def test_of_two_in_different_calls_the_one_that_is_further_on_left_one_out() -> None:
    assert culprits(in_call(0, ALL_REDUCE, 55), in_call(1, BARRIER, 56)) == (1,)
    assert culprits(in_call(0, BARRIER, 56), in_call(1, ALL_REDUCE, 55)) == (0,)
    assert culprits(in_call(0, ALL_REDUCE, 55, step=8), in_call(1, BARRIER, 50, step=9)) == (1,)


def test_calls_from_one_function_are_told_apart_where_the_stacks_part() -> None:
    helper = own(10, "dist.all_reduce(x)", "average")
    early = at(0, ALL_REDUCE, helper, own(30, "average(a)"), MAIN)
    late = at(1, ALL_REDUCE, helper, own(31, "average(b)"), MAIN)
    assert culprits(early, late, at(2, BARRIER, own(12, "dist.barrier()"), MAIN)) is not None
    assert culprits(early, at(1, BARRIER, own(31, "dist.barrier()"), MAIN)) == (1,)


def test_of_many_the_odd_one_out_is_at_fault() -> None:
    most = [in_call(rank, BARRIER, 56) for rank in (0, 1, 3)]
    verdict = diagnose([*most, in_call(2, ALL_REDUCE, 55)])
    assert verdict is not None
    assert verdict.culprits == (2,)
    assert "makes a call that they do not make" in verdict.message


def test_all_in_the_same_call_accuses_nobody() -> None:
    verdict = diagnose([in_call(0, ALL_REDUCE, 55), in_call(1, ALL_REDUCE, 55)])
    assert verdict is not None
    assert verdict.culprits == ()
    assert verdict.line == "train.py:55 in step"
    assert verdict.message.startswith("no rank made progress for 12.0 s")


def test_in_the_same_call_a_step_ahead_is_too_far() -> None:
    assert culprits(in_call(0, ALL_REDUCE, 55, step=8), in_call(1, ALL_REDUCE, 55, step=9)) == (1,)


def test_a_rank_that_is_gone_or_does_not_answer_holds_the_others_up() -> None:
    waiting = in_call(0, ALL_REDUCE, 55)
    gone = diagnose([waiting], ended=(1,))
    assert gone is not None
    assert gone.culprits == (1,)
    assert gone.message.startswith("rank 1 has ended, and rank 0 waits for the other ranks in all_reduce")
    mute = diagnose([waiting], silent=(1,))
    assert mute is not None
    assert mute.culprits == (1,)
    assert mute.message.startswith("rank 1 did not answer")
    assert culprits(at(0, SLEEPS), silent=(1,)) == (0,)


def test_a_rank_on_its_own_is_at_fault_itself() -> None:
    verdict = diagnose([at(0, own(7, "dist.barrier()"), usual_s=0.0)])
    assert verdict is not None
    assert verdict.message == "rank 0 made no progress for 12.0 s: it stands at train.py:7 in step"


def test_a_stack_that_nobody_could_read() -> None:
    verdict = diagnose([in_call(0, ALL_REDUCE, 55), at(1)])
    assert verdict is not None
    assert verdict.culprits == (1,)
    assert "it stands where nobody could look; rank 0 waits for it in all_reduce" in verdict.message
    assert culprits(Report(0, quiet_s=5, limit_s=2)) == (0,)


def test_hundreds_of_ranks_make_bounded_evidence() -> None:
    deep = tuple(own(line, "x" * 300, "f" * 300) for line in range(64))
    ranks = [at(rank, ALL_REDUCE, *deep) for rank in range(500)]
    ranks[321] = at(321, SLEEPS, *deep)
    verdict = diagnose(ranks)
    assert verdict is not None
    assert verdict.culprits == (321,)
    assert verdict.evidence["ranks"][0]["rank"] == 321
    assert len(verdict.evidence["ranks"]) == MOST_RANKS
    assert "ranks 0, 1, 2, 3, 4, 5, 6, 7 and 491 more wait for it" in verdict.message
    assert len(json.dumps(verdict.evidence)) < 512 * 1024


@pytest.mark.parametrize(
    ("frames", "doing", "within"),
    [
        ([own(3, "time.sleep(9)")], Doing.SLEEP, ""),
        ([own(3, "work.wait()")], Doing.PEERS, ""),
        ([own(3, "loss.item()")], Doing.DEVICE, ""),
        ([own(3, "lock.acquire()")], Doing.LOCK, ""),
        ([own(3, "sock.recv(10)")], Doing.NETWORK, ""),
        ([own(3, "os.waitpid(pid, 0)")], Doing.CHILD, ""),
        ([own(3, "matmul(a, b)")], Doing.OTHER, ""),
        ([BACKWARD, Frame("torch/_tensor.py", 647, "backward"), own(3)], Doing.PEERS, "backward"),
        ([Frame("threading.py", 327, "Condition.wait"), Frame("queue.py", 171, "Queue.get"), own(3)], Doing.LOCK, "get"),
        ([Frame("selectors.py", 415, "select"), Frame("subprocess.py", 2021, "run"), own(3)], Doing.CHILD, "run"),
        ([Frame("ssl.py", 1166, "read"), Frame("requests/api.py", 73, "get"), own(3)], Doing.NETWORK, "get"),
        ([own(9, "time.sleep(9)", "__getitem__"), Frame("torch/utils/data/dataloader.py", 1, "next"), own(3)], Doing.SLEEP, ""),
        (
            [
                Frame("tensorfleet/training/distributed.py", 40, "_wait_for"),
                Frame("tensorfleet/training/distributed.py", 30, "open_store"),
                Frame("tensorfleet/training/neural.py", 90, "train"),
            ],
            Doing.PEERS,
            "open_store",
        ),
        ([Frame("tensorfleet/training/distributed.py", 40, "_wait_for")], Doing.PEERS, ""),
        ([Frame("somewhere.py", 1, "f"), Frame("runpy.py", 2, "run")], Doing.OTHER, ""),
    ],
)  # fmt: skip
def test_what_a_stack_says(frames: list[Frame], doing: Doing, within: str) -> None:
    where = whereabouts(at(0, *frames), gang=2)
    assert (where.doing, where.within) == (doing, within)


def test_a_process_that_was_stopped_is_at_fault_wherever_it_stands() -> None:
    stopped = in_call(1, ALL_REDUCE, 55, state="stopped")
    verdict = diagnose([in_call(0, ALL_REDUCE, 55), stopped])
    assert verdict is not None
    assert verdict.culprits == (1,)
    assert "was stopped by a signal" in verdict.message


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "7", "{", "[" * 100_000, "\0",
        '{"processes": 7}',
        '{"processes": [7, null, {"threads": 3}, {"threads": [5, {"main": true, "frames": [1, {"line": "x"}]}]}]}',
        '{"processes": [{"pid": 1e400, "state": [], "threads": [{"main": true, "frames": [{"file": 5, "line": 1e99}]}]}]}',
        '{"quiet_s": 1e999, "limit_s": "soon", "limit_is_set": 1}',
        '{"processes": [{"threads": [{"main": true, "frames": [{"file": "\\u0000\\ud800", "function": "a\\nb"}]}]}]}',
    ],
    ids=range(12),
)  # fmt: skip
def test_hostile_reports_are_read_without_harm(text: str) -> None:
    report = read_report(0, beats=2**64 - 1, step=-(2**63), idle_s=float("nan"), usual_s=-1, stacks_json=text)
    assert (report.idle_s, report.usual_s, report.step) == (0, 0, -1)
    verdict = diagnose([report, in_call(1, ALL_REDUCE, 5)])
    assert verdict is None or "\0" not in json.dumps(verdict.evidence, allow_nan=False)


def test_a_report_that_is_too_long_is_not_read_at_all() -> None:
    process = {
        "pid": 7,
        "threads": [{"main": True, "frames": [{"file": "a.py", "line": 1, "function": "f"}]}],
    }
    text = json.dumps({"processes": [process], "padding": ""})
    assert len(_read(text).processes) == 1
    assert _read(text.replace('""', json.dumps("x" * LIMIT_BYTES))) == Report(0)


def _read(text: str) -> Report:
    return read_report(0, beats=0, step=-1, idle_s=0, usual_s=0, stacks_json=text)


def test_the_worker_of_a_data_loader_that_stands_in_own_code_is_shown() -> None:
    waits = (Frame("torch/utils/data/dataloader.py", 1, "__next__"), own(65, "for batch in loader:"))
    library = Process(8, "sleeping", (Frame("torch/utils/data/_utils/worker.py", 3, "_worker_loop"),))
    stuck = Process(9, "sleeping", (own(29, "", "__getitem__"),))
    loader = at(1, *waits)
    with_stuck = replace(loader, processes=(*loader.processes, Process(7), library, stuck))
    idle_workers = replace(loader, processes=(*loader.processes, Process(7), library))
    told = "it waits for its data loader at train.py:65 in step"
    for report, end in (
        (with_stuck, ", whose worker process 9 stands at train.py:29 in __getitem__"),
        (idle_workers, ""),
    ):
        verdict = diagnose([in_call(0, ALL_REDUCE, 55), report])
        assert verdict is not None
        assert f"{told}{end}; rank 0 waits for it in all_reduce" in verdict.message
