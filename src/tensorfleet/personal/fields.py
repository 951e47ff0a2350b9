"""Personal texts, sealed with their person's own key, which is sealed with the platform's.

Where the key was destroyed nothing can read the texts any more, in whatever table, log or backup of it they lie; hashes over
the sealed texts stay right.
"""

from __future__ import annotations

import binascii
import hmac
import json
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping

from tensorfleet.kit.clock import Clock
from tensorfleet.kit.sealing import Broken, new_sealing_key, seal_bytes, unseal_bytes
from tensorfleet.personal.ports import PersonStore, Sealer

FORM = "p1."
REMEMBERED_S = 10.0
"""A gateway that was not told of an erasure reads for so long what it has read before."""
_MOST = 10_000


def key_context(person: str) -> str:
    return f"person/{person}"


class PersonalFields:
    """Thread-safe."""

    def __init__(
        self,
        store: PersonStore,
        sealing: Callable[[], Sealer],
        index_key: bytes,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            sealing: the platform's keys.
            index_key: names of accounts that are gone are kept as HMACs with it.
        """
        self._store = store
        self._sealing = sealing
        self._index_key = index_key
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, bytes | None]] = {}

    def hide(self, person: str, where: str, texts: Mapping[str, str]) -> str | None:
        """The texts, sealed, for this place and no other; None if the person was erased: then nothing is kept of them.

        Raises:
            Unavailable: the store is away.
            Conflict: the platform's keys are not here.
        """
        key = self._key_to_seal_with(person)
        if key is None:
            return None
        sealed = seal_bytes(key, json.dumps(texts).encode(), _bound(person, where))
        return FORM + urlsafe_b64encode(sealed).decode()

    def reveal(self, person: str, where: str, sealed: str) -> dict[str, str]:
        """What was hidden; nothing if the person was erased, or it is none of what `hide` made for this place."""
        key = self._find([person]).get(person)
        if key is None or not sealed.startswith(FORM):
            return {}
        try:
            raw = urlsafe_b64decode(sealed.removeprefix(FORM))
            return dict(json.loads(unseal_bytes(key, raw, _bound(person, where))))
        except (Broken, ValueError, binascii.Error):
            return {}

    def load(self, people: Iterable[str]) -> None:
        """Has the keys of many ready for `reveal`, with one question to the store."""
        self._find(people)

    def remember_name(self, person: str, name: str) -> None:
        """Before an account is deleted: the person can be found by the name, and erased, later on too."""
        self._store.name(person, self._mark(name), self._clock())

    def former(self, name: str) -> str | None:
        """The person whose account of that name is gone."""
        return self._store.named(self._mark(name))

    def erase(self, person: str, name: str | None) -> bool:
        """Destroys what can read the person's texts; False if that was done before."""
        done = self._store.erase(person, name, self._clock())
        with self._lock:
            self._known.pop(person, None)
        return done

    def _mark(self, name: str) -> str:
        return hmac.digest(self._index_key, name.strip().lower().encode(), "sha256").hex()

    def _key_to_seal_with(self, person: str) -> bytes | None:
        found = self._find([person])
        if person in found:
            return found[person]
        sealed = self._sealing().seal(new_sealing_key(), key_context(person))
        self._store.add(person, sealed, self._clock())
        return self._find([person]).get(person)  # another process may have been first

    def _find(self, people: Iterable[str]) -> dict[str, bytes | None]:
        """Of those who have a key, or had one (None)."""
        now, wanted = self._monotonic(), set(people)
        with self._lock:
            found = {one: known[1] for one in wanted if (known := self._known.get(one)) and now < known[0]}
        missing = wanted - found.keys()
        if not missing:
            return found
        stored = self._store.keys(missing)
        ring = self._sealing() if any(stored.values()) else None
        for one, sealed in stored.items():
            found[one] = ring.open(sealed, key_context(one)) if ring is not None and sealed else None
        with self._lock:
            if len(self._known) > _MOST:
                self._known.clear()
            self._known |= {one: (now + REMEMBERED_S, found[one]) for one in stored}
        return found


def _bound(person: str, where: str) -> bytes:
    return f"personal\0{person}\0{where}".encode()
