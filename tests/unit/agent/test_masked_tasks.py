"""What a task with secrets leaves is masked wherever it is cut, and left out where the agent cannot mask it any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tensorfleet.agent.masking import LEFT_OUT, Mask
from tensorfleet.agent.spool import Spool, SpooledTask
from tensorfleet.agent.streams import CHUNK_BYTES, CUT

NO_LIMIT = 1 << 62
VALUE = "planted-" + "0123456789" * 3


def started(folder: Path, limit: int = NO_LIMIT) -> SpooledTask:
    task = Spool(folder, limit).add(7, {"job_id": "j-1", "spec": {"secrets": {"TOKEN": "token"}}})
    task.hide(Mask([VALUE]))
    return task


def told(task: SpooledTask, name: str = "log", *, final: bool = True) -> bytes:
    """All that is sent of a stream."""
    stream, found = task.streams[name], b""
    while data := stream.next_chunk(final):
        found += task.shown(name, data)
        stream.sent += len(data)
        stream.taken = stream.sent
    return found


@pytest.mark.parametrize(
    "before", [CHUNK_BYTES - 50, CHUNK_BYTES - len(VALUE), CHUNK_BYTES - 9, CHUNK_BYTES - 1]
)
@pytest.mark.parametrize("final", [True, False])
def test_a_value_across_two_pieces_of_a_line_is_masked(tmp_path: Path, before: int, final: bool) -> None:
    task = started(tmp_path)
    (task.directory / "log").write_bytes(b"x" * before + VALUE.encode() + b"y" * CHUNK_BYTES + b"\n")
    found = told(task, final=final)
    assert b"planted" not in found
    assert found == b"x" * before + b"***" + b"y" * CHUNK_BYTES + b"\n"


def test_a_value_with_several_lines_is_masked_line_by_line(tmp_path: Path) -> None:
    task = started(tmp_path)
    task.hide(Mask(["first planted\nsecond planted\n"]))
    log = task.directory / "log"
    log.write_bytes(b"first planted\nsecond pl")
    first = told(task, final=False)
    with log.open("ab") as file:
        file.write(b"anted\n")
    assert first + told(task) == b"***\n***\n"


def test_a_value_at_the_limit_of_the_log_is_not_begun(tmp_path: Path) -> None:
    task = started(tmp_path, limit=20)
    (task.directory / "log").write_bytes(b"0123456789" + VALUE.encode() + b"\nmore\n")
    found = told(task)
    assert b"plant" not in found
    assert CUT in found


def test_the_end_of_a_log_is_told_whole(tmp_path: Path) -> None:
    task = started(tmp_path)
    (task.directory / "log").write_bytes(b"ends like a value: planted-0")
    assert told(task) == b"ends like a value: planted-0"


def test_an_agent_that_was_started_anew_leaves_out_what_it_cannot_mask(tmp_path: Path) -> None:
    task = started(tmp_path)
    (task.directory / "log").write_bytes(f"it is {VALUE}\n".encode())
    record = {"kind": "checkpoint", "key": "c/1", "step": 3, "message": VALUE}
    (task.directory / "records.jsonl").write_text(json.dumps(record) + "\n")
    outcome = {"status": "failed", "class": "user_error", "message": f"with {VALUE}", "traceback": ""}
    (task.directory / "outcome.json").write_text(json.dumps(outcome))
    again = Spool(tmp_path, NO_LIMIT)
    again.recover()
    found = again.tasks[7]
    assert told(found) == LEFT_OUT
    assert json.loads(told(found, "record")) == {**record, "message": "***"}
    assert found.told()["class"] == "user_error"
    assert VALUE not in json.dumps(found.told())
    found.streams["log"].sent = 0
    found.hide(Mask([VALUE]))
    assert told(found) == b"it is ***\n"
    assert found.told()["message"] == "with ***"


def test_a_task_without_secrets_is_told_as_it_is_by_a_new_agent_too(tmp_path: Path) -> None:
    task = Spool(tmp_path, NO_LIMIT).add(7, {"job_id": "j-1", "spec": {"secrets": {}}})
    (task.directory / "log").write_bytes(b"hello\n")
    again = Spool(tmp_path, NO_LIMIT)
    again.recover()
    assert told(again.tasks[7]) == b"hello\n"
