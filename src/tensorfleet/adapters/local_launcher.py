"""Agents of this machine, started by the nursery that runs beside orchestrator and gateway."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorfleet.adapters.engine_link import ConfigOf, EngineLink
from tensorfleet.errors import Unavailable
from tensorfleet.kit.asking import ask

COMES_UP_S = 1.5


class LocalLauncher(EngineLink):
    """`notes`: where the nursery notes what it was asked for; `wake` has it started, False where nobody could.

    It is not there before it is needed.
    """

    def __init__(self, path: Path, notes: Path, wake: Callable[[], bool], config_of: ConfigOf) -> None:
        super().__init__(self._ask_nursery, config_of)
        self._path = path
        self._notes = notes
        self._wake = wake
        self._host = socket.gethostname()

    def _ask_nursery(self, question: dict[str, Any]) -> dict[str, Any]:
        if (
            question["op"] == "list"
            and not self._path.exists()
            and not any(self._notes.glob("*/launched.json"))
        ):
            return {"launched": []}
        deadline = time.monotonic() + COMES_UP_S
        woken = False
        while True:
            try:
                return self._placed(ask(self._path, question))
            except TimeoutError as error:
                raise Unavailable(
                    "the process that starts agents does not answer; see logs/nursery.log"
                ) from error
            except OSError as error:
                woken = woken or self._wake()
                if not woken:
                    raise Unavailable(
                        "nothing starts agents here: `tensorfleet up` does, which does not run on this home"
                    ) from error
                if time.monotonic() > deadline:
                    raise Unavailable("the process that starts agents is on its way up") from error
                time.sleep(0.05)

    def _placed(self, found: dict[str, Any]) -> dict[str, Any]:
        for one in found.get("launched", ()):
            one["node"] = self._host
        return found
