"""The pulse as two processes share it."""

from __future__ import annotations

import struct
import time
from pathlib import Path

from tensorfleet.training.pulse import PULSE_FILE, Beat, Pulse, read_pulse


def test_no_pulse_yet(tmp_path: Path) -> None:
    assert read_pulse(tmp_path) == Beat(0, 0.0, -1)


def test_beats_are_counted_with_their_time_and_step(tmp_path: Path) -> None:
    pulse = Pulse(tmp_path)
    assert read_pulse(tmp_path).beats == 0
    begin = time.monotonic()
    pulse.beat()
    pulse.beat(5)
    pulse.beat()
    found = read_pulse(tmp_path)
    assert (found.beats, found.step) == (3, 5)
    assert begin <= found.at <= time.monotonic()


def test_the_layout_is_what_the_agent_reads(tmp_path: Path) -> None:
    Pulse(tmp_path).beat(7)
    data = (tmp_path / PULSE_FILE).read_bytes()
    beats, _, step, spare = struct.unpack("<QdqQ", data)
    assert (len(data), beats, step, spare) == (32, 1, 7, 0)


def test_a_second_process_of_the_task_goes_on_counting(tmp_path: Path) -> None:
    first = Pulse(tmp_path)
    first.beat(4)
    second = Pulse(tmp_path)
    second.beat()
    first.beat()
    assert read_pulse(tmp_path) == Beat(3, read_pulse(tmp_path).at, 4)


def test_a_task_without_room_for_a_pulse_runs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    Pulse(tmp_path / "file").beat(1)
    assert read_pulse(tmp_path / "file") == Beat()


def test_a_torn_file_is_no_pulse(tmp_path: Path) -> None:
    (tmp_path / PULSE_FILE).write_bytes(b"short")
    assert read_pulse(tmp_path) == Beat()
