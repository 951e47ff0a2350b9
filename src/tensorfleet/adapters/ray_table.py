"""Agents as Ray's own table of actors has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

UP, STARTING, GONE = "up", "starting", "gone"


@dataclass(frozen=True)
class Actor:
    """What the cluster says of the newest actor of a name."""

    state: str
    began_at: float
    restarts: int
    node: str
    detail: str


def find_actors(namespace: str) -> dict[str, Actor]:
    """By name, the newest of each, as the cluster's own table has them: without the dashboard, which may be off."""
    from ray.core.generated import gcs_pb2

    found: dict[str, Actor] = {}
    for raw in _table().get_actor_table(None, None):
        data = gcs_pb2.ActorTableData.FromString(raw)
        if data.ray_namespace == namespace and data.class_name == "AgentActor":
            actor = _actor(data, gcs_pb2.ActorTableData.ActorState.Name(data.state))
            known = found.get(data.name)
            if known is None or (known.state == GONE, -known.began_at) > (
                actor.state == GONE,
                -actor.began_at,
            ):
                found[data.name] = actor
    return found


def restarts_of(actor_id: Any) -> int:
    """How often Ray has started this actor again; 0 for one that it does not know."""
    from ray.core.generated import gcs_pb2

    raw = _table().get_actor_info(actor_id)
    return int(gcs_pb2.ActorTableData.FromString(raw).num_restarts) if raw else 0


def _table() -> Any:
    # Private, as no public way tells a state, its cause and the restarts without the dashboard: `ray.util.state` asks the
    # dashboard's HTTP server, which is an extra, may be off, and ends with its node; `ray.util.list_named_actors` has names only.
    # The release is pinned, and the launchers' contract runs on a real cluster.
    from ray._private.state import state

    return state._connect_and_get_accessor()


def _actor(data: Any, state: str) -> Actor:
    where = data.address.ip_address
    if state == "ALIVE":
        return Actor(UP, data.start_time, data.num_restarts, where, "")
    if state == "DEAD":
        return Actor(GONE, data.end_time, data.num_restarts, where, _cause(data.death_cause))
    wanted = ", ".join(f"{amount:g} {name}" for name, amount in sorted(data.required_resources.items()))
    detail = (
        "Ray starts it again, as its process or its node is gone"
        if state == "RESTARTING"
        else f"it waits for a place ({wanted})"
    )
    return Actor(STARTING, data.start_time, data.num_restarts, "", detail)


def _cause(cause: Any) -> str:
    for kind in ("actor_died_error_context", "creation_task_failure_context", "runtime_env_failed_context",
                 "actor_unschedulable_context"):  # fmt: skip
        if cause.HasField(kind):
            told = getattr(cause, kind)
            text = getattr(told, "error_message", "") or getattr(told, "formatted_exception_string", "")
            lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
            if lines:
                return (lines[-1] if kind == "creation_task_failure_context" else lines[0])[:400]
    return "Ray says that it has ended"
