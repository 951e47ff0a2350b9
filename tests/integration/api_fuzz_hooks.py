"""Loaded by Schemathesis: calls that are to lead somewhere get bodies that are right more often than chance would make them.

Only in the stateful phase, and only where the tool means to send what is valid: everything else stays as it was drawn.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

import schemathesis
from schemathesis import GenerationMode
from schemathesis.generation.meta import TestPhase

HELPED = 0.8
ROWS = b"a,b,label\n" + b"".join(b"%d,%d,%s\n" % (n, n % 7, b"xy"[n % 2 : n % 2 + 1]) for n in range(60))
CHANCE = random.Random()


def _name() -> str:
    return f"s{uuid.uuid4().hex[:10]}"


def _job() -> dict[str, Any]:
    trees = CHANCE.choice([5, 20, 5000])
    return {
        "name": "chain",
        "algorithm": "random_forest",
        "dataset": CHANCE.choice(["iris", "rows"]),
        "hyperparameters": {"n_estimators": trees},
    }


BODIES: dict[str, Callable[[], Any]] = {
    "submit_job": _job,
    "fork_job": lambda: {"changes": {"hyperparameters": {"n_estimators": 7}}},
    "create_dataset": lambda: {"name": _name(), "description": "made on the way"},
    "create_user": lambda: {"name": _name(), "password": "correct horse battery", "role": "viewer"},
    "change_user": lambda: {"email": f"{_name()}@example.org"},
    "create_workspace": lambda: {"name": _name()},
    "set_member": lambda: {"role": CHANCE.choice(["viewer", "user"])},
    "create_key": lambda: {"name": _name()},
    "create_webhook": lambda: {"url": f"https://example.org/{_name()}", "events": ["job.completed"]},
    "change_webhook": lambda: {"enabled": False},
    "put_alias": lambda: {"version": 1},
}


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    meta = case.meta
    if (
        meta is None
        or meta.phase.name != TestPhase.STATEFUL
        or meta.generation.mode != GenerationMode.POSITIVE
    ):
        return case
    name = case.operation.definition.raw.get("operationId")
    if CHANCE.random() >= HELPED:
        return case
    if name in BODIES:
        linked = case.body if isinstance(case.body, dict) else {}
        case.body = BODIES[name]() | (
            {"user": linked["user"]} if name == "create_key" and "user" in linked else {}
        )
        case.media_type = "application/json"
    elif name in (
        "list_jobs",
        "list_datasets",
        "list_models",
        "list_studies",
        "list_workers",
        "list_users",
        "list_keys",
    ):
        case.query = {}
        case.headers = {}
    elif name == "put_chunk":
        case.path_parameters["index"] = 0
        case.body, case.media_type, case.headers = ROWS, "application/octet-stream", {}
    elif name == "add_version" and not (isinstance(case.body, dict) and "upload_id" in case.body):
        case.query = {"format": "csv"}
        case.body, case.media_type, case.headers = ROWS, "text/csv", {}
    elif name == "add_version":
        case.body = {"upload_id": case.body["upload_id"], "format": "csv"}
        case.query = {}
    return case
