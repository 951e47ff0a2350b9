"""The platform's keys as all its processes use them: what is sealed with one can be opened by each.

A key that was put in front of the others is not used before `rotate` has noted it in the database: until then there may be a
process that was started without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from tensorfleet.errors import Conflict, TensorFleetError
from tensorfleet.kit.clock import Clock
from tensorfleet.secrets.envelope import KeyMissing, Keyring, Unreadable
from tensorfleet.secrets.model import Rotation
from tensorfleet.secrets.ports import KeyNotes, SealedRows

BATCH = 100
log = structlog.get_logger()


class OtherKeys(Conflict):
    """This process and the platform have no key in common."""

    code = "other_secrets_key"
    title = "Not the platform's key"


class Vault:
    """`load` reads the keys that this process was given, the newest first; `add` puts a random one in front, if it may.

    Thread-safe.
    """

    def __init__(
        self, load: Callable[[], Keyring], add: Callable[[], str], notes: KeyNotes, clock: Clock
    ) -> None:
        self._load = load
        self._add = add
        self._notes = notes
        self._clock = clock

    def opening(self) -> Keyring:
        """For reading alone: it is not asked which key is the platform's."""
        return self._load()

    def sealing(self) -> Keyring:
        """The keys, with the platform's as the current one; at the first time this process's own becomes that.

        Raises:
            OtherKeys: this process does not have it.
        """
        given, noted = self._load(), self._notes.current_key()
        if noted is None:
            self._notes.note_key(given.current, self._clock())
            return given
        if noted not in given.ids:
            raise OtherKeys(_without(noted, given))
        return given.using(noted)

    def check(self) -> str | None:
        """What is wrong with the keys of this process; None if nothing is, as for the first one that asks."""
        try:
            self.sealing()
        except TensorFleetError as error:
            return error.detail
        return None

    def say_at_start(self) -> None:
        """Into the log of the process; what has nothing to do with secrets works all the same."""
        if wrong := self.check():
            log.error("secrets cannot be used here", detail=wrong)

    def rotate(self, tables: Sequence[SealedRows]) -> Rotation:
        """Seals everything for the newest key; where that is in use already and everything has it, for a new one of the home.

        One that was interrupted goes on where it stood.  Values are not read, and can be used all the while.

        Raises:
            Conflict: the keys are in a setting, and no new one is among them.
        """
        given, noted = self._load(), self._notes.current_key()
        if noted == given.current and not any(table.sealed_otherwise(noted, "", 1) for table in tables):
            self._add()
            given = self._load()
        self._notes.note_key(given.current, self._clock())
        resealed, unreadable = 0, []
        for table in tables:
            done, left = _reseal(table, given)
            resealed += done
            unreadable += left
        return Rotation(given.current, resealed, tuple(unreadable))


def _reseal(table: SealedRows, ring: Keyring) -> tuple[int, list[str]]:
    after, done, left = "", 0, []
    while rows := table.sealed_otherwise(ring.current, after, BATCH):
        for row in rows:
            try:
                done += table.reseal(row, ring.rewrap(row.sealed, row.context), ring.current)
            except (KeyMissing, Unreadable) as error:
                log.warning("a record was not sealed anew", detail=error.detail)
                left.append(row.ref)
        after = rows[-1].ref
    return done, left


def _without(noted: str, given: Keyring) -> str:
    return (
        f"the platform's secrets are sealed with the key {noted}, and this process has {', '.join(given.ids)}: give every "
        "gateway and orchestrator the same secrets_key, or the same file secrets.key in the home; if that key is lost, delete "
        "the secrets, run `tensorfleet secrets rotate`, and set them again"
    )
