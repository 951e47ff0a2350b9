"""One suite for all launchers: this machine's own, and Ray's on a real cluster of one node."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import psutil
import pytest

from tensorfleet.adapters.local_launcher import LocalLauncher
from tensorfleet.adapters.ray_launcher import RayLauncher
from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.fleet.ports import Launched, Launcher, LaunchState, WorkerType
from tensorfleet.orchestrator.launching import FleetWatch
from tensorfleet.orchestrator.sessions import Sessions
from tensorfleet.orchestrator.sweep import Sweep
from tensorfleet.settings import Settings, ensure_home, load_settings
from tensorfleet.supervisor.launchers import build_launcher
from tensorfleet.testing.ray_cluster import RayCluster, here, ray_cluster

pytestmark = pytest.mark.timeout(240)  # Ray's head alone needs half a minute where others want the cores too
SMALL = WorkerType("small", slots=1, cpus=0.5)
LARGE = WorkerType("large", slots=2, cpus=1.0)


class Engine(Protocol):
    """What the tests do behind a launcher's back."""

    home: Path

    def launcher(self) -> Launcher: ...

    def kill(self, launcher: Launcher, worker_id: str) -> None:
        """An agent ends without anybody's wish, and its engine does not start it again."""
        ...

    def away(self) -> contextlib.AbstractContextManager[None]:
        """The engine does not answer meanwhile."""
        ...


def agents(home: Path, worker_id: str) -> list[int]:
    """The processes of an agent, as their logs tell."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            log = (folder / "fd" / "1").readlink()
            if log.is_relative_to(home) and log.parts[-2:] == (worker_id, "agent.log"):
                found.append(int(folder.name))
    return found


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 60.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(Unavailable):
            if found := condition():
                return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s:.0f} s: {what}")


def seen(launcher: Launcher, worker_id: str) -> Launched | None:
    return next((one for one in launcher.launched() if one.worker_id == worker_id), None)


def wait_for_state(launcher: Launcher, worker_id: str, state: LaunchState) -> Launched:
    def reached() -> Launched | None:
        one = seen(launcher, worker_id)
        return one if one is not None and one.state is state else None

    found: Launched = wait_for(reached, f"{worker_id} {state.value}")
    return found


class Local:
    def __init__(self, stack: ExitStack, home: Path, settings: Settings, token: str) -> None:
        self.home, self._settings, self._token = home, settings, token
        self._stack = stack
        self._path = settings.run_dir / "nursery.sock"
        self._nursery: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """What the supervisor does when its doorbell is rung."""
        if self._nursery is None or self._nursery.poll() is not None:
            command = (
                sys.executable,
                "-m",
                "tensorfleet.agent.nursery",
                str(self._path),
                str(self.home / "fleet"),
            )
            self._nursery = self._stack.enter_context(subprocess.Popen(command))
            self._stack.callback(self._nursery.terminate)
        return True

    def launcher(self) -> Launcher:
        made = build_launcher(self._settings, self._token)
        assert isinstance(made, LocalLauncher)
        made._wake = self.start
        return made

    def kill(self, launcher: Launcher, worker_id: str) -> None:
        (pid,) = agents(self.home, worker_id)
        os.kill(pid, signal.SIGKILL)

    @contextmanager
    def away(self) -> Iterator[None]:
        assert self._nursery is not None
        self._nursery.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._nursery.send_signal(signal.SIGCONT)


class Ray:
    def __init__(self, settings: Settings, token: str, cluster: RayCluster) -> None:
        self.home, self._settings, self._token = cluster.nodes[0].home, settings, token
        self._cluster = cluster

    def launcher(self) -> Launcher:
        made = build_launcher(self._settings, self._token)
        assert isinstance(made, RayLauncher)
        return made

    def kill(self, launcher: Launcher, worker_id: str) -> None:
        """As somebody does it who thinks that it is not needed."""
        self.tell(launcher, f"ray.kill(ray.get_actor('{worker_id}'))")

    def tell(self, launcher: Launcher, code: str) -> str:
        """What a driver of somebody else's prints."""
        namespace = launcher._told[1]  # type: ignore[attr-defined]
        code = f"import ray; ray.init(address='auto', namespace='{namespace}'); {code}"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
        return done.stdout.decode()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Its heart stands still; no longer than its other parts bear."""
        heads = [pid for pid in self._cluster.nodes[0].pids() if psutil.Process(pid).name() == "gcs_server"]
        for pid in heads:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in heads:
                os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with ray_cluster() as found:
        found.add(here(), 8, tmp_path_factory.mktemp("ray") / "home")
        yield found


@pytest.fixture(params=["local", "ray"])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    kind = request.param
    if kind == "ray":
        found = request.getfixturevalue("cluster")
        for name, value in found.env.items():
            monkeypatch.setenv(name, value)
    # An orchestrator that is not there: an agent does not need it to come up.
    address = {"orchestrator_address": "127.0.0.1:9"} if kind == "ray" else {}
    settings = load_settings(home=tmp_path, fleet={"launcher": kind}, **address)
    token = ensure_home(settings)
    with ExitStack() as stack:
        if kind == "ray":
            made: Engine = Ray(settings, token, found)
        else:
            made = Local(stack, tmp_path, settings, token)
        yield made


@pytest.fixture
def launcher(engine: Engine) -> Iterator[Launcher]:
    """Everything that it was asked for is given back at the end."""
    made = engine.launcher()
    try:
        wait_for(lambda: made.launched() is not None, "the engine")
        yield made
        for one in made.launched():
            made.release(one.worker_id)
        wait_for(lambda: not made.launched(), "nothing is left")
    finally:
        made.close()


def test_an_agent_is_started_once_however_often_it_is_asked_for(engine: Engine, launcher: Launcher) -> None:
    assert launcher.launched() == []
    wait_for(lambda: launcher.launch("w-1", SMALL) is None, "asked for")
    launcher.launch("w-1", SMALL)
    up = wait_for_state(launcher, "w-1", LaunchState.UP)
    assert up.type_name == "small"
    assert up.node
    (pid,) = wait_for(lambda: agents(engine.home, "w-1"), "its process")
    launcher.launch("w-1", SMALL)
    launcher.launch("w-1", LARGE)
    assert [one.worker_id for one in launcher.launched()] == ["w-1"]
    assert agents(engine.home, "w-1") == [pid]
    assert seen(launcher, "w-1") == up


def test_a_released_agent_ends_and_is_forgotten(engine: Engine, launcher: Launcher) -> None:
    wait_for(lambda: launcher.launch("w-1", SMALL) is None, "asked for")
    wait_for(lambda: agents(engine.home, "w-1"), "its process")
    launcher.release("w-1")
    launcher.release("w-1")
    wait_for(lambda: not launcher.launched(), "it is forgotten")
    assert agents(engine.home, "w-1") == []
    launcher.release("w-1")
    launcher.release("w-never")


def test_an_agent_that_was_killed_is_gone_until_it_is_launched_again(
    engine: Engine, launcher: Launcher
) -> None:
    wait_for(lambda: launcher.launch("w-1", SMALL) is None, "asked for")
    wait_for(lambda: agents(engine.home, "w-1"), "its process")
    engine.kill(launcher, "w-1")
    gone = wait_for_state(launcher, "w-1", LaunchState.GONE)
    assert gone.detail
    wait_for(lambda: not agents(engine.home, "w-1"), "the end of its process")
    launcher.launch("w-1", SMALL)
    wait_for_state(launcher, "w-1", LaunchState.UP)
    wait_for(lambda: agents(engine.home, "w-1"), "another process")
    engine.kill(launcher, "w-1")
    wait_for_state(launcher, "w-1", LaunchState.GONE)
    launcher.release("w-1")
    assert launcher.launched() == []


def test_a_later_launcher_finds_what_an_earlier_one_has_started(engine: Engine, launcher: Launcher) -> None:
    wait_for(lambda: launcher.launch_together(["w-1", "w-2"], SMALL) is None, "asked for")
    pids = [wait_for(lambda name=name: agents(engine.home, name), name) for name in ("w-1", "w-2")]
    launcher.close()
    later = engine.launcher()
    try:
        found = wait_for(later.launched, "what was started")
        assert sorted((one.worker_id, one.type_name, one.state) for one in found) == [
            ("w-1", "small", LaunchState.UP),
            ("w-2", "small", LaunchState.UP),
        ]
        assert [agents(engine.home, name) for name in ("w-1", "w-2")] == pids
    finally:
        later.close()
    wait_for(lambda: launcher.launched(), "the first launcher works again")


def test_unknown_is_not_gone(engine: Engine, launcher: Launcher) -> None:
    wait_for(lambda: launcher.launch("w-1", SMALL) is None, "asked for")
    wait_for_state(launcher, "w-1", LaunchState.UP)
    with engine.away():
        began = time.monotonic()
        with pytest.raises(Unavailable):
            launcher.launched()
        assert time.monotonic() - began < 4
    wait_for_state(launcher, "w-1", LaunchState.UP)


async def test_what_nobody_has_a_use_for_is_given_back(engine: Engine, launcher: Launcher) -> None:
    """One has ended, one runs and its worker never comes: left by an orchestrator of which nothing else is known."""
    wait_for(lambda: launcher.launch_together(["w-1", "w-2"], SMALL) is None, "asked for")
    for name in ("w-1", "w-2"):
        wait_for(lambda name=name: agents(engine.home, name), name)
    engine.kill(launcher, "w-2")
    wait_for_state(launcher, "w-2", LaunchState.GONE)

    now, told = [0.0], []

    async def note(decision: dict[str, Any]) -> None:
        told.append(decision)

    room: Any = SimpleNamespace(
        sessions=Sessions(), board=SimpleNamespace(workers={}, is_busy=lambda _: False)
    )
    watch = FleetWatch(room, launcher, [SMALL], None, Sweep(launcher, 300.0, note, lambda: now[0]))
    await watch.look()
    assert watch.launched is not None
    assert len(watch.launched) == 2, "each has its time to join"
    now[0] = 299.0
    await watch.look()
    assert told == []
    now[0] = 300.0
    await watch.look()
    wait_for(lambda: not launcher.launched(), "both are given back")
    assert agents(engine.home, "w-1") == []
    (decision,) = told
    assert decision["releases"] == ["w-1", "w-2"]
    assert "for 300 s no worker of this name was here" in decision["reason"]


def test_a_name_that_could_lead_elsewhere_is_refused(launcher: Launcher) -> None:
    for name in ("", "../w", "a/b", "-x", "w" * 65):
        with pytest.raises(InvalidInput):
            launcher.launch(name, SMALL)
    assert launcher.launched() == []


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_ray_starts_an_agent_again_as_a_later_incarnation(engine: Engine, launcher: Launcher) -> None:
    wait_for(lambda: launcher.launch("w-1", SMALL) is None, "asked for")
    (first,) = wait_for(lambda: agents(engine.home, "w-1"), "its process")
    before = told(first)
    os.kill(psutil.Process(first).ppid(), signal.SIGKILL)

    def another() -> int | None:
        return next((pid for pid in agents(engine.home, "w-1") if pid != first), None)

    after = told(wait_for(another, "another process"))
    assert after["worker_id"] == before["worker_id"] == "w-1"
    assert after["resources"]["incarnation"] > before["resources"]["incarnation"]
    wait_for_state(launcher, "w-1", LaunchState.UP)


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_the_places_of_a_gang_are_taken_together_and_given_back(engine: Ray, launcher: Launcher) -> None:
    states = (
        "from ray.util import placement_group_table as table; "
        "print([one['state'] for one in table().values() if one['state'] != 'REMOVED'])"
    )
    wait_for(lambda: launcher.launch_together(["w-1", "w-2"], SMALL) is None, "asked for")
    for name in ("w-1", "w-2"):
        wait_for_state(launcher, name, LaunchState.UP)
    assert "['CREATED']" in engine.tell(launcher, states)
    launcher.release("w-1")
    wait_for(lambda: seen(launcher, "w-1") is None, "one is given back")
    launcher.release("w-2")
    wait_for(lambda: not launcher.launched(), "the other, too")
    assert "[]" in engine.tell(launcher, states)


def test_agents_stay_where_they_can_reach_the_orchestrator(
    cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that listens at a socket file is to be found on its own machine alone, and so is everything of its agents."""
    for name, value in cluster.env.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(home=tmp_path, fleet={"launcher": "ray"})
    launcher = build_launcher(settings, ensure_home(settings))
    try:
        wait_for(lambda: launcher.launch("w-1", SMALL) is None, "asked for")
        (pid,) = wait_for(lambda: agents(tmp_path, "w-1"), "its process, with its log in the home")
        assert told(pid)["host"] == "127.0.0.1"
        wait_for_state(launcher, "w-1", LaunchState.UP)
        launcher.release("w-1")
        wait_for(lambda: not launcher.launched(), "it is given back")
    finally:
        launcher.close()


def told(pid: int) -> dict[str, Any]:
    """What an agent was started with."""
    process = psutil.Process(pid)  # which may still be a copy of the one that starts it
    found = wait_for(lambda: process.environ().get("TENSORFLEET_AGENT_CONFIG"), "what it was told")
    config: dict[str, Any] = json.loads(found)
    return config


def test_a_nursery_that_was_killed_takes_its_agents_along_and_knows_of_them_later(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    with ExitStack() as stack:
        engine = Local(stack, tmp_path, settings, ensure_home(settings))
        launcher = engine.launcher()
        wait_for(lambda: launcher.launch("w-1", SMALL) is None, "asked for")
        (pid,) = wait_for(lambda: agents(tmp_path, "w-1"), "its process")
        assert engine._nursery is not None
        engine._nursery.kill()
        wait_for(lambda: not psutil.pid_exists(pid), "the end of its agent")
        gone = wait_for_state(launcher, "w-1", LaunchState.GONE)
        assert "ended" in gone.detail
        launcher.release("w-1")
        assert launcher.launched() == []


def test_without_a_supervisor_nothing_starts_agents(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    launcher = build_launcher(settings, ensure_home(settings))
    assert launcher.launched() == []
    with pytest.raises(Unavailable, match="tensorfleet up"):
        launcher.launch("w-1", SMALL)


def test_a_cluster_that_is_not_there_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    settings = load_settings(home=tmp_path, fleet={"launcher": "ray"})
    launcher = build_launcher(settings, ensure_home(settings))
    try:
        with pytest.raises(Unavailable, match="Ray"):
            launcher.launched()

        def why() -> str:
            with pytest.raises(Unavailable) as refused:
                launcher.launched()
            return refused.value.detail

        wait_for(lambda: "ray start --head" in why(), "what to do about it")
    finally:
        launcher.close()
