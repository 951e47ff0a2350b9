"""The platform on a real Ray cluster of three nodes: jobs whose ranks are on several, one cut off, another killed.

Where network namespaces can be made, each node is a machine of its own with a cable to be pulled.  Elsewhere all three are this
machine, and one that is cut off is one that stands still.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tensorfleet.sdk.jobs import Job
from tensorfleet.settings import load_settings
from tensorfleet.supervisor.lock import HomeLock
from tensorfleet.testing.machines import machines, why_not
from tensorfleet.testing.ray_cluster import RayCluster, RayNode, here, ray_cluster
from tensorfleet.testing.servers import free_ports
from tests.integration.platform import CLI, Platform, wait_until

pytestmark = pytest.mark.timeout(
    300
)  # three nodes of Ray need a minute to start where others want the cores too
EXAMPLES = Path(__file__).parents[2] / "examples"
RECOVERED_S = 30.0
STEPS = 40
SCRIPT = f"""
import time
import torch
import torch.distributed as dist
from tensorfleet import train

dist.init_process_group("gloo")
saved = train.restore()
for step in range((saved["step"] if saved else 0) + 1, {STEPS} + 1):
    together = torch.ones(1) * step
    dist.all_reduce(together)
    print(f"line {{step}} of rank {{train.rank()}}")
    train.report(step=step, loss=float(together) / dist.get_world_size())
    train.save({{"step": step}}, step=step)
    time.sleep(0.05)
dist.destroy_process_group()
"""


class Cluster:
    """Three nodes, of which the first is the head, and the platform on the head's machine."""

    def __init__(self, ray: RayCluster, platform: Platform, separate: bool) -> None:
        self.nodes, self.platform, self._separate = ray.nodes, platform, separate

    def tasks(self, node: RayNode) -> list[int]:
        """The main processes of the tasks that run there."""
        found = []
        for pid in node.pids():
            with suppress(psutil.Error):
                if psutil.Process(pid).name().startswith("tf-task-"):
                    found.append(pid)
        return found

    def cut_off(self, node: RayNode) -> None:
        if self._separate:
            node.machine.cut()
        else:
            node.signal(signal.SIGSTOP)

    def mend(self, node: RayNode) -> None:
        if self._separate:
            node.machine.mend()
        else:
            node.signal(signal.SIGCONT)

    def online(self) -> int:
        return sum(worker["state"] == "online" for worker in self.platform.client.workers.list())

    def all_online(self) -> None:
        wait_until(lambda: self.online() == 3, "three agents", 60)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    separate = not why_not()
    with ExitStack() as stack:
        found = stack.enter_context(machines(3)) if separate else [here(), here(), here()]
        ray = stack.enter_context(ray_cluster())
        for number, machine in enumerate(found):
            ray.add(machine, 3 if number == 0 else 1, folder / f"node-{number}")
        platform = stack.enter_context(_platform(folder / "home", ray))
        made = Cluster(ray, platform, separate)
        made.all_online()
        yield made


@contextmanager
def _platform(home: Path, ray: RayCluster) -> Iterator[Platform]:
    """`tensorfleet up --launcher ray` on the head's machine."""
    machine = ray.nodes[0].machine
    (port,) = free_ports(1)
    env = {
        **os.environ,
        **ray.env,
        "TENSORFLEET_HOME": str(home),
        "TENSORFLEET_ORCHESTRATOR_ADDRESS": f"{machine.address}:{port}",
        "TENSORFLEET_FLEET__PLACEMENT": "spread",
    }
    words = (
        "up",
        "--detach",
        "--launcher",
        "ray",
        "--workers",
        "3",
        "--host",
        machine.address,
        "--port",
        "0",
    )
    subprocess.run([*machine.command, CLI, *words], env=env, check=True, capture_output=True, timeout=100)
    holder = HomeLock(load_settings(home=home).run_dir).holder()
    assert holder is not None
    platform = Platform(home, holder["pid"])
    try:
        yield platform
    finally:
        platform.client.close()
        subprocess.run([CLI, "down"], env=env, check=True, capture_output=True, timeout=60)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "count.py").write_text(SCRIPT)
    return tmp_path


def submit(cluster: Cluster, script: Path, workers: int) -> Job:
    return cluster.platform.client.submit(
        {"name": "count", "entrypoint": "count.py", "code": str(script), "resources": {"workers": workers}}
    )


def steps(job: Job) -> int:
    return len(job.metrics().get("loss", []))


def assert_right(job: Job) -> None:
    """Every step is there once, with the value that it has; the job ended once, in its second attempt."""
    kinds = [event.kind for event in job.events()]
    assert kinds.count("job.completed") == 1
    assert kinds[-1] == "job.completed"
    assert kinds.count("job.started") == 2
    points = [(point.step, point.value) for point in job.metrics()["loss"]]
    assert points == [(step, float(step)) for step in range(1, STEPS + 1)]


@pytest.mark.parametrize("workers", [2, 3])
def test_an_example_runs_on_ranks_of_several_nodes(cluster: Cluster, workers: int) -> None:
    job = cluster.platform.client.submit(
        EXAMPLES / "torchrun_ddp" / "job.yaml", resources={"workers": workers}
    )
    busy: set[str] = set()

    def ended() -> bool:
        busy.update(node.mark for node in cluster.nodes if cluster.tasks(node))
        return job.refresh().ended

    wait_until(ended, "the end of the job", 90)
    assert job.status == "completed", job.reason
    assert len(busy) == workers, "each rank on a node of its own"


def test_a_node_is_cut_off_and_another_killed(cluster: Cluster, script: Path) -> None:
    job = submit(cluster, script, workers=2)
    wait_until(lambda: steps(job) >= 10, "ten steps", 60)
    cut = next(node for node in cluster.nodes[1:] if cluster.tasks(node))
    left_alone = cluster.tasks(cut)
    cluster.cut_off(cut)
    fault_at = time.monotonic()

    job.wait(timeout=RECOVERED_S)

    assert time.monotonic() - fault_at < RECOVERED_S
    assert_right(job)

    cluster.mend(cut)
    wait_until(
        lambda: not any(psutil.pid_exists(pid) for pid in left_alone), "the end of what ran on there", 60
    )
    assert_right(job)

    cluster.all_online()
    job = submit(cluster, script, workers=3)
    wait_until(lambda: steps(job) >= 10, "ten steps", 60)
    victim = next(node for node in cluster.nodes[1:] if cluster.tasks(node))
    victim.kill()
    fault_at = time.monotonic()

    job.wait(timeout=RECOVERED_S)

    assert time.monotonic() - fault_at < RECOVERED_S
    assert_right(job)
    cluster.all_online()
