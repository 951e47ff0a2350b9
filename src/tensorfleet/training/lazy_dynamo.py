"""Leaves torch's compiler out of memory until somebody compiles.

Every optimizer step and every DDP model touches `torch._dynamo`, only to say "do not trace me".  Importing it for that costs two
seconds and 70 MB (sympy above all), in the template and so on every worker.  Until it is really needed, a stand-in answers
the few questions that uncompiled training asks; anything else, such as `torch.compile`, loads the real package in its place.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

NAME = "torch._dynamo"


class _StandIn(types.ModuleType):
    """What `torch._dynamo` is while nothing is compiled."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.__path__: list[str] = []
        self.armed = False
        self._marked: list[Callable[..., Any]] = []
        # Asked by DDP and by init_process_group; the answers are those of torch's defaults.
        self.utils = types.SimpleNamespace(get_optimize_ddp_mode=lambda: "ddp_optimizer")
        self.trace_rules = types.SimpleNamespace(clear_lru_cache=lambda: None)

    def disable(self, fn: Callable[..., Any] | None = None, *arguments: Any, **options: Any) -> Any:
        if sys.modules.get(NAME) is not self or fn is None:
            return self.load().disable(fn, *arguments, **options)
        self._marked.append(fn)
        return fn

    def graph_break(self, *arguments: Any, **options: Any) -> None:
        """Means something while tracing only."""

    def __getattr__(self, name: str) -> Any:
        # Not armed: another library's import looks through all modules for a name; that is no reason to load.
        if name.startswith("__") or not self.armed:
            raise AttributeError(name)
        return getattr(self.load(), name)

    def load(self) -> types.ModuleType:
        """The real package, from now on in everybody's hands."""
        import torch

        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
            torch.__dict__.pop("_dynamo", None)
            for function in self._marked:
                function.__dict__.pop(
                    "__dynamo_disable", None
                )  # torch asks again, and now gets the real mark
        return importlib.import_module(NAME)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """`import torch._dynamo.something`: loads the real package first, and then hands out what it has."""

    def __init__(self, stand_in: _StandIn) -> None:
        self._stand_in = stand_in

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(NAME + ".") or sys.modules.get(NAME) is not self._stand_in:
            return None
        real = self._stand_in.load()
        if fullname in sys.modules:
            return importlib.machinery.ModuleSpec(fullname, self)
        return importlib.machinery.PathFinder.find_spec(fullname, real.__path__)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: types.ModuleType) -> None:
        """It has been executed by the real package's import."""


def install() -> Callable[[], None]:
    """Puts the stand-in in place, unless the real package is loaded; returns what arms it, for when all imports are done."""
    import torch

    if NAME in sys.modules:
        return lambda: None
    stand_in = _StandIn()
    sys.modules[NAME] = stand_in
    torch._dynamo = stand_in
    sys.meta_path.insert(0, _Finder(stand_in))

    def arm() -> None:
        stand_in.armed = True

    return arm
