"""An asynchronous client as a test of the blocking one uses it: what has to be awaited is, what is iterated comes at once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

OURS = "tensorfleet.sdk.aio."


class Driven:
    """Stands for one object of the asynchronous client."""

    def __init__(self, inner: Any, runner: asyncio.Runner) -> None:
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "_runner", runner)

    def __getattr__(self, name: str) -> Any:
        return self._outside(getattr(self.inner, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "sleep" and not inspect.iscoroutinefunction(value):
            plain = value

            async def value(delay_s: float) -> None:
                plain(delay_s)

        setattr(self.inner, name, value)

    def __repr__(self) -> str:
        return repr(self.inner)

    def _outside(self, value: Any) -> Any:
        if inspect.ismethod(value):
            return lambda *args, **kwargs: self._outside(value(*[_inside(one) for one in args], **kwargs))
        if inspect.iscoroutine(value):
            return self._outside(self._runner.run(value))
        if inspect.isasyncgen(value):
            return self._each(value)
        if isinstance(value, list):
            return [self._outside(one) for one in value]
        return Driven(value, self._runner) if type(value).__module__.startswith(OURS) else value

    def _each(self, items: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(items, StopIteration)

        try:
            while (item := self._runner.run(following())) is not StopIteration:
                yield item
        finally:
            self._runner.run(items.aclose())


def _inside(value: Any) -> Any:
    return value.inner if isinstance(value, Driven) else value
