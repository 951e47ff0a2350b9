"""Between values and messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tensorfleet.errors import InvalidInput
from tensorfleet.fleet.model import Worker, WorkerState
from tensorfleet.jobs.ports import Command, HeldTask
from tensorfleet.wire import tensorfleet_pb2 as pb

MESSAGE_LIMIT_BYTES = 16 * 1024**2
SECRETS = "secret_values"
"""In a payload: what goes into the message's own field, so that whoever keeps a task's JSON does not keep them."""


def hello(worker_id: str, name: str, slots: int, resources: dict[str, Any], held: Iterable[int]) -> pb.Hello:
    return pb.Hello(
        worker_id=worker_id, name=name, slots=slots, resources_json=json.dumps(resources), held=list(held)
    )


def worker_of(message: pb.Hello, now: datetime) -> Worker:
    """The worker that a hello describes.

    Raises:
        InvalidInput: it has no id, or slots that no worker can have.
    """
    if not 0 < len(message.worker_id) <= 64 or len(message.name) > 200 or not 0 < message.slots <= 1024:
        raise InvalidInput(
            "a hello has a worker_id of 1 to 64 characters, a name of at most 200 and 1 to 1024 slots, "
            f"not '{message.worker_id[:80]}', '{message.name[:80]}' and {message.slots}"
        )
    resources = mapping(message.resources_json)
    return Worker(message.worker_id, message.name, WorkerState.ONLINE, message.slots, resources, {}, now, now)


def mapping(text: str) -> dict[str, Any]:
    """A JSON object of an agent; one that cannot be read is empty: figures are never worth a session."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def welcome(
    lease_s: float,
    heartbeat_s: float,
    held: Iterable[HeldTask],
    masks: Mapping[int, Sequence[str] | None] | None = None,
) -> pb.OrchestratorMessage:
    """`masks`: the values of secrets by lease; None where they are not those that its task was given."""
    hidden = masks or {}
    leases = [
        pb.HeldLease(
            lease=task.token,
            log_offset=task.log_offset,
            record_offset=task.record_offset,
            over=task.over,
            secrets=hidden.get(task.token) or (),
            secrets_changed=hidden.get(task.token, ()) is None,
        )
        for task in held
    ]
    return pb.OrchestratorMessage(welcome=pb.Welcome(lease_s=lease_s, heartbeat_s=heartbeat_s, held=leases))


def command(order: Command, payload: dict[str, Any]) -> pb.OrchestratorMessage:
    """An outbox entry for an agent as a message; `payload` is what the tasks of the job have to be told."""
    lease = int(order.ref or 0)
    if order.kind == "start":
        rank = int(order.data["rank"])
        gang: list[str] = payload["workers"]
        nodes = list(dict.fromkeys(gang))
        local = [number for number, worker_id in enumerate(gang) if worker_id == gang[rank]]
        task = {key: value for key, value in payload.items() if key not in ("workers", SECRETS)}
        task |= {
            "lease": lease,
            "rank": rank,
            "local_rank": local.index(rank),
            "local_world_size": len(local),
            "node_rank": nodes.index(gang[rank]),
            "nodes": len(nodes),
        }
        start = pb.StartTask(lease=lease, rank=rank, task_json=json.dumps(task), secrets=payload.get(SECRETS))
        return pb.OrchestratorMessage(start=start)
    stop = pb.StopTask(
        lease=lease, reason=str(order.data.get("reason", "")), how=str(order.data.get("how", ""))
    )
    return pb.OrchestratorMessage(stop=stop)


def job(data: dict[str, Any]) -> pb.Job:
    """A job as the API shows it, as a message."""
    return pb.Job(
        job_id=data["job_id"],
        name=data["name"],
        status=data["status"],
        reason=data["reason"] or "",
        progress=data["progress"],
        attempt=data["attempt"],
        json=json.dumps(data),
    )
