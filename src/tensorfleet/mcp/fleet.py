"""Tools for what there is to run on, what was used of it, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.mcp.shapes import Text
from tensorfleet.mcp.trimming import brief, short
from tensorfleet.sdk.client import Client


class WorkerLine(TypedDict):
    worker_id: str
    name: str
    state: str
    slots: int
    busy: int
    resources: Any
    cpu_percent: float | None
    memory_percent: float | None
    health: Any


class Fleet(TypedDict):
    slots: int
    busy: int
    workers: list[WorkerLine]
    more_workers: int
    autoscaling: bool
    latest_decision: Annotated[Any, Field(description="of the autoscaler")]


class Used(TypedDict):
    """What a group has held: seconds of slots, CPUs and GPUs that were useful or not, and what that cost."""

    key: str
    name: Text
    held_s: dict[str, float]
    cpu_s: dict[str, float]
    gpu_s: dict[str, float]
    cost: dict[str, float]
    carbon_g: float


class Usage(TypedDict):
    begin: str
    end: str
    currency: str
    groups: list[Used]
    other_groups: int
    total: Used


class Me(TypedDict):
    user: str
    workspace: Annotated[str, Field(description="where jobs go that name none")]
    everywhere: list[str]
    workspaces: Annotated[dict[str, list[str]], Field(description="what it may do in each")]


class FleetTools:
    """Each method is a tool; its docstring is what the agent is told of it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def fleet_state(self, limit: Annotated[int, Field(ge=1, le=50)] = 20) -> Fleet:
        """Reads the workers: how many slots are free, what they have, and which are not well."""
        workers = self._client.workers.list()
        scaling = self._client.workers.scaling()
        decisions = scaling.get("decisions") or []
        online = [one for one in workers if one["state"] == "online"]
        return {
            "slots": sum(one["slots"] for one in online),
            "busy": sum(one["busy"] for one in online),
            "workers": [_worker(one) for one in workers[:limit]],
            "more_workers": max(0, len(workers) - limit),
            "autoscaling": bool(scaling["enabled"]),
            "latest_decision": brief(decisions[0], 800) if decisions else None,
        }

    def usage(
        self,
        by: Literal["job", "workspace", "algorithm", "worker_type", "day", "month"] = "job",
        limit: Annotated[int, Field(ge=1, le=50)] = 20,
    ) -> Usage:
        """Reads the ledger of this month: what was used, how much of it was lost, and its cost, the largest first."""
        found = self._client.ledger.read(
            by=by, workspace=self._client.transport.address.workspace, limit=limit
        )
        return {
            "begin": found["from"],
            "end": found["to"],
            "currency": found["currency"],
            "groups": [_used(one) for one in found["items"]],
            "other_groups": (found["others"] or {}).get("groups", 0),
            "total": _used({"key": "total", **found["total"]}),
        }

    def whoami(self) -> Me:
        """Says as whom this server acts and what that one may do where; what is missing there is refused."""
        found = self._client.access.me()
        mine = found["workspaces"]
        return {
            "user": found["username"],
            "workspace": self._client.transport.address.workspace or "default",
            "everywhere": found["everywhere"],
            "workspaces": {name: list(held) for name, held in list(mine.items())[:50]},
        }


def _worker(one: Mapping[str, Any]) -> WorkerLine:
    stats, health = one.get("stats") or {}, one.get("health") or {}
    bad = [finding["sentence"] for finding in health.get("findings") or [] if finding["status"] != "ok"]
    return {
        "worker_id": one["worker_id"],
        "name": short(one["name"], 200),
        "state": one["state"],
        "slots": one["slots"],
        "busy": one["busy"],
        "resources": brief(one["resources"], 600),
        "cpu_percent": stats.get("cpu_percent"),
        "memory_percent": stats.get("memory_percent"),
        "health": brief(
            {"status": health.get("status"), "findings": bad, "quarantine": health.get("quarantine")}, 800
        ),
    }


def _used(one: Mapping[str, Any]) -> Used:
    name = one.get("name")
    return {
        "key": short(one["key"], 200),
        "name": None if name is None else short(name, 200),
        "held_s": one["held_s"],
        "cpu_s": one["cpu_s"],
        "gpu_s": one["gpu_s"],
        "cost": one["cost"],
        "carbon_g": one["carbon_g"],
    }
