"""`python -m tensorfleet.adapters.ray_engine FD ADDRESS NAMESPACE PLACEMENT`: the process that speaks with Ray for a launcher.

Questions come over the socket FD, a line of JSON each; when it closes, this process ends, and the agents stay.  What was asked
for is noted in the cluster's own store, so that any later launcher finds it: an agent is an actor named by its worker's id.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorfleet.adapters.ray_table import GONE, STARTING, UP, Actor, find_actors

CONNECT_AGAIN_S = 2.0


class RayEngine:
    """Answers the launcher's questions once `connect` has found the cluster."""

    def __init__(self, address: str, namespace: str, placement: str) -> None:
        self._address = address
        self._namespace = namespace
        self._placement = placement
        self._told_to_leave: set[tuple[str, float, int]] = set()
        self.connected = threading.Event()
        self.trouble = f"the Ray cluster ({address}) is being looked for"

    def connect(self) -> None:
        """Tries until it succeeds; `trouble` says why it has not yet."""
        import ray

        while not self.connected.is_set():
            try:
                ray.init(
                    address=self._address,
                    namespace=self._namespace,
                    log_to_driver=False,
                    configure_logging=False,
                )
                self.connected.set()
            except Exception as error:  # whatever it is, the answer is to say so and to try again
                self.trouble = self._why_not(error)
                time.sleep(CONNECT_AGAIN_S)

    def _why_not(self, error: Exception) -> str:
        if self._address == "auto" and isinstance(error, ConnectionError):
            return (
                "no Ray cluster runs on this machine; start one with `ray start --head`, join one with "
                "`ray start --address=HOST:6379`, or set fleet.address"
            )
        return f"the Ray cluster ({self._address}) cannot be joined: {first_line(error)}"

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if not self.connected.is_set():
            return {"unavailable": self.trouble}
        op = question["op"]
        if op == "launch":
            self._launch(question["agents"])
        elif op == "release":
            self._release(question["worker_id"])
        return {"launched": self._list() if op == "list" else []}

    # ---- what was asked for ------------------------------------------------------------------------------------------

    def _notes(self) -> dict[str, dict[str, Any]]:
        from ray.experimental import internal_kv

        found = {}
        for key in internal_kv._internal_kv_list(self._key("")):
            note = internal_kv._internal_kv_get(key)
            if note is not None:
                found[key.decode().rpartition("/")[2]] = json.loads(note)
        return found

    def _note(self, worker_id: str, note: dict[str, Any] | None) -> None:
        from ray.experimental import internal_kv

        if note is None:
            internal_kv._internal_kv_del(self._key(worker_id))
        else:
            internal_kv._internal_kv_put(self._key(worker_id), json.dumps(note).encode())

    def _key(self, worker_id: str) -> bytes:
        return f"{self._namespace}/agents/{worker_id}".encode()

    # ---- starting ----------------------------------------------------------------------------------------------------

    def _launch(self, agents: Sequence[dict[str, Any]]) -> None:
        notes, actors = self._notes(), find_actors(self._namespace)
        missing = [one for one in agents if not _is_there(one["worker_id"], notes, actors)]
        together = self._place_together(missing) if len(missing) > 1 else None
        for number, one in enumerate(missing):
            note = {"type": one["type"]["name"], "group": together.id.hex() if together else None}
            self._note(one["worker_id"], note)
            self._start(one, self._strategy(together, number))

    def _start(self, one: dict[str, Any], strategy: Any) -> None:
        import ray

        from tensorfleet.adapters.ray_agent import AgentActor

        config = one["config"] | {"work_dir": "", "host": "127.0.0.1" if _is_near(one) else ""}
        options = _resources(one["type"]) | {
            "name": one["worker_id"],
            "namespace": self._namespace,
            "lifetime": "detached",
            "get_if_exists": True,
            "max_restarts": -1,
            "scheduling_strategy": self._here() if _is_near(one) else strategy,
        }
        ray.remote(AgentActor).options(**options).remote(config, self._namespace)

    def _here(self) -> Any:
        """For agents that could not reach a socket file, or a folder, from any other machine."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)

    def _strategy(self, together: Any, number: int) -> Any:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        if together is not None:
            return PlacementGroupSchedulingStrategy(together, placement_group_bundle_index=number)
        return "SPREAD" if self._placement == "spread" else "DEFAULT"

    def _place_together(self, agents: Sequence[dict[str, Any]]) -> Any:
        from ray.util.placement_group import placement_group

        if _is_near(agents[0]):
            return None
        return placement_group(
            [_bundle(one["type"]) for one in agents], strategy=self._placement.upper(), lifetime="detached"
        )

    # ---- ending ------------------------------------------------------------------------------------------------------

    def _release(self, worker_id: str) -> None:
        notes = self._notes()
        if worker_id not in notes:
            return
        self._note(worker_id, notes[worker_id] | {"released": True})
        self._list()

    def _let_go(self, worker_id: str, note: dict[str, Any], actor: Actor | None) -> bool:
        """Moves a released agent towards its end; True when there is nothing of it any more."""
        import ray

        if actor is not None and actor.state != GONE:
            told = (worker_id, actor.began_at, actor.restarts)
            try:
                handle = ray.get_actor(worker_id, namespace=self._namespace)
            except ValueError:
                return False  # it has ended since it was listed, and is gone the next time
            if actor.state == UP and told not in self._told_to_leave:
                handle.leave.remote()
                self._told_to_leave.add(told)
            elif actor.state == STARTING:
                ray.kill(handle)
            return False
        self._note(worker_id, None)
        if note["group"] and all(other["group"] != note["group"] for other in self._notes().values()):
            self._remove_group(note["group"])
        return True

    @staticmethod
    def _remove_group(group: str) -> None:
        from ray._raylet import PlacementGroupID
        from ray.util.placement_group import PlacementGroup, remove_placement_group

        remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(group))))

    # ---- looking -----------------------------------------------------------------------------------------------------

    def _list(self) -> list[dict[str, Any]]:
        actors = find_actors(self._namespace)
        found = []
        for worker_id, note in self._notes().items():
            actor = actors.get(worker_id)
            if note.get("released") and self._let_go(worker_id, note, actor):
                continue
            seen = actor or Actor(GONE, 0.0, 0, "", "it was asked for, and Ray knows nothing of it")
            found.append(
                {"worker_id": worker_id, "type_name": note["type"], "state": seen.state, "node": seen.node, "detail": seen.detail}
            )  # fmt: skip
        return found


def _is_there(worker_id: str, notes: dict[str, dict[str, Any]], actors: dict[str, Actor]) -> bool:
    return worker_id in notes and worker_id in actors and actors[worker_id].state != GONE


def _is_near(one: dict[str, Any]) -> bool:
    """Whether the agent has to be on this machine, as its orchestrator listens at a socket file."""
    return str(one["config"]["orchestrator"]).startswith("unix:")


def _resources(kind: dict[str, Any]) -> dict[str, Any]:
    found = {"num_cpus": kind["cpus"] or kind["slots"], "num_gpus": kind["gpus"]}
    return found | ({"memory": kind["memory_bytes"]} if kind["memory_bytes"] else {})


def _bundle(kind: dict[str, Any]) -> dict[str, float]:
    wanted = {"CPU": kind["cpus"] or kind["slots"], "GPU": kind["gpus"], "memory": kind["memory_bytes"]}
    return {name: amount for name, amount in wanted.items() if amount}


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def prefer_token() -> None:
    """Ray's clusters want a token by default, and its drivers send none by default.  Where there is one, it is sent."""
    told = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if told or (Path.home() / ".ray" / "auth_token").exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def main(descriptor: str, address: str, namespace: str, placement: str) -> int:
    prefer_token()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    engine = RayEngine(address, namespace, placement)
    threading.Thread(target=_serve, args=(engine, int(descriptor)), daemon=True).start()
    engine.connect()  # in the first thread, as Ray sets signal handlers
    threading.Event().wait()
    return 0


def _serve(engine: RayEngine, descriptor: int) -> None:
    """Until nobody asks any more; then this process ends."""
    with socket.socket(fileno=descriptor) as link, link.makefile("rb") as questions:
        for line in questions:
            question = json.loads(line)
            try:
                answer = engine.answer(question)
            except (ValueError, TypeError, KeyError) as error:
                answer = {"error": f"{type(error).__name__}: {first_line(error)}"}
            except Exception as error:  # Ray's own: whatever it is, it has not done what it was asked for
                answer = {"unavailable": f"Ray: {first_line(error)}"}
            link.sendall(json.dumps(answer | {"number": question["number"]}).encode() + b"\n")
    os._exit(0)  # Ray's own way out takes seconds, and there is nothing to save


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
