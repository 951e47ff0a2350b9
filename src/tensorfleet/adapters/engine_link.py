"""A launcher whose engine is another process: what happens there can neither end this one nor hold it up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from tensorfleet.errors import Internal, InvalidInput, Unavailable
from tensorfleet.fleet.ports import Launched, LaunchState, WorkerType

_WORKER_ID = re.compile("[A-Za-z0-9][A-Za-z0-9-]{0,63}")
Ask = Callable[[dict[str, Any]], dict[str, Any]]
ConfigOf = Callable[[str, WorkerType], dict[str, Any]]
"""What an agent of this id and type is told, as JSON can hold it."""


class EngineLink:
    """The port's calls as questions to a process.  `ask` raises Unavailable when there is no answer."""

    def __init__(self, ask: Ask, config_of: ConfigOf) -> None:
        self._ask = ask
        self._config_of = config_of

    def launch(self, worker_id: str, worker_type: WorkerType) -> None:
        self.launch_together([worker_id], worker_type)

    def launch_together(self, worker_ids: Sequence[str], worker_type: WorkerType) -> None:
        self._question(
            {"op": "launch", "agents": [self._agent(worker_id, worker_type) for worker_id in worker_ids]}
        )

    def _agent(self, worker_id: str, worker_type: WorkerType) -> dict[str, Any]:
        if not _WORKER_ID.fullmatch(worker_id):
            raise InvalidInput(
                f"{worker_id[:80]!r} is no name for an agent: letters, digits and dashes, 64 at most"
            )
        return {
            "worker_id": worker_id,
            "type": asdict(worker_type),
            "config": self._config_of(worker_id, worker_type),
        }

    def release(self, worker_id: str) -> None:
        self._question({"op": "release", "worker_id": worker_id})

    def launched(self) -> Sequence[Launched]:
        return [
            Launched(
                one["worker_id"],
                one["type_name"],
                LaunchState(one["state"]),
                one.get("node", ""),
                one["detail"],
            )
            for one in self._question({"op": "list"})["launched"]
        ]

    def _question(self, question: dict[str, Any]) -> dict[str, Any]:
        found = self._ask(question)
        if "unavailable" in found:
            raise Unavailable(str(found["unavailable"]))
        if "error" in found:
            raise Internal(f"the launcher could not {question['op']}: {found['error']}")
        return found

    def close(self) -> None:
        """Nothing is held here."""
