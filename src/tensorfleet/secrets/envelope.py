"""Envelope encryption: each record has a random key of its own, which is sealed with the platform's key.

A record is `tfs1.<key id>.<sealed data key>.<sealed payload>`.  The platform's key is replaced by sealing the data keys anew:
payloads stay as they are.  `context` says what a record belongs to, such as `secret/vision/hf-token`; it is bound to both
parts, so that a row that was copied to another name or workspace cannot be read there.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from tensorfleet.errors import Conflict
from tensorfleet.kit.sealing import KEY_BYTES, Broken, new_sealing_key, seal_bytes, unseal_bytes

FORM = "tfs1"


class KeyMissing(Conflict):
    """Sealed with a key that this process was not given."""

    code = "secrets_key_missing"
    title = "The key is not here"


class Unreadable(Conflict):
    """Changed since it was sealed, moved from somewhere else, or no sealed record at all."""

    code = "secret_unreadable"
    title = "A stored secret cannot be read"


def key_id(key: bytes) -> str:
    """What a key is called where people see it: the same wherever the key is known, and of no use without it."""
    return hashlib.sha256(b"tensorfleet secrets key\0" + key).hexdigest()[:16]


@dataclass(frozen=True)
class _Record:
    key: str
    data_key: bytes
    payload: bytes


class Keyring:
    """The keys of a platform by their ids: what is sealed from now on is sealed with `current`.  Thread-safe."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        """
        Raises:
            ValueError: a key has not 32 bytes, or the current one is not among them.
        """
        if current not in keys:
            raise ValueError(f"the current key '{current}' is not among the keys")
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a key has to have {KEY_BYTES} bytes")
        self._keys = dict(keys)
        self.current = current

    def __repr__(self) -> str:
        return f"Keyring({sorted(self._keys)}, current={self.current!r})"

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def using(self, current: str) -> Keyring:
        """The same keys with another one of them as the current."""
        return Keyring(self._keys, current)

    def seal(self, plain: bytes, context: str) -> str:
        data_key = new_sealing_key()
        return self._write(data_key, seal_bytes(data_key, plain, _bound("payload", context)), context)

    def open(self, sealed: str, context: str) -> bytes:
        """What was sealed.

        Raises:
            KeyMissing: it was sealed with a key that is not here.
            Unreadable: it was changed, or belongs to something else.
        """
        record = _read(sealed, context)
        data_key = self._data_key(record, context)
        return _unseal(data_key, record.payload, _bound("payload", context), context)

    def rewrap(self, sealed: str, context: str) -> str:
        """The same record for the current key; its payload is neither read nor changed.

        Raises:
            KeyMissing: it was sealed with a key that is not here.
            Unreadable: it was changed, or belongs to something else.
        """
        record = _read(sealed, context)
        if record.key == self.current:
            return sealed
        return self._write(self._data_key(record, context), record.payload, context)

    def _write(self, data_key: bytes, payload: bytes, context: str) -> str:
        wrapped = seal_bytes(self._keys[self.current], data_key, _bound(self.current, context))
        return ".".join((FORM, self.current, _text(wrapped), _text(payload)))

    def _data_key(self, record: _Record, context: str) -> bytes:
        key = self._keys.get(record.key)
        if key is None:
            raise KeyMissing(
                f"'{context}' is sealed with the key {record.key}, and here are only {', '.join(self._keys)}; "
                "give secrets_key that one too"
            )
        return _unseal(key, record.data_key, _bound(record.key, context), context)


def key_of(sealed: str) -> str:
    """The id of the key that a record is sealed with.

    Raises:
        Unreadable: it is no sealed record.
    """
    return _read(sealed, "a record").key


def _read(sealed: str, context: str) -> _Record:
    parts = sealed.split(".")
    try:
        form, key, data_key, payload = parts
        if form != FORM:
            raise ValueError(form)
        return _Record(key, urlsafe_b64decode(data_key), urlsafe_b64decode(payload))
    except (ValueError, binascii.Error) as error:
        raise Unreadable(f"what is stored as '{context}' is no sealed record; set it again") from error


def _unseal(key: bytes, sealed: bytes, bound: bytes, context: str) -> bytes:
    try:
        return unseal_bytes(key, sealed, bound)
    except Broken as error:
        raise Unreadable(
            f"what is stored as '{context}' was changed, or belongs to something else; set it again"
        ) from error


def _bound(part: str, context: str) -> bytes:
    return "\0".join((FORM, part, context)).encode()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode()
