"""Entries, the chain that binds them, and its verification.  Pure.

The hash of an entry is HMAC-SHA256 over the hash before it and all that the entry says.  The key is derived from the home's
token (HKDF, RFC 5869): who has only the database can neither change an entry nor make a new end.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from tensorfleet.kit.storable import storable_text, to_json

DROPPED = "audit.drop"
"""The action of entries that say up to which one the log was dropped."""
MOST_CHANGE_BYTES = 8192
_SECRET = ("secret", "password", "token", "credential")
_GENESIS = hashlib.sha256(b"tensorfleet audit log 1").hexdigest()


@dataclass(frozen=True)
class Draft:
    """What happened, before it has a place in the chain.

    Attributes:
        at: when it began, in microseconds since 1970.
        via: how the actor proved who it is; `credential` is the id of the session or key.
        outcome: the HTTP status; None where the gateway ended before it answered.
        count: so many calls of this kind came within a minute, and are told together.
        before, after: JSON.
        subject: the account that it is about, where it is about one.
        personal: what is of a person, sealed, by account; the fields themselves are empty then.
    """

    id: str
    at: int
    action: str
    actor_id: str | None = None
    actor_name: str | None = None
    via: str | None = None
    credential: str | None = None
    source: str | None = None
    target_kind: str | None = None
    target: str | None = None
    workspace: str | None = None
    outcome: int | None = None
    count: int = 1
    before: str | None = None
    after: str | None = None
    trace_id: str | None = None
    subject: str | None = None
    personal: str | None = None


LIMITS: Mapping[str, int] = {
    "id": 32, "action": 60, "actor_id": 64, "actor_name": 200, "via": 20, "credential": 64, "source": 64,
    "target_kind": 30, "target": 600, "workspace": 100, "trace_id": 32, "subject": 64,
}  # fmt: skip
"""Characters that are kept of each."""
_LATER = ("subject", "personal")
"""Fields that entries of earlier versions do not have: left out where they are empty, those hash as they did."""


@dataclass(frozen=True)
class Entry:
    """A draft at its place in the chain; the first place is 1."""

    seq: int
    draft: Draft
    hash: str


@dataclass(frozen=True)
class Keys:
    chain: bytes
    anchors: bytes


@dataclass(frozen=True)
class Anchor:
    """What the log was at an instant, kept where the log is not."""

    seq: int
    hash: str
    at: int
    signature: str


@dataclass(frozen=True)
class Checkpoint:
    """What an entry says of those that were dropped: the last one's place and hash."""

    through: int
    hash: str


@dataclass(frozen=True)
class Problem:
    """The first entry that is not as it was written."""

    seq: int
    id: str | None
    what: str


@dataclass(frozen=True)
class Verdict:
    """So many `entries` were found good, from the place `first` to `last`; an anchor vouches for those up to `anchored`."""

    entries: int
    first: int | None
    last: Entry | None
    anchored: int | None
    problem: Problem | None

    @property
    def ok(self) -> bool:
        return self.problem is None


def derive_keys(token: str) -> Keys:
    """HKDF-SHA256 without a salt: the token is random and long."""
    seed = hmac.digest(bytes(32), token.encode(), "sha256")
    return Keys(
        hmac.digest(seed, b"tensorfleet audit chain 1\x01", "sha256"),
        hmac.digest(seed, b"tensorfleet audit anchors 1\x01", "sha256"),
    )


def cleaned(draft: Draft) -> Draft:
    """The same, as every database can hold it."""
    kept: dict[str, Any] = {
        name: storable_text(value)[:limit]
        for name, limit in LIMITS.items()
        if (value := getattr(draft, name)) is not None
    }
    return replace(draft, **kept)


def change_of(value: Any) -> str | None:
    """What was before or is after, as it is kept: bounded, and without anything that is named as a secret is."""
    if value is None:
        return None
    text = json.dumps(json.loads(to_json(_without_secrets(value))), sort_keys=True, ensure_ascii=False)
    if len(text.encode()) <= MOST_CHANGE_BYTES:
        return storable_text(text)
    return json.dumps({"left_out_bytes": len(text.encode())})


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            str(key): "***" if any(word in str(key).lower() for word in _SECRET) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def encode(seq: Any, draft: Draft) -> bytes:
    """All that an entry says, in the one way in which it is hashed.  A value that no entry can have hashes like none that can."""
    said = {name: value for name, value in asdict(draft).items() if name not in _LATER or value is not None}
    return json.dumps([seq, said], sort_keys=True, separators=(",", ":"), default=_no_value).encode()


def _no_value(value: Any) -> Any:
    return {type(value).__name__: repr(value)}


def link(previous: Entry | None, draft: Draft, keys: Keys) -> Entry:
    """The draft as the entry behind `previous`."""
    seq, before = (previous.seq + 1, previous.hash) if previous else (1, _GENESIS)
    return Entry(seq, draft, _hash(before, seq, draft, keys))


def _hash(before: str, seq: Any, draft: Draft, keys: Keys) -> str:
    return hmac.digest(keys.chain, f"{before}\n".encode() + encode(seq, draft), "sha256").hex()


# ---- anchors ---------------------------------------------------------------------------------------------------------


def anchor_of(entry: Entry, at: int, keys: Keys) -> Anchor:
    return Anchor(entry.seq, entry.hash, at, _sign(entry.seq, entry.hash, at, keys))


def _sign(seq: int, hash_: str, at: int, keys: Keys) -> str:
    return hmac.digest(keys.anchors, json.dumps([seq, hash_, at]).encode(), "sha256").hex()


def anchor_to_json(anchor: Anchor) -> bytes:
    return json.dumps(asdict(anchor)).encode()


def anchor_from_json(data: bytes) -> Anchor | None:
    """None for what is no anchor."""
    try:
        found = json.loads(data)
        anchor = Anchor(**found)
    except (ValueError, TypeError, RecursionError):
        return None
    types = {field.name: type(getattr(anchor, field.name)) for field in fields(Anchor)}
    return anchor if types == {"seq": int, "hash": str, "at": int, "signature": str} else None


def is_genuine(anchor: Anchor, keys: Keys) -> bool:
    expected = _sign(anchor.seq, anchor.hash, anchor.at, keys)
    return hmac.compare_digest(expected.encode(), anchor.signature.encode("utf-8", "replace"))


# ---- verification ----------------------------------------------------------------------------------------------------


def checkpoint_of(entry: Entry) -> Checkpoint | None:
    """What a `DROPPED` entry says; None for another, or one that says nothing that makes sense."""
    if entry.draft.action != DROPPED:
        return None
    try:
        said = json.loads(entry.draft.after or "")
        through, last = said["through"], said["last"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Checkpoint(through, last) if isinstance(through, int) and isinstance(last, str) else None


def verify(
    entries: Iterable[Entry], keys: Keys, anchors: Iterable[Anchor] = (), claimed: Checkpoint | None = None
) -> Verdict:
    """Goes through the log in the order in which it is stored, up to the first entry that is not as it was written.

    Args:
        claimed: what the newest `DROPPED` entry says; it is believed once the chain that begins there has led to that entry.
    """
    walk = _Walk(keys, anchors, claimed)
    for entry in entries:
        problem = walk.step(entry)
        if problem is not None:
            return walk.verdict(problem)
    return walk.verdict(walk.end())


class _Walk:
    """One verification, entry by entry."""

    def __init__(self, keys: Keys, anchors: Iterable[Anchor], claimed: Checkpoint | None) -> None:
        self._keys = keys
        self._claimed = claimed
        self._confirmed = True
        known = list(anchors)
        self._forged = next((anchor for anchor in known if not is_genuine(anchor, keys)), None)
        self._anchors = {anchor.seq: anchor for anchor in known if is_genuine(anchor, keys)}
        self._first: int | None = None
        self._last: Entry | None = None
        self._anchored: int | None = None
        self._seen = 0

    def step(self, entry: Entry) -> Problem | None:
        before, expected = self._behind(entry)
        if entry.seq != expected:
            return self._misplaced(entry, expected)
        if _hash(before, entry.seq, entry.draft, self._keys) != entry.hash:
            return Problem(expected, entry.draft.id, "it was changed, or another was put in its place")
        anchor = self._anchors.get(expected)
        if anchor is not None and anchor.hash != entry.hash:
            what = "an anchor knows another one here: entries were taken from the end, and the log has gone on since"
            return Problem(expected, entry.draft.id, what)
        self._note(entry, anchored=anchor is not None)
        return None

    def _behind(self, entry: Entry) -> tuple[str, int]:
        """The hash before this entry, and the place that it has to have."""
        if self._last is not None:
            return self._last.hash, self._last.seq + 1
        if self._claimed is None or entry.seq == 1:
            return _GENESIS, 1
        self._confirmed = False
        return self._claimed.hash, self._claimed.through + 1

    def _misplaced(self, entry: Entry, expected: int) -> Problem:
        if isinstance(entry.seq, int) and entry.seq > expected:
            return Problem(expected, None, f"it is gone: the next that there is has the number {entry.seq}")
        return Problem(expected, entry.draft.id, f"entry {entry.seq} stands in its place")

    def _note(self, entry: Entry, *, anchored: bool) -> None:
        self._seen += 1
        self._last = entry
        self._first = entry.seq if self._first is None else self._first
        if anchored:
            self._anchored = entry.seq
        if checkpoint_of(entry) == self._claimed:
            self._confirmed = True

    def end(self) -> Problem | None:
        """What can only be said when all entries were seen."""
        last = self._last.seq if self._last is not None else 0
        newest = max(self._anchors, default=0)
        if newest > last:
            what = f"it is gone, with all that followed: an anchor knows {newest} entries"
            return Problem(last + 1, None, what)
        if not self._confirmed:
            return Problem(
                self._first or 1, None, "those before it are gone, and no entry says that they were dropped"
            )
        if self._forged is not None:
            return Problem(
                self._forged.seq, None, "the anchor at this entry is not signed with this home's key"
            )
        return None

    def verdict(self, problem: Problem | None) -> Verdict:
        return Verdict(self._seen, self._first, self._last, self._anchored, problem)
