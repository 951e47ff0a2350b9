"""Which template a task is forked from, and what tells processes of one agent from others."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tensorfleet.agent
from tensorfleet.agent import processes
from tensorfleet.agent.stats import disk_stats
from tensorfleet.training.registry import ALGORITHMS
from tensorfleet.training.template_imports import needs_torch


@pytest.mark.parametrize("name", sorted(name for name, one in ALGORITHMS.items() if not one.requirements))
def test_a_built_in_that_imports_torch_is_forked_from_where_it_is(name: str) -> None:
    module = importlib.import_module(ALGORITHMS[name].trainer.partition(":")[0])
    assert needs_torch({"algorithm": name}) == ("import torch" in inspect.getsource(module))


def test_own_code_finds_torch() -> None:
    assert needs_torch({"entrypoint": "main.py"})
    assert needs_torch({"entrypoint": "main.py", "algorithm": None})
    assert not needs_torch({"algorithm": "nobody knows it"})


def test_what_is_marked_is_ended_and_nothing_else(tmp_path: Path) -> None:
    def sleeper(**env: str) -> subprocess.Popen[bytes]:
        code = "import sys, time; print(flush=True); time.sleep(60)"
        process = subprocess.Popen([sys.executable, "-S", "-c", code], env=env, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        return process

    ours = [sleeper(**{processes.MARK: str(tmp_path)}) for _ in range(2)]
    others = [sleeper(**{processes.MARK: f"{tmp_path}-2"}), sleeper(OTHER=f"{processes.MARK}={tmp_path}")]
    try:
        processes.kill_marked(tmp_path)
        assert [process.wait(10) for process in ours] == [-9, -9]
        assert [process.poll() for process in others] == [None, None]
    finally:
        for process in ours + others:
            process.kill()
            process.wait()


def test_a_family_is_all_that_come_from_one() -> None:
    code = "import subprocess; subprocess.run(['sleep', '60'])"
    process = subprocess.Popen([sys.executable, "-S", "-c", code])
    try:
        while len(found := processes.family(process.pid)) < 2:
            assert process.poll() is None
        assert found[0] == process.pid
        assert processes.children(process.pid) == {found[1]}
        assert process.pid in processes.children()
    finally:
        for pid in reversed(processes.family(process.pid)):
            processes.kill(pid)
        process.wait()


@pytest.mark.parametrize(("least", "low"), [(1, False), (1 << 60, True)])
def test_a_disk_is_low_by_the_owner_s_measure(least: int, low: bool, tmp_path: Path) -> None:
    stats = disk_stats(tmp_path, least)
    assert stats["low_disk"] is (low or stats["disk_free_bytes"] < stats["disk_total_bytes"] // 100)
    assert disk_stats(tmp_path / "gone", least) == {}


def test_no_clock_of_the_agent_can_be_set() -> None:
    """A machine's time of day may jump by hours; what an agent waits for may not."""
    folder = Path(tensorfleet.agent.__file__).parent
    for path in folder.glob("*.py"):
        text = path.read_text()
        assert "time.time(" not in text, path
        assert "datetime" not in text, path
