"""The two templates that a nursery keeps for its agents: each of theirs is a fork of one of these, and shares its pages."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tensorfleet.agent import processes
from tensorfleet.agent.template import SAME, TORCH
from tensorfleet.agent.templates import ONE_THREAD
from tensorfleet.kit.environ import without_secrets


class _Parent:
    """A template that runs no tasks: over `channel` it lives, over `begets` it is told to fork."""

    def __init__(self) -> None:
        self.channel, self.its_channel = socket.socketpair()
        self.begets, self.its_begets = socket.socketpair()

    def theirs(self) -> list[int]:
        return [self.its_channel.fileno(), self.its_begets.fileno()]

    def given(self) -> None:
        self.its_channel.close()
        self.its_begets.close()

    def close(self) -> None:
        self.given()
        self.channel.close()
        self.begets.close()


class Brood:
    """Templates are started when the first of their kind is asked for; what is asked of one that is still importing waits."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark
        self._parents: dict[str, _Parent] = {}

    @property
    def channels(self) -> list[socket.socket]:
        return [parent.channel for parent in self._parents.values()]

    def look(self, ready: Collection[Any]) -> None:
        """One that has ended is forgotten, with that which was forked from it; the next question starts another."""
        for kind, parent in list(self._parents.items()):
            if parent.channel in ready and self._has_ended(parent):
                for name in ("base", "torch") if kind == "base" else (kind,):
                    if (gone := self._parents.pop(name, None)) is not None:
                        gone.close()

    @staticmethod
    def _has_ended(parent: _Parent) -> bool:
        try:
            return not parent.channel.recv(4096)
        except OSError:
            return True

    def beget(self, kind: str, channel: int) -> None:
        """Has a template of a kind, `base` or `torch`, forked, which is spoken to over `channel`."""
        if kind not in ("base", "torch"):
            raise ValueError(f"there is no template {kind!r}")
        socket.send_fds(self._parent(kind).begets, [SAME], [channel])

    def _parent(self, kind: str) -> _Parent:
        if kind not in self._parents:
            parent = _Parent()
            if kind == "base":
                self._spawn(parent)
            else:
                socket.send_fds(self._parent("base").begets, [TORCH], parent.theirs())
            parent.given()
            self._parents[kind] = parent
        return self._parents[kind]

    def _spawn(self, parent: _Parent) -> None:
        env = without_secrets(os.environ, store_keys=True)  # they are not there where agents have none
        env |= ONE_THREAD | {processes.MARK: str(self._mark.resolve())}
        fds = parent.theirs()
        subprocess.Popen(
            (sys.executable, "-m", "tensorfleet.agent.template", *map(str, fds)),
            pass_fds=fds,
            env=env,
            stdin=subprocess.DEVNULL,
        )  # the nursery waits for all its children by itself

    def let_go(self) -> None:
        """In an agent that was forked: these belong to the nursery."""
        for parent in self._parents.values():
            parent.close()

    def close(self) -> None:
        """The templates end, as nobody speaks to them any more."""
        self.let_go()
        self._parents.clear()
