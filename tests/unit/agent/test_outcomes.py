"""How a task ended, as the orchestrator is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.agent.memory import TaskMemory
from tensorfleet.agent.outcomes import gibibytes, outcome_of, refused


def wait_status(code: str) -> int:
    """How a real process ended that ran `code`."""
    process = subprocess.Popen([sys.executable, "-S", "-c", code])
    status = os.waitpid(process.pid, 0)[1]
    process.returncode = os.waitstatus_to_exitcode(status)
    return status


def wrote(folder: Path, outcome: Any) -> None:
    (folder / "outcome.json").write_text(json.dumps(outcome))


def test_a_success_stands_however_the_process_went(tmp_path: Path) -> None:
    written = {"status": "succeeded", "metrics": {"accuracy": 1.0}}
    wrote(tmp_path, written)
    for status, stopped in ((0, False), (None, False), (signal.SIGKILL, False), (signal.SIGTERM, True)):
        assert outcome_of(tmp_path, status, stopped) == {"status": "succeeded", "result": written}


def test_a_failure_tells_its_story(tmp_path: Path) -> None:
    told = {"status": "failed", "class": "data", "message": "empty", "traceback": "Trace"}
    wrote(tmp_path, {**told, "more": 1})
    assert outcome_of(tmp_path, 256, False) == told
    assert outcome_of(tmp_path, None, False) == told
    assert outcome_of(tmp_path, 256, True)["status"] == "stopped", "it failed because it was stopped"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "killed by SIGKILL (by a person, or by the system when memory ran out)"),
        (signal.SIGSEGV, "killed by SIGSEGV (a crash in native code)"),
        (signal.SIGTERM, "killed by SIGTERM"),
        (signal.SIGRTMIN + 3, f"killed by signal {signal.SIGRTMIN + 3}"),
    ],
    ids=["kill", "crash", "term", "real-time"],
)
def test_a_signal_is_named_with_the_last_lines(tmp_path: Path, number: int, said: str) -> None:
    (tmp_path / "log").write_bytes(b"".join(b"line %d \xff\n" % line for line in range(2000)))
    code = "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), "
    status = wait_status(f"{code}{int(number)})")
    outcome = outcome_of(tmp_path, status, stopped_by_us=False)
    assert (outcome["status"], outcome["class"]) == ("failed", "killed")
    assert outcome["message"].endswith(said)
    last = outcome["traceback"].splitlines()
    assert len(last) == 20
    assert last[-1] == "line 1999 \ufffd"
    assert outcome_of(tmp_path, status, stopped_by_us=True)["class"] == "cancelled"


def test_an_exit_without_an_outcome_is_the_task_s_own(tmp_path: Path) -> None:
    early = outcome_of(tmp_path, wait_status("pass"), False)
    assert (early["class"], early["message"]) == (
        "user_error",
        "the task exited with code 0 before it was done",
    )
    failed = outcome_of(tmp_path, wait_status("raise SystemExit(7)"), False)
    assert (failed["message"], failed["traceback"]) == ("the task exited with code 7", "")


@pytest.mark.parametrize(
    "torn", ["", "{", '{"status"', "\0", "[]", "null", '"succeeded"', "[" * 100_000], ids=range(8)
)
def test_an_outcome_that_cannot_be_read_counts_as_none(tmp_path: Path, torn: str) -> None:
    (tmp_path / "outcome.json").write_text(torn)
    assert outcome_of(tmp_path, 0, False)["message"] == "the task exited with code 0 before it was done"


def test_nobody_saw_it_go(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, None, False)
    assert (outcome["status"], outcome["class"]) == ("lost", "lost_worker")


# ---- stopped ---------------------------------------------------------------------------------------------------------


def test_a_stopped_task_says_how_far_it_came(tmp_path: Path) -> None:
    wrote(tmp_path, {"status": "stopped", "step": 12, "saved_step": 10, "more": 1})
    told = outcome_of(tmp_path, 0, stopped_by_us=True)
    assert (told["status"], told["class"]) == ("stopped", "cancelled")
    assert told["result"] == {"step": 12, "saved_step": 10}
    wrote(tmp_path, {"status": "stopped"})
    assert outcome_of(tmp_path, 0, stopped_by_us=True)["result"] == {"step": -1, "saved_step": -1}


def test_a_task_that_somebody_else_stopped_was_killed(tmp_path: Path) -> None:
    wrote(tmp_path, {"status": "stopped", "step": 12, "saved_step": 10})
    told = outcome_of(tmp_path, 0, stopped_by_us=False)
    assert (told["status"], told["class"], told["message"]) == (
        "failed",
        "killed",
        "the task was killed by SIGTERM",
    )
    assert told["result"] == {"step": 12, "saved_step": 10}


def test_what_a_task_has_measured_is_passed_on(tmp_path: Path) -> None:
    told = {"status": "failed", "class": "out_of_memory", "message": "no", "traceback": ""}
    wrote(tmp_path, {**told, "evidence": {"where": "gpu"}})
    assert outcome_of(tmp_path, 256, False) == {**told, "evidence": {"where": "gpu"}}
    wrote(tmp_path, {**told, "evidence": "nonsense"})
    assert outcome_of(tmp_path, 256, False) == told


# ---- memory ----------------------------------------------------------------------------------------------------------


def used(*points: tuple[float, int], limit: int = 0) -> TaskMemory:
    memory = TaskMemory(rank=3, limit=limit)
    for at_s, size in points:
        memory.curve.add(at_s, size)
    return memory


def test_one_over_its_limit_ran_out_of_memory_whatever_it_says(tmp_path: Path) -> None:
    memory = used((0.25, 2**29), (0.5, int(1.3 * 2**30)), limit=2**30)
    memory.over_limit = True
    wrote(tmp_path, {"status": "failed", "class": "user_error", "message": "a helper died"})
    told = outcome_of(tmp_path, signal.SIGKILL, False, memory)
    assert told["class"] == "out_of_memory"
    assert told["message"].startswith("rank 3 used 1.3 GiB of the 1 GiB that resources.memory allows; ")
    assert told["evidence"] == {
        "where": "host",
        "rank": 3,
        "limit_bytes": 2**30,
        "peak_bytes": int(1.3 * 2**30),
        "curve": [[0.25, 2**29], [0.5, int(1.3 * 2**30)]],
    }
    assert outcome_of(tmp_path, signal.SIGKILL, True, memory)["status"] == "stopped"


def test_a_kill_tells_the_peak_where_it_was_seen(tmp_path: Path) -> None:
    told = outcome_of(tmp_path, signal.SIGKILL, False, used((1.0, 5)))
    assert told["class"] == "killed"
    assert told["evidence"] == {"rank": 3, "limit_bytes": None, "peak_bytes": 5, "curve": [[1.0, 5]]}
    assert "evidence" not in outcome_of(tmp_path, signal.SIGKILL, False, used())


def test_a_kill_while_the_system_was_killing_is_the_system_s(tmp_path: Path) -> None:
    memory = used((1.0, 2**30))
    memory.oom_kills[0] = tuple(count - 1 for count in memory.oom_kills[0])
    told = outcome_of(tmp_path, signal.SIGKILL, False, memory)
    assert (told["class"], told["evidence"]["where"]) == ("out_of_memory", "host")
    assert "it had used up to 1 GiB" in told["message"]
    assert outcome_of(tmp_path, signal.SIGTERM, False, memory)["class"] == "killed"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 MiB"), (640 * 2**20, "640 MiB"), (2**30, "1 GiB"), (int(1.26 * 2**30), "1.3 GiB")],
)
def test_sizes_are_said_as_the_job_file_has_them(count: int, text: str) -> None:
    assert gibibytes(count) == text


# ---- the disk --------------------------------------------------------------------------------------------------------


def test_a_refusal_says_why() -> None:
    told = refused(OSError(28, "No space left on device"), 3 * 2**20)
    assert (told["status"], told["class"]) == ("failed", "infrastructure")
    assert told["message"].endswith("No space left on device (3 MiB free)")


def test_a_full_disk_is_blamed_only_when_it_is_full(tmp_path: Path) -> None:
    wrote(
        tmp_path, {"status": "failed", "class": "user_error", "message": "OSError: No space left on device"}
    )
    assert outcome_of(tmp_path, 256, False)["class"] == "user_error"
