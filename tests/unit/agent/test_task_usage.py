"""What tasks use: measured where the machine counts, else estimated, and said which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tensorfleet.agent.memory import TaskMemory
from tensorfleet.agent.meters import CpuMeter, GpuMeter
from tensorfleet.agent.processes import family
from tensorfleet.agent.usage import TaskUsage, UsageWatch, cpu_time_s
from tensorfleet.kit.energy import WATTS_PER_CORE

SPIN = "import time, os\nend = time.process_time() + {s}\nwhile time.process_time() < end: pass\nprint('spun', flush=True)\n"


def zone(root: Path, number: str, name: str, joules: float, most: float = 1000.0) -> None:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(exist_ok=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{int(most * 1e6)}\n")
    (folder / "energy_uj").write_text(f"{int(joules * 1e6)}\n")


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The machine's own count of how long its cores were busy."""
    times = SimpleNamespace(user=100.0, nice=0.0, system=0.0, irq=0.0, softirq=0.0)
    monkeypatch.setattr("psutil.cpu_times", lambda: SimpleNamespace(**vars(times)))
    return times


def test_packages_and_memory_are_counted_once_and_shared_by_use(
    tmp_path: Path, busy: SimpleNamespace
) -> None:
    for number, name in (("0", "package-0"), ("0:0", "core"), ("0:1", "dram"), ("1", "psys")):
        zone(tmp_path, number, name, 10.0)
    meter = CpuMeter(tmp_path)
    assert meter.joules_per_busy_s is None
    for number, name, joules in (("0", "package-0", 40.0), ("0:0", "core", 35.0), ("0:1", "dram", 20.0)):
        zone(tmp_path, number, name, joules)
    busy.user += 8.0
    meter.look(2.0)
    assert meter.joules_per_busy_s == pytest.approx(40.0 / 8.0)


def test_a_counter_that_begins_anew_goes_on(tmp_path: Path, busy: SimpleNamespace) -> None:
    zone(tmp_path, "0", "package-0", 990.0)
    meter = CpuMeter(tmp_path)
    zone(tmp_path, "0", "package-0", 5.0)
    busy.system += 3.0
    meter.look(0.0)
    assert meter.joules_per_busy_s == pytest.approx(15.0 / 3.0)


def test_counters_that_may_not_be_read_are_no_measure(tmp_path: Path) -> None:
    assert CpuMeter(tmp_path / "none").joules_per_busy_s is None
    zone(tmp_path, "0", "package-0", 1.0)
    meter = CpuMeter(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    meter.look(1.0)
    meter.look(1.0)
    assert meter.joules_per_busy_s is None


def a_watch(root: Path, task: Any = None, gpu: Any = None) -> UsageWatch:
    return UsageWatch({1: task} if task else {}, CpuMeter(root), gpu or GpuMeter())


def test_a_measured_task_pays_for_the_time_that_it_used(tmp_path: Path, busy: SimpleNamespace) -> None:
    zone(tmp_path, "0", "package-0", 0.0)
    task = SimpleNamespace(lease=1, running=True, usage=TaskUsage(), memory=TaskMemory(family=[os.getpid()]))
    watch = a_watch(tmp_path, task)
    zone(tmp_path, "0", "package-0", 60.0)
    busy.user += 30.0
    watch.look()
    seen_s = task.usage.cpu_s
    assert seen_s > 0
    found = watch.finish(task.usage, task.memory, seen_s + 1.5)  # the last part was between two looks
    assert found["energy_how"] == "measured"
    assert found["cpu_s"] == pytest.approx(seen_s + 1.5, abs=0.002)
    rate = 60.0 / max(30.0, seen_s)  # this process may have run for longer than the machine's count of it
    assert found["energy_j"] == pytest.approx((seen_s + 1.5) * rate, rel=0.01)


def test_without_counters_it_is_estimated_from_time_and_memory(tmp_path: Path) -> None:
    watch = a_watch(tmp_path)
    memory = TaskMemory()
    memory.curve.add(0.0, 1024**3)
    memory.began -= 80.0
    found = watch.finish(TaskUsage(), memory, 10.0)
    assert found["energy_how"] == "estimated"
    assert found["energy_j"] == pytest.approx(10 * WATTS_PER_CORE + 80 * 3 / 8, rel=0.02)


def test_a_task_that_never_ran_has_used_nothing(tmp_path: Path) -> None:
    found = a_watch(tmp_path).finish(TaskUsage(), TaskMemory(), None)
    assert found == {"cpu_s": 0.0, "energy_j": 0.0, "energy_how": "estimated"}


class CountingGpus:
    """NVML as far as it is asked: one counter for each GPU, in millijoules."""

    def __init__(self, **counters: int) -> None:
        self.counters = {int(name[1:]): value for name, value in counters.items()}

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        return self.counters[handle]


def test_gpus_are_their_tasks_own_and_are_measured(tmp_path: Path) -> None:
    meter = GpuMeter()
    nvml = CountingGpus(g0=5_000_000, g3=1_000)
    meter._tried, meter._nvml = True, nvml
    watch = a_watch(tmp_path, gpu=meter)
    usage = watch.begin([3])
    nvml.counters = {0: 9_000_000, 3: 251_000}
    found = watch.finish(usage, TaskMemory(), 2.0)
    assert (found["energy_j"], found["energy_how"]) == (250 + 2 * WATTS_PER_CORE, "mixed")
    without = watch.begin([7])  # this one counts nothing
    assert watch.finish(without, TaskMemory(), 2.0)["energy_how"] == "estimated"


def test_the_time_of_all_processes_of_a_task_is_counted() -> None:
    code = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {SPIN.format(s=0.2)!r}])\n"  # ended, and waited for
        f"child = subprocess.Popen([sys.executable, '-c', {SPIN.format(s=0.2)!r} + 'input()'], stdin=subprocess.PIPE)\n"
        "sys.stdin.readline()\nchild.communicate(b'\\n')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as task:
        assert task.stdout is not None
        assert [task.stdout.readline() for _ in range(2)] == [b"spun\n"] * 2
        assert cpu_time_s(family(task.pid)) >= 0.38
        task.communicate(b"\n")
    assert cpu_time_s([task.pid]) == 0
