"""What blocks in one of the clients and not in the other; `sdk/aio/ground.py` is its counterpart, written by hand too."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import sleep
from typing import ParamSpec, TypeVar

__all__ = ["Lock", "apart", "sleep"]

P = ParamSpec("P")
T = TypeVar("T")


def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does it; nobody else is waiting."""
    return function(*args, **kwargs)
