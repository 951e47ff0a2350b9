"""What blocks in one of the clients and not in the other; `sdk/ground.py` is its counterpart, written by hand too."""

from __future__ import annotations

import asyncio
from asyncio import Lock, sleep
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["Lock", "apart", "sleep"]

P = ParamSpec("P")
T = TypeVar("T")


async def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does what takes long, on disk or in the processor, where nobody else has to wait for it."""
    return await asyncio.to_thread(function, *args, **kwargs)
