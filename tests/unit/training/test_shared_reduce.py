"""Gradients that ranks of one machine average in shared memory: real processes, beside gloo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tensorfleet.jobs.stacks import Frame, Process, Report
from tensorfleet.jobs.whereabouts import Doing, whereabouts
from tensorfleet.training.shared_reduce import _average_parts, part_of

HELPER = Path(__file__).with_name("reducing_ranks.py")


@pytest.fixture(scope="module")
def helper():
    env = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    env.pop("TENSORFLEET_REDUCE", None)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, str(HELPER)], env=env, **pipes) as process:
        yield process
        process.stdin.close()
        process.wait(30)


@pytest.fixture
def run(helper, tmp_path):
    def play(name, ranks=2, codes=None, **more):
        folder = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        helper.stdin.write(json.dumps({"play": name, "ranks": ranks, "folder": str(folder), **more}) + "\n")
        helper.stdin.flush()
        ended = json.loads(helper.stdout.readline())
        logs = [(folder / f"{rank}.log").read_text() for rank in range(ranks)]
        assert ended == (codes or [0] * ranks), "\n".join(logs)
        names = [folder / f"{rank}.json" for rank in range(ranks)]
        return [json.loads(name.read_text()) if name.exists() else None for name in names], logs

    return play


@pytest.mark.parametrize(
    ("ranks", "dtype", "close"),
    [
        (2, "float32", 1e-6),
        (3, "float32", 1e-6),
        (4, "float32", 1e-6),
        (3, "float64", 1e-14),
        (2, "bfloat16", 2**-6),
        (3, "float16", 2**-9),
    ],
)
def test_all_ranks_have_the_same_bits_and_gloos_average(run, ranks, dtype, close):
    found, _ = run("train", ranks, dtype=dtype)
    assert all(one["used"] and one["in_use"] for one in found)
    assert all(one["digests"] == found[0]["digests"] for one in found)
    assert len(set(found[0]["digests"])) == 6
    assert max(max(one["differences"]) for one in found) < close


def test_nothing_depends_on_who_comes_first_nor_on_how_gradients_are_kept(run):
    (first, *_), _ = run("train", 3, dtype="float32", delays=1)
    (second, *_), _ = run("train", 3, dtype="float32", delays=2, view=True)
    assert first["digests"] == second["digests"]


def test_gradients_that_are_added_up_before(run):
    found, _ = run("accumulate")
    assert max(one["differences"][0] for one in found) < 1e-6


def test_ranks_with_fewer_batches_join(run):
    found, _ = run("uneven", 3)
    assert all(one["used"] for one in found)


def test_a_dead_rank_is_named_and_nobody_spins(run):
    found, _ = run("die", 3, codes=[0, -signal.SIGKILL, 0])
    for one in (found[0], found[2]):
        assert one["error"] == "Unavailable"
        assert "1 ended while rank" in one["message"] or "has given up" in one["message"]
        assert one["busy_s"] < 0.15
    assert any("rank 1 ended while rank" in one["message"] for one in (found[0], found[2]))


def test_a_rank_that_does_not_come_is_not_awaited_for_ever(run):
    found, _ = run("late", 3)
    assert "rank 1 did not bring its gradients within 0 s" in found[0]["message"]
    assert "rank 0 has given up" in found[1]["message"]
    assert "rank 0 has given up" in found[2]["message"]


def test_without_room_gradients_go_over_gloo_on_all_ranks_and_a_line_says_so(run):
    found, logs = run("no_room", 2, dtype="float32")
    assert not any(one["in_use"] for one in found)
    assert max(max(one["differences"]) for one in found) < 1e-6
    assert "gradients go over loopback sockets: no room for 2 times 0.0 MB in /dev/shm" in logs[0]
    assert "loopback" not in logs[1]


def test_memory_that_may_not_be_opened(run):
    found, logs = run("hidden", 3)
    assert not any(one["used"] for one in found)
    assert "one rank may not open the memory of another here" in logs[0]


@pytest.mark.parametrize("play", ["elsewhere", "switched_off"])
def test_ranks_of_several_machines_or_switched_off(run, play):
    found, logs = run(play)
    assert not any(one["used"] for one in found)
    assert logs == ["", ""]


def test_models_of_scripts_use_it_unless_they_bring_a_hook(run):
    found, _ = run("own_script")
    for one in found:
        assert (one["before"], one["after"], one["hooks"]) == (0, 1, 0)
        assert one["own"]
        assert one["told"]
        assert not one["not told"]
        assert not one["builtin"]
        assert one["differences"][0] < 1e-6


def test_nothing_is_left_when_all_ranks_are_killed(run, tmp_path):
    def kill():
        stands = [tmp_path / "run-0" / f"stands-{rank}" for rank in (0, 1)]
        while not all(one.exists() for one in stands):
            time.sleep(0.01)
        for pid in json.loads((tmp_path / "run-0" / "pids").read_text()):
            held = Path(f"/proc/{pid}/maps").read_text().count("/dev/shm/torch_")
            (tmp_path / f"maps-{pid}").write_text(str(held))
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    run("stand", 2, codes=[-signal.SIGKILL] * 2, dtype="float32")
    killer.join()
    assert all(int(path.read_text()) > 2 for path in tmp_path.glob("maps-*")), "they did share memory"
    pids = json.loads((tmp_path / "run-0" / "pids").read_text())
    assert not [name for pid in pids for name in Path("/dev/shm").glob(f"*_{pid}_*")]


@pytest.mark.parametrize("size", [2, 3, 4, 16])
@pytest.mark.parametrize("numel", [1, 63, 64, 65, 1000, 1 << 20])
def test_parts_cover_a_bucket(size, numel):
    parts = [part_of(rank, size, numel) for rank in range(size)]
    assert [index for begin, end in parts for index in range(begin, end)] == list(range(numel))


@pytest.mark.parametrize("own", [True, False])
def test_a_rank_that_waits_in_it_is_known_to_wait_for_the_others(own):
    calls = [
        Frame("tensorfleet/training/shared_turns.py", 130, "Turns._sleep_until_here"),
        Frame("tensorfleet/training/shared_reduce.py", 75, "SharedReduce.bucket_is_full"),
        Frame("torch/autograd/graph.py", 800, "_engine_run_backward"),
        Frame("torch/_tensor.py", 500, "backward"),
    ]
    at = Frame("train.py", 9, "step", own, "loss.backward()")
    if not own:
        at = Frame("tensorfleet/training/neural_steps.py", 60, "train_step")
    where = whereabouts(Report(0, processes=(Process(1, "sleeping", (*calls, at)),)), gang=2)
    assert (where.doing, where.at, where.within) == (Doing.PEERS, at, "backward")


def test_small_floats_are_added_up_in_larger_ones():
    import torch

    parts = [
        torch.full((5,), 49152.0, dtype=torch.float16) for _ in range(3)
    ]  # their sum has no place in float16
    _average_parts(parts)
    assert all(part.tolist() == [49152.0] * 5 for part in parts)
