"""Where the platform's keys are: in the setting `secrets_key`, or in a file of the home that is made at its first use."""

from __future__ import annotations

import binascii
import fcntl
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tensorfleet.errors import Conflict, InvalidInput
from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.sealing import KEY_BYTES, new_sealing_key
from tensorfleet.secrets.envelope import Keyring, key_id
from tensorfleet.settings import Settings

KEY_FILE = "secrets.key"
_FILE = "file:"
_MOST_KEYS = 100


def load_keyring(settings: Settings) -> Keyring:
    """The keys of this platform, the current one first; read anew each time, so that a rotated file is seen.

    Raises:
        InvalidInput: the setting or its file has no proper keys; no key is in the message.
    """
    given = settings.secrets_key.get_secret_value()
    if not given:
        return _ring(_of_home(settings), str(settings.home / KEY_FILE))
    return _ring(_listed(given), "the setting 'secrets_key'")


def add_key(settings: Settings) -> str:
    """Puts a new random key in front of those in the home's file; returns its id.

    Raises:
        Conflict: the keys are in the setting, and it is for whoever sets that to change them.
    """
    if settings.secrets_key.get_secret_value():
        raise Conflict(
            "the keys are in the setting 'secrets_key': put a new one in front of the others there, restart the gateways and "
            "orchestrators, and run `tensorfleet secrets rotate`"
        )
    key, path = new_sealing_key(), settings.home / KEY_FILE
    _of_home(settings)  # makes the first
    with _changing(path):
        former = _lines(path)
        if len(former) >= _MOST_KEYS:
            raise Conflict(f"'{path}' has {len(former)} keys; take those away that no secret is sealed with")
        _write(path, [text_of(key), *former])
    return key_id(key)


def text_of(key: bytes) -> str:
    return b64encode(key).decode()


def _ring(texts: list[str], where: str) -> Keyring:
    keys = [_decoded(text, where) for text in texts]
    if not keys:
        raise InvalidInput(f"{where} has no key; `openssl rand -base64 32` makes one")
    return Keyring({key_id(key): key for key in keys}, key_id(keys[0]))


def _decoded(text: str, where: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        # Without the cause: its message may have a part of the key.
        raise InvalidInput(
            f"{where} has something that is no key: each is {KEY_BYTES} random bytes in base64, such as "
            "`openssl rand -base64 32` makes"
        ) from None
    return key


def _listed(given: str) -> list[str]:
    found: list[str] = []
    for one in (part.strip() for part in given.split(",")):
        if one.startswith(_FILE):
            found += _lines(Path(one.removeprefix(_FILE)))
        elif one:
            found.append(one)
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidInput(f"the file '{path}' with the keys of secrets cannot be read: {what}") from None


def _of_home(settings: Settings) -> list[str]:
    path = settings.home / KEY_FILE
    try:
        if not path.exists():
            with _changing(path):
                if not path.exists():  # another process may have been first
                    _write(path, [text_of(new_sealing_key())])
    except OSError as error:
        raise InvalidInput(
            f"no key for secrets can be made at '{path}' ({error.strerror}); give one in the setting 'secrets_key'"
        ) from error
    return _lines(path)


def _write(path: Path, lines: list[str]) -> None:
    write_atomic(path, "".join(f"{one}\n" for one in lines).encode(), mode=0o600)


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    """One process and thread at a time: a key that another one overwrites could have sealed something already."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
