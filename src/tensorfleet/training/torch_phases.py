"""Finds the phases of a training step from outside: own scripts are measured as they are.

Waiting for a DataLoader is data; the outermost module with gradients, and what follows it up to the backward pass (the loss), is
forward; what the backward pass does after the last gradient of a DDP model is there is communication, with the wait for slower
ranks; `Optimizer.step` is the optimiser and ends a step.  On a GPU, where that cannot be told apart, communication is part of
backward, and the device is waited for at each of these places.
"""

from __future__ import annotations

import functools
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tensorfleet.training.phases import (
    BACKWARD,
    COMMUNICATION,
    DATA,
    EVALUATION,
    FORWARD,
    OPTIMISER,
    OTHER,
    SAVING,
    Phases,
)


class TorchPhases:
    """While it is installed, tells `phases` what torch does, and calls `stepped` after each step of an optimizer.

    It takes itself out by itself once `over` says so: hooks cannot be removed from within a hook.
    """

    def __init__(
        self,
        phases: Phases,
        stepped: Callable[[], None],
        over: Callable[[], bool],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._phases = phases
        self._stepped = stepped
        self._over = over
        self._clock = clock
        self._thread = threading.get_ident()
        self._depth = 0
        self._grad_at = 0.0
        self._undo = ExitStack()
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def install(self) -> None:
        import torch
        from torch.nn.modules import module
        from torch.optim import optimizer
        from torch.utils.data import dataloader

        self._synchronises = torch.cuda.is_available()
        for handle in (
            module.register_module_forward_pre_hook(self._before_module),
            module.register_module_forward_hook(self._after_module, always_call=True),
            optimizer.register_optimizer_step_pre_hook(self._before_step),
            optimizer.register_optimizer_step_post_hook(self._after_step),
        ):
            self._undo.callback(handle.remove)
        self._wrap(torch.autograd, "backward", self._backward)
        self._wrap(dataloader._BaseDataLoaderIter, "__next__", self._timed(DATA))
        self._wrap(torch, "save", self._timed(SAVING))

    def remove(self) -> None:
        self._undo.close()

    def _wrap(self, owner: Any, name: str, how: Callable[..., Any]) -> None:
        """`how` gets the original function and its arguments."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if self._idle():
                return original(*arguments, **options)
            return how(original, *arguments, **options)

        setattr(owner, name, wrapped)
        self._undo.callback(setattr, owner, name, original)

    def _idle(self) -> bool:
        """Whether nobody wants to know; then nothing is left of this."""
        if threading.get_ident() != self._thread:
            return True
        if self._over():
            self.remove()
            return True
        return False

    def _watches(self) -> bool:
        return threading.get_ident() == self._thread and not self._over()

    def _wait(self) -> None:
        """Until the GPU has done what it was told: what it does is counted where it was asked for."""
        if self._synchronises:
            import torch

            if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                torch.cuda.synchronize()

    def _timed(self, name: str) -> Callable[..., Any]:
        def timed(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            self._wait()
            with self._phases.phase(name):
                return original(*arguments, **options)

        return timed

    # ---- modules -----------------------------------------------------------------------------------------------------

    def _before_module(self, module: Any, _inputs: Any) -> None:
        import torch

        # Asked first: so the compiler, when it traces a model, finds nothing here to stumble over.
        if torch.compiler.is_compiling() or not self._watches():
            return
        self._depth += 1
        if self._depth == 1:
            self._follow_gradients(module)
            self._wait()
            self._phases.enter(FORWARD if torch.is_grad_enabled() else EVALUATION)

    def _after_module(self, module: Any, _inputs: Any, _outputs: Any) -> None:
        import torch

        if torch.compiler.is_compiling() or self._depth == 0 or not self._watches():
            return
        self._depth -= 1
        if self._depth == 0:
            self._wait()
            self._phases.leave()
            self._phases.settle(FORWARD if torch.is_grad_enabled() else OTHER)

    def _follow_gradients(self, module: Any) -> None:
        """Of a DDP model: notes when the last of its gradients is there; what comes after that is averaging them."""
        if type(module).__name__ != "DistributedDataParallel" or module in self._seen or self._synchronises:
            return
        self._seen.add(module)
        for parameter in module.parameters():
            if parameter.requires_grad:
                handle = parameter.register_post_accumulate_grad_hook(self._gradient_is_there)
                self._undo.callback(handle.remove)

    def _gradient_is_there(self, _parameter: Any) -> None:
        self._grad_at = self._clock()

    # ---- backward pass and optimizer -----------------------------------------------------------------------------------

    def _backward(self, original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self._wait()
        self._phases.enter(BACKWARD)
        self._phases.settle(OTHER)
        self._grad_at = 0.0
        try:
            return original(*arguments, **options)
        finally:
            self._wait()
            if self._grad_at:
                self._phases.turn(COMMUNICATION, self._grad_at)
            self._phases.leave()

    def _before_step(self, _optimizer: Any, _arguments: Any, _options: Any) -> None:
        if self._watches():
            self._wait()
            self._phases.settle(OTHER)
            self._phases.enter(OPTIMISER)

    def _after_step(self, _optimizer: Any, _arguments: Any, _options: Any) -> None:
        if self._watches():
            self._wait()
            self._phases.leave()
            self._stepped()
