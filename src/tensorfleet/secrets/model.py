"""Secrets by name, and what is known of them without their values.  Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.errors import FieldError, InvalidInput

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
MOST_BYTES = 64 * 1024
MOST_SECRETS = 200
"""Of one workspace."""
MOST_OF_JOB = 20
"""A process starts others only while its environment is below 2 MiB."""
_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")
_TAKEN = re.compile(
    r"TENSORFLEET_.*|LD_.*|PATH|HOME|PYTHON.*|(LOCAL_|GROUP_|ROLE_)?(RANK|WORLD_SIZE)|MASTER_(ADDR|PORT)|CUDA_VISIBLE_DEVICES"
    r"|TRACEPARENT|GLOO_SOCKET_IFNAME|ROLE_NAME|TORCHELASTIC_.*|[A-Z]+_(NUM|MAX)_THREADS"
)


@dataclass(frozen=True)
class Secret:
    """What everybody may know who may use it.  `key` is the id of the key that it is sealed with."""

    workspace: str
    name: str
    version: int
    key: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Rotation:
    """`key` is what everything is sealed with now; `unreadable` are records for which this process has no key."""

    key: str
    resealed: int
    unreadable: tuple[str, ...]


def context_of(workspace: str, name: str, version: int) -> str:
    """What a sealed value is bound to."""
    return f"secret/{workspace}/{name}/{version}"


def check_name(name: str) -> str:
    """Raises InvalidInput when no secret can be called so; without the text, which may be a value in the wrong place."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            "a secret's name has up to 100 letters, digits, '.', '_' and '-', and begins with a letter or digit",
            [FieldError("name", "is no name of a secret")],
        )
    return name


def check_workspace(name: str) -> str:
    if not _WORKSPACE.fullmatch(name):
        raise InvalidInput(
            f"'{name[:100]}' is not a workspace's name", [FieldError("workspace", "is no name")]
        )
    return name


def check_value(value: str) -> bytes:
    """The value as it is sealed.  Raises InvalidInput, without the value."""
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise _refused("is no text in UTF-8; write binary ones in base64") from None
    if not data:
        raise _refused("is empty")
    if b"\0" in data:
        raise _refused("has a NUL, which no environment variable can; write binary ones in base64")
    if len(data) > MOST_BYTES:
        raise _refused(f"has {len(data)} bytes; at most {MOST_BYTES} are kept")
    return data


def check_variable(name: str) -> str | None:
    """Why a secret cannot be given to a task under this name of a variable; None if it can."""
    if not VARIABLE.fullmatch(name):
        return "is no name of an environment variable: letters, digits and '_', and no digit first"
    if _TAKEN.fullmatch(name):
        return "is a variable that tasks have already; give the secret another name there"
    return None


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"the secret's value {why}", [FieldError("value", why)])
