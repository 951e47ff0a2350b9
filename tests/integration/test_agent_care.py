"""What an agent does for its tasks: stops them as told, ends all that they leave behind, bounds their memory and their disk.

Agent, templates and tasks are real processes; in the orchestrator's place the test holds the other end of the wire.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from tensorfleet.agent import processes
from tests.integration.station import Lease, Station, open_station

IRIS = {"algorithm": "logistic_regression"}
MIB = 1024**2


@pytest.fixture(scope="module")
async def station(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    """One agent for all tests that do not kill it."""
    async with open_station(tmp_path_factory.mktemp("care")) as found:
        await found.start_agent()
        yield found


@pytest.fixture
async def own_station(tmp_path: Path) -> AsyncIterator[Station]:
    async with open_station(tmp_path) as found:
        yield found


# ---- templates -------------------------------------------------------------------------------------------------------


async def test_torch_is_there_only_while_it_is_used(own_station: Station) -> None:
    station = own_station
    await station.start_agent(torch_idle_s=1.0)
    await station.until(lambda: station.template("tf-template"), "the first template")
    first = station.submit(algorithm="no such thing")
    assert (await station.ended(first))["class"] == "user_error"
    assert station.template("tf-torch") is None, "no task so far has needed it"

    code = "import sys; assert 'torch' in sys.modules and 'sklearn' in sys.modules; print('warm')"
    lease = station.submit(code)
    assert (await station.ended(lease))["status"] == "succeeded", lease.log
    await station.until(lambda: station.template("tf-torch") is None, "it goes when nobody needs it", 10)
    assert (await station.ended(station.submit(code)))["status"] == "succeeded", "and comes back"


async def test_what_waits_is_small(station: Station) -> None:
    assert station.agent is not None
    assert (await station.ended(station.submit("import torch")))["status"] == "succeeded"
    family = [psutil.Process(station.agent.pid), *psutil.Process(station.agent.pid).children(recursive=True)]
    names = {process.name(): process.memory_info().rss / 1e6 for process in family}
    assert {"tf-template", "tf-torch"} <= names.keys()
    assert max(names.values()) < 300, names
    assert names["tf-template"] < 200, names


# ---- stopping --------------------------------------------------------------------------------------------------------

STOPPABLE = """
import json, os, signal, subprocess, sys, time
from pathlib import Path

helper = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print('helper', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-S", "-c", helper], stdout=subprocess.PIPE)
child.stdout.readline()

def save(*_):
    time.sleep(0.2)
    print("helper", "lives" if child.poll() is None else "is dead")
    outcome = {"status": "stopped", "step": 12, "saved_step": 10}
    Path(os.environ["TENSORFLEET_TASK_DIR"], "outcome.json").write_text(json.dumps(outcome))
    sys.stdout.flush()
    os._exit(0)

signal.signal(signal.SIGTERM, save)
print("ready")
time.sleep(60)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); time.sleep(60)"


@pytest.mark.parametrize("how", ["save", "end", "", "never heard of"])
async def test_a_task_is_asked_to_stop(how: str, station: Station) -> None:
    lease = station.submit(STOPPABLE)
    await station.says(lease, "ready")
    station.stop(lease, how)
    outcome = await station.ended(lease)
    assert (outcome["status"], outcome["class"]) == ("stopped", "cancelled")
    assert outcome["result"] == {"step": 12, "saved_step": 10}
    assert f"helper {'lives' if how == 'save' else 'is dead'}" in lease.log


async def test_a_task_is_stopped_at_once(station: Station) -> None:
    lease = station.submit(STOPPABLE)
    await station.says(lease, "ready")
    station.stop(lease, "kill")
    outcome = await station.ended(lease)
    assert (outcome["status"], outcome["class"], outcome["message"]) == (
        "stopped",
        "cancelled",
        "stopped on command",
    )
    assert "result" not in outcome
    assert "helper" not in lease.log, "it was not asked"


@pytest.mark.parametrize(("orders", "least_s", "most_s"), [(["save"], 7.5, 60), (["save", "end"], 2.5, 7.5)])
async def test_one_that_does_not_stop_is_made_to(
    orders: list[str], least_s: float, most_s: float, station: Station
) -> None:
    lease = station.submit(DEAF)
    await station.says(lease, "ready")
    began = time.monotonic()
    for how in orders:
        station.stop(lease, how)
    assert (await station.ended(lease))["status"] == "stopped"
    assert least_s < time.monotonic() - began < most_s


COUNTING = """
import signal, time
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(print("told")))
print("ready")
while not told:
    time.sleep(0.01)
time.sleep(1.0)
print("told", len(told))
raise SystemExit(1)
"""


@pytest.mark.parametrize("orders", [["save", "save"], ["end", "save"], ["end", "end", ""]])
async def test_an_order_that_asks_for_no_more_changes_nothing(orders: list[str], station: Station) -> None:
    lease = station.submit(COUNTING)
    await station.says(lease, "ready")
    station.stop(lease, orders[0])
    await station.says(lease, "told\n")
    for how in orders[1:]:
        station.stop(lease, how)
    assert (await station.ended(lease))["status"] == "stopped"
    assert lease.log.endswith("told 1\n")


async def test_a_stop_from_outside_is_no_order_of_ours(station: Station) -> None:
    lease = station.submit(STOPPABLE)
    await station.says(lease, "ready")
    os.kill(lease.pid, signal.SIGTERM)
    outcome = await station.ended(lease)
    assert (outcome["status"], outcome["class"]) == ("failed", "killed")
    assert outcome["result"]["saved_step"] == 10


# ---- nothing is left -------------------------------------------------------------------------------------------------

DAEMONS = """
import os, signal, subprocess, sys, time
from pathlib import Path
from tensorfleet import train

pids = Path(train.params()["pids"])

def note(kind):
    (pids / f"{kind}-{os.getpid()}").touch()

began = time.time()

def daemon(kind):
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    note(kind)
    if kind == "bare":
        os.execve("/bin/sleep", ["sleep", "600"], {})
    if kind == "named":
        os.execv("/bin/sleep", ["sleep", "600"])
    while time.time() < began + 30:  # should one ever escape, it must not keep the machine busy for ever
        if kind == "restless" and os.fork():
            os._exit(0)
        time.sleep(0.01)
    os._exit(0)

kinds = ("forked", "bare", "named", "restless")
for kind in kinds:
    daemon(kind)
subprocess.Popen(["sleep", "600"], start_new_session=True)
while len({path.name.split("-")[0] for path in pids.iterdir()}) < len(kinds):
    time.sleep(0.01)
print("ready")
print("last words")
"""
RUN_ON = "time.sleep(600)\n"


def descendants(lease: Lease) -> set[psutil.Process]:
    task = psutil.Process(lease.pid)
    return {task, *task.children(recursive=True)}


def living(family: set[psutil.Process]) -> list[psutil.Process]:
    def lives(process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess):
            return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        return False

    return [process for process in family if lives(process)]


def restless(station: Station) -> list[int]:
    """This station's tasks and what they have forked, by name: some change their number all the time."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            ours = process.name().startswith("tf-task-") and process.status() != psutil.STATUS_ZOMBIE
            if ours and process.environ().get(processes.MARK) == str(station.work_dir):
                found.append(process.pid)
    return found


async def kill_task(station: Station, lease: Lease) -> None:
    os.kill(lease.pid, signal.SIGKILL)


async def kill_torch(station: Station, lease: Lease) -> None:
    template = station.template("tf-torch")
    assert template is not None
    template.kill()


async def kill_base(station: Station, lease: Lease) -> None:
    template = station.template("tf-template")
    assert template is not None
    template.kill()


async def kill_agent(station: Station, lease: Lease) -> None:
    station.kill_agent()


async def kill_all_at_once(station: Station, lease: Lease) -> None:
    found = [station.template(name) for name in ("tf-template", "tf-torch")]
    assert station.agent is not None
    station.agent.send_signal(signal.SIGSTOP)
    for template in found:
        assert template is not None
        template.suspend()
    for template in found:
        assert template is not None
        template.kill()
    station.kill_agent()


@pytest.mark.parametrize("how", ["succeeds", "fails", "save", "end", "kill"])
async def test_what_a_task_leaves_running_ends_with_it(how: str, station: Station, tmp_path: Path) -> None:
    last = {"succeeds": "", "fails": "raise SystemExit(3)\n"}.get(how, RUN_ON)
    lease = station.submit(DAEMONS + last, hyperparameters={"pids": str(tmp_path)})
    if last == RUN_ON:
        await station.says(lease, "last words")
        assert len(living(descendants(lease))) >= 5, "there is something to end"
        station.stop(lease, how)
    await station.ended(lease)
    assert "last words" in lease.log
    assert not left(station, tmp_path), "when its end is told, nothing is left"


async def test_a_task_s_helpers_live_as_long_as_it_does(station: Station, tmp_path: Path) -> None:
    lease = station.submit(DAEMONS + RUN_ON, hyperparameters={"pids": str(tmp_path)})
    await station.says(lease, "last words")
    assert (await station.ended(station.submit("print('another')")))["status"] == "succeeded"
    kinds = {path.name.split("-")[0]: int(path.name.split("-")[1]) for path in tmp_path.iterdir()}
    assert all(living({psutil.Process(kinds[kind])}) for kind in ("forked", "bare", "named"))
    station.stop(lease, "kill")
    await station.ended(lease)


def left(station: Station, notes: Path) -> list[int]:
    noted = {int(path.name.split("-")[1]) for path in notes.iterdir()}
    return sorted({pid for pid in noted if psutil.pid_exists(pid)} | set(restless(station)))


@pytest.mark.parametrize(
    "strike",
    [kill_task, kill_torch, kill_base, kill_agent, kill_all_at_once],
    ids=lambda strike: str(strike.__name__),
)
async def test_nothing_outlives_a_kill(
    strike: Callable[[Station, Lease], Any], own_station: Station, tmp_path: Path
) -> None:
    station, notes = own_station, tmp_path / "notes"
    notes.mkdir()
    await station.start_agent()
    lease = station.submit(DAEMONS + RUN_ON, hyperparameters={"pids": str(notes)})
    await station.says(lease, "last words")
    family = descendants(lease)
    assert len(living(family)) >= 5, "there is something to end"
    if strike is kill_all_at_once:
        # Whoever could see where it came from is dead: one that has also forgotten its environment is not found.
        forgetful = {
            process for process in living(family) if process.name() == "sleep" and not process.environ()
        }
        assert forgetful
        for process in forgetful:
            process.kill()

    await strike(station, lease)
    if strike in (kill_agent, kill_all_at_once):
        if strike is kill_agent:
            await station.until(lambda: not living(family), "the templates end all", 10)
        await station.start_agent()
    outcome = await station.ended(lease)
    assert outcome["class"] == ("killed" if strike is kill_task else "lost_worker")
    assert lease.log.endswith("last words\n"), "all that it said has arrived"
    await station.until(lambda: not living(family) and not restless(station), "nothing is left", 10)

    again = station.submit("print('works')")
    assert (await station.ended(again))["status"] == "succeeded"


# ---- memory ----------------------------------------------------------------------------------------------------------

GROW = """
import time
held = []
while True:
    held.append(bytearray(b"x") * (20 * 1024**2))
    print(len(held) * 20, "MiB")
    time.sleep(0.02)
"""


async def test_a_task_over_its_memory_is_ended_with_the_curve(station: Station) -> None:
    lease = station.submit(GROW, rank=1, memory=400 * MIB)
    outcome = await station.ended(lease)
    assert (outcome["status"], outcome["class"]) == ("failed", "out_of_memory")
    assert "of the 400 MiB that resources.memory allows" in outcome["message"]
    assert outcome["message"].startswith("rank 1 used ")
    evidence = outcome["evidence"]
    assert (evidence["where"], evidence["rank"], evidence["limit_bytes"]) == ("host", 1, 400 * MIB)
    assert 400 * MIB < evidence["peak_bytes"] < 1500 * MIB
    assert 2 <= len(evidence["curve"]) <= 60
    assert evidence["curve"][-1][1] == evidence["peak_bytes"]
    assert evidence["curve"] == sorted(evidence["curve"]), "it grew"


SHARED = """
import os, time
held = bytearray(b"x") * (300 * 1024**2)
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        time.sleep(1.5)
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
print("through")
"""


async def test_what_helpers_share_counts_once(station: Station) -> None:
    lease = station.submit(SHARED, memory=900 * MIB)
    outcome = await station.ended(lease)
    assert outcome["status"] == "succeeded", outcome


async def test_a_kill_from_outside_tells_the_peak(station: Station) -> None:
    lease = station.submit(
        "held = bytearray(b'x') * (200 * 1024**2)\nimport time\nprint('ready')\ntime.sleep(60)"
    )
    await station.says(lease, "ready")
    began = time.monotonic()
    await station.until(lambda: time.monotonic() - began > 1, "a look at its memory")
    os.kill(lease.pid, signal.SIGKILL)
    outcome = await station.ended(lease)
    assert outcome["class"] == "killed"
    assert outcome["evidence"]["peak_bytes"] > 200 * MIB


@pytest.fixture
def small_group() -> Any:
    """A control group with 300 MiB, as `(file to join, remove)`; only where this user may make one."""
    roots = {Path("/sys/fs/cgroup/memory"): "memory.limit_in_bytes", Path("/sys/fs/cgroup"): "memory.max"}
    for root, limit in roots.items():
        group = root / f"tf-test-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            try:
                (group / limit).write_text(str(300 * MIB))
            except OSError:
                group.rmdir()
                continue
            yield group / "cgroup.procs"
            group.rmdir()
            return
    pytest.skip("this user cannot make a control group with a memory limit")


async def test_the_system_s_own_kill_is_told_from_a_person_s(station: Station, small_group: Path) -> None:
    code = (
        f"import os\nfrom pathlib import Path\nPath({str(small_group)!r}).write_text(str(os.getpid()))\n"
        + GROW
    )
    lease = station.submit(code)
    outcome = await station.ended(lease)
    assert outcome["class"] == "out_of_memory", outcome
    assert "the system killed rank 0 because memory ran out" in outcome["message"]
    assert outcome["evidence"]["where"] == "host"
    await station.until(lambda: not small_group.read_text(), "the group is empty", 10)


# ---- disk ------------------------------------------------------------------------------------------------------------

TALKATIVE = """
import time
line = "y" * 1023 + chr(10)
for _ in range({mib}):
    print(line * 1024, end="")
    time.sleep(0.02)
print("said")
time.sleep(600)
"""


@pytest.mark.parametrize(("mib", "limit_mib"), [(30, 3), (20, 1000)], ids=["beyond the limit", "taken over"])
async def test_a_task_that_prints_for_ever_does_not_fill_the_disk(
    mib: int, limit_mib: int, own_station: Station
) -> None:
    station = own_station
    await station.start_agent(log_limit_bytes=limit_mib * MIB)
    lease = station.submit(TALKATIVE.format(mib=mib))
    path = station.task_dir(lease) / "log"
    await station.until(lambda: path.exists() and path.stat().st_size >= mib * MIB + 5, "all is printed")
    await station.until(
        lambda: path.stat().st_blocks * 512 < (limit_mib % 1000 + 2) * MIB, "the disk is free", 20
    )
    expected = min(mib, limit_mib) * MIB
    await station.until(lambda: len(lease.streams["log"]) >= expected, "the log has arrived")
    text = lease.streams["log"]
    assert text[:expected] == (b"y" * 1023 + b"\n") * (expected // 1024), "and is whole"
    assert (b"longer than its limit" in text) == (limit_mib < mib)
    os.kill(lease.pid, signal.SIGKILL)
    assert (await station.ended(lease))["traceback"].endswith("said"), "its last lines are still there"


async def test_the_machine_says_when_its_disk_is_low(own_station: Station) -> None:
    station = own_station
    await station.start_agent(min_free_disk_bytes=1 << 60)
    stats = await station.until(lambda: station.stats and station.stats[-1], "a heartbeat")
    assert stats["low_disk"] is True
    total = shutil.disk_usage(station.folder).total
    assert 0 < stats["disk_free_bytes"] <= stats["disk_total_bytes"] == total
    station.kill_agent()
    station.stats.clear()
    await station.start_agent(min_free_disk_bytes=1)
    stats = await station.until(lambda: station.stats and station.stats[-1], "a heartbeat")
    assert stats["low_disk"] is (stats["disk_free_bytes"] < total // 100)


def a_small_disk(mount: Path) -> list[str]:
    """A command that runs its arguments with a disk of 2 MiB at `mount`, which nobody else sees."""
    script = f'mount -t tmpfs -o size=2m tmpfs {mount} && exec "$@"'
    command = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else []), "sh", "-c", script, "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this user cannot mount a disk of its own")
    return command


async def test_a_full_disk_refuses_tasks_and_ends_nothing(own_station: Station, tmp_path: Path) -> None:
    station = own_station
    work = tmp_path / "small"
    work.mkdir()
    await station.start_agent(*a_small_disk(work), work_dir=str(work))
    assert station.agent is not None
    running = station.submit("import time\nprint('ready')\ntime.sleep(600)")
    await station.says(running, "ready")
    inside = Path(f"/proc/{station.agent.pid}/root{work}")
    with (inside / "filler").open("wb", buffering=0) as filler:
        with suppress(OSError):
            while filler.write(b"x" * 65536):
                pass
        with suppress(OSError):
            while filler.write(b"x"):
                pass
    refused = station.submit("print('never')", padding="x" * 8192)
    outcome = await station.ended(refused)
    assert (outcome["status"], outcome["class"]) == ("failed", "infrastructure")
    assert "No space left on device (0 MiB free)" in outcome["message"]
    await station.until(lambda: station.stats[-1]["disk_free_bytes"] < MIB, "a heartbeat that tells")
    assert station.stats[-1]["low_disk"] is True
    assert not running.outcome, "what runs goes on"
    (inside / "filler").unlink()
    assert (await station.ended(station.submit("print('room again')")))["status"] == "succeeded"
    station.stop(running, "kill")
    await station.ended(running)


HOARDER = """
import time
print("ready")
with open("hoard", "wb", buffering=0) as file:
    while True:
        file.write(b"x" * 65536)
        time.sleep({pause})
"""


@pytest.mark.parametrize("pause", [0.1, 0.0], ids=["seen in time", "at once"])
async def test_one_that_fills_the_disk_is_ended_and_others_live(
    pause: float, own_station: Station, tmp_path: Path
) -> None:
    station = own_station
    work = tmp_path / "small"
    work.mkdir()
    await station.start_agent(
        *a_small_disk(work), work_dir=str(work), min_free_disk_bytes=MIB // 2 if pause else 1
    )
    assert station.agent is not None
    running = station.submit("import time\nprint('ready')\ntime.sleep(600)")
    await station.says(running, "ready")
    outcome = await station.ended(station.submit(HOARDER.format(pause=pause)))
    assert (outcome["status"], outcome["class"]) == ("failed", "user_error"), outcome
    assert "the job has filled the worker's disk: its files there have" in outcome["message"]
    assert "of 2 MiB; write less where it runs" in outcome["message"]
    inside = Path(f"/proc/{station.agent.pid}/root{work}")
    await station.until(lambda: shutil.disk_usage(inside).free > MIB, "its folder to be removed", 10)
    await station.until(lambda: station.stats[-1]["low_disk"] is False, "a heartbeat that tells", 10)
    assert not any(one["low_disk"] for one in station.stats), "nobody else has to go for it"
    assert not running.outcome
    assert (await station.ended(station.submit("print('room again')")))["status"] == "succeeded"
    station.stop(running, "kill")
    await station.ended(running)


# ---- the link --------------------------------------------------------------------------------------------------------


async def test_the_one_that_leads_is_found_among_several(own_station: Station, tmp_path: Path) -> None:
    station = own_station

    async def stand_by(request: Any, context: grpc.aio.ServicerContext) -> None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "standby: this orchestrator does not lead")

    class StandBy(grpc.aio.ServerInterceptor):  # type: ignore[misc]
        async def intercept_service(self, continuation: Any, details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(stand_by)

    server = grpc.aio.server(interceptors=[StandBy()])
    server.add_insecure_port(f"unix:{tmp_path}/standby.sock")
    await server.start()
    try:
        nobody = f"unix:{tmp_path}/nobody.sock"
        addresses = f"{nobody}, unix:{tmp_path}/standby.sock,{station.address}"
        began = asyncio.get_running_loop().time()
        await station.start_agent(orchestrator=addresses)
        assert asyncio.get_running_loop().time() - began < 15
        await station.until(lambda: station.stats, "a heartbeat")
        assert json.dumps(station.stats[-1])
    finally:
        await server.stop(None)
