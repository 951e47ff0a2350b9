"""The actor that is an agent's place on a Ray cluster: it starts the agent, ends with it, and takes it along when it goes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tensorfleet.adapters.leased import LEASED
from tensorfleet.adapters.ray_table import restarts_of
from tensorfleet.kit.environ import without_secrets
from tensorfleet.kit.home import default_home

SOON_S = 5.0
"""An agent that ends sooner than this after its start is not started again at once."""
ALONE = 3
"""What agent/agent.py names so: nobody needs this agent, wherever it is started."""
LEAVE = signal.SIGUSR1
"""What agent/processes.py names so: an agent gives its tasks back before it ends."""


class AgentActor:
    """One agent, as a process of its own: Ray's environment, signals and threads stay out of it.

    Args:
        config: of the agent, without what only its machine knows; `caches` is the home that it is to be in, if not its user's.
    """

    def __init__(self, config: dict[str, Any], namespace: str) -> None:
        import ray

        here = ray.get_runtime_context()
        node = here.get_node_id()
        base = Path(config["caches"] or default_home()) / "fleet" / namespace / node[:12]
        self._work_dir = base / config["worker_id"]
        self._work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        told = config | {
            "work_dir": str(self._work_dir),
            "caches": str(base),
            "host": config["host"] or ray.util.get_node_ip_address(),
            "resources": config["resources"] | {"node": node, "incarnation": _incarnation(config, here)},
        }
        self._leaving = False
        self._began = time.monotonic()
        with (self._work_dir / "agent.log").open("ab") as output:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tensorfleet.agent"),
                env=_environ(told, ray.get_gpu_ids()),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    def leave(self) -> None:
        """Returns never: the actor ends, for good, when its agent has left in good order."""
        import ray

        self._leaving = True
        self._process.send_signal(LEAVE)
        self._process.wait()
        shutil.rmtree(self._work_dir, ignore_errors=True)
        ray.actor.exit_actor()

    def _watch(self) -> None:
        """An agent that ends by itself takes the actor along: Ray then starts both again, here or elsewhere."""
        self._process.wait()
        if self._leaving:
            return
        if self._process.returncode == ALONE:
            import ray

            ray.kill(ray.get_runtime_context().current_actor)
        if time.monotonic() - self._began < SOON_S:
            time.sleep(SOON_S)
        os._exit(1)


def _incarnation(config: dict[str, Any], here: Any) -> int:
    """Higher than that of each agent of this name before: of a time, in milliseconds, plus how often Ray has started it again."""
    return int(config["resources"]["incarnation"]) + restarts_of(_actor_id(here))


def _actor_id(here: Any) -> Any:
    import ray

    return ray.ActorID(bytes.fromhex(here.get_actor_id()))


def _environ(config: dict[str, Any], gpus: list[Any]) -> dict[str, str]:
    """Without Ray's own names, which would tell code of a task that it is a part of this actor."""
    inherited = without_secrets(os.environ, store_keys=config["objects_url"] != LEASED)
    env = {name: value for name, value in inherited.items() if not name.startswith(("RAY_", "__RAY"))}
    return env | {
        "TENSORFLEET_AGENT_CONFIG": json.dumps(config),
        "TENSORFLEET_AGENT_PARENT": str(os.getpid()),
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
        "PYTHONPATH": os.pathsep.join(path for path in (env.get("PYTHONPATH"), _own_folder()) if path),
    }


def _own_folder() -> str:
    """Where this package lies: Ray adds folders to its workers' paths that their children do not know."""
    return str(Path(__file__).resolve().parents[2])
