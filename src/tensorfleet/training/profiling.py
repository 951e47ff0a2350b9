"""`profile:` of the job file: where the time of a task went.  What goes wrong in here costs the profile, never the task.

Networks and own torch code: some steps are let pass, the next are timed by phase, and as many again are traced by torch's
profiler, so that the phases are not slowed down by the tracing.  Anything else: what the calls of the whole task took.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tensorfleet.jobs.profiles import trace_key
from tensorfleet.kit.units import format_bytes
from tensorfleet.training.phases import SAVING, Phases

if TYPE_CHECKING:
    from tensorfleet.training.session import Session

MOST_TRACE_BYTES = 64 * 1024**2
MOST_RAW_BYTES = 2 * 1024**3
SHOWN = 15
_SILENT = "6"
_MARKS = {
    "fetched": "fetching data",
    "prepared": "preparing data",
    "joined": "waiting for the other ranks",
    "trained": "fitting",
    "evaluated": "evaluating",
    "published": "publishing",
}
"""The marks of a task whose steps cannot be seen, and what is done when each is reached."""
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Policy:
    """The job file's `profile`."""

    steps: int = 10
    skip: int = 5

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Policy | None:
        given = spec.get("profile")
        if given is None:
            return None
        return cls(**{name: int(given[name]) for name in cls.__dataclass_fields__ if name in given})


def _harmless(method: F) -> F:
    """Gives the profile up when it fails."""

    @functools.wraps(method)
    def guarded(self: Profiler, *arguments: Any, **options: Any) -> Any:
        try:
            return method(self, *arguments, **options)
        except Exception as error:
            self.give_up(error)
            return None

    return guarded  # type: ignore[return-value]


class Profiler:
    """Profiles one task."""

    def __init__(
        self, session: Session, policy: Policy, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._session = session
        self._policy = policy
        self._clock = clock
        self._phases = Phases(clock)
        self._steps = 0
        self._counted_by_hand = False
        self._began = 0.0
        self._found: dict[str, Any] | None = None
        self._trace: Any = None
        self._tracing = False
        self._calls: Any = None
        self._hooks: Any = None
        self._telling: threading.Thread | None = None
        self.over = False

    def give_up(self, error: Exception) -> None:
        self.over = True
        with suppress(Exception):
            self._end_trace()
        said = f"{type(error).__name__}: {error}"[:300]
        print(f"warning: no profile of this task: {said}", file=sys.stderr, flush=True)

    # ---- what the training does ----------------------------------------------------------------------------------------

    def phase(self, name: str) -> AbstractContextManager[None]:
        return nullcontext() if self.over else self._phases.phase(str(name)[:40])

    def reading(self, items: Iterable[T]) -> Iterable[T]:
        return items if self.over else self._phases.reading(items)

    def stepped(self) -> None:
        """The code itself says that a step is done; what the optimizers do is none then."""
        self._counted_by_hand = True
        self._step()

    @_harmless
    def start_torch(self) -> None:
        """From here on the steps of torch's optimizers count."""
        from tensorfleet.training.torch_phases import TorchPhases

        hooks = TorchPhases(self._phases, self._optimizer_stepped, lambda: self.over, self._clock)
        hooks.install()
        self._hooks = hooks
        saver = self._session.saver
        saver.save = self._while_saving(saver.save)  # type: ignore[method-assign]

    def _while_saving(self, save: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            with self.phase(SAVING):
                return save(*arguments, **options)

        return timed

    @_harmless
    def start_calls(self) -> None:
        """From here on the calls of this thread count."""
        import cProfile

        self._calls = cProfile.Profile()
        self._calls.enable()

    # ---- the steps that are measured -----------------------------------------------------------------------------------

    def _optimizer_stepped(self) -> None:
        if not self._counted_by_hand:
            self._step()

    @_harmless
    def _step(self) -> None:
        if self.over:
            return
        self._steps += 1
        first = max(1, self._policy.skip)  # the first step always has what happens only once
        if self._steps == first:
            self._phases.reset()
            self._began = self._clock()
        elif first < self._steps <= first + self._policy.steps:
            self._take_phases(self._steps - first)
            if self._steps == first + self._policy.steps:
                self._start_trace()
        elif self._steps == first + 2 * self._policy.steps:
            self._finish()

    def _take_phases(self, steps: int) -> None:
        """After each step, so that what comes behind the last one is none of it."""
        self._phases.charge()
        seconds = {name: round(value, 9) for name, value in self._phases.seconds.items()}
        self._found = {
            "unit": "step",
            "steps": steps,
            "seconds": round(self._clock() - self._began, 9),
            "phases": seconds,
        }

    def _start_trace(self) -> None:
        if "torch" not in sys.modules:
            return
        os.environ.setdefault("KINETO_LOG_LEVEL", _SILENT)  # else the job's log has its start and its end
        from torch import cuda

        # That of torch.profiler loads the compiler too, which takes seconds.
        from torch.autograd.profiler import profile

        trace: Any = profile(use_kineto=True, use_device="cuda" if cuda.is_available() else None)
        trace.__enter__()
        self._trace, self._tracing = trace, True

    def _end_trace(self) -> None:
        """A process that ends while torch traces crashes."""
        if self._tracing:
            self._tracing = False
            self._trace.__exit__(None, None, None)

    def _finish(self) -> None:
        """Stops measuring; what was found is worked out and told beside the training."""
        if self.over:
            return
        self.over = True
        self._end_trace()
        self._telling = threading.Thread(target=self._tell_all, name="tensorfleet-profile", daemon=True)
        self._telling.start()

    @_harmless
    def _tell_all(self) -> None:
        found, trace = self._found or {}, self._trace
        if trace is not None:
            found |= {"operators": _operators(trace)} | self._kept(trace)
        self._tell(found)

    def _tell(self, found: dict[str, Any]) -> None:
        self._session.write({"kind": "profile", "at": time.time(), "profile": found})

    # ---- the trace -----------------------------------------------------------------------------------------------------

    def _kept(self, trace: Any) -> dict[str, Any]:
        """Stores the trace with the job's files, unless it is too large; says what became of it."""
        folder = self._session.context.task_dir
        raw, packed = folder / "trace.json", folder / "trace.json.gz"
        try:
            trace.export_chrome_trace(str(raw))
            if raw.stat().st_size > MOST_RAW_BYTES:
                return self._left_out(raw.stat().st_size)
            _pack(raw, packed)
            if packed.stat().st_size > MOST_TRACE_BYTES:
                return self._left_out(packed.stat().st_size)
            data = packed.read_bytes()
            context = self._session.context
            self._session.objects.put(trace_key(context.job_id, context.attempt, context.rank), data)
        except Exception as error:  # the phases are worth telling without it
            return {"note": f"the trace could not be kept: {type(error).__name__}: {error}"[:300]}
        finally:
            for path in (raw, packed):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        sha256 = hashlib.sha256(data).hexdigest()
        return {"trace": {"bytes": len(data), "sha256": sha256, "steps": self._policy.steps}}

    def _left_out(self, size: int) -> dict[str, Any]:
        note = (
            f"the trace of {self._policy.steps} steps has {format_bytes(size)} and was left out;"
            " trace fewer with profile: {steps: ...}"
        )
        print(f"warning: {note}", file=sys.stderr, flush=True)
        return {"note": note}

    # ---- the end -------------------------------------------------------------------------------------------------------

    @_harmless
    def close(self) -> None:
        """The task is about to end: what was begun is told as far as it came."""
        if self._hooks is not None:
            self._hooks.remove()
        if self._calls is not None:
            self._calls.disable()
            self._tell(self._whole_task())
        elif self._found is not None:
            self._finish()
        elif not self.over:
            self._note_too_short()
        self.over = True
        if self._telling is not None:
            self._telling.join()

    def _whole_task(self) -> dict[str, Any]:
        self._session.timeline.mark_last_step()
        marks = sorted(self._session.timeline.marks.items(), key=lambda one: one[1])
        began = self._session.timeline.marks.get("opened", marks[0][1])
        found = [(name, at) for name, at in marks if name in _MARKS and at >= began]
        phases: dict[str, float] = {}
        before = began
        for name, at in found:
            phases[_MARKS[name]] = round(at - before, 6)
            before = at
        return {
            "unit": "job",
            "steps": 1,
            "seconds": round(before - began, 6),
            "phases": phases,
            "operators": _calls(self._calls),
        }

    def _note_too_short(self) -> None:
        told = (
            f"{self._steps} steps were seen, and the first {max(1, self._policy.skip)} are let pass:"
            " too few for a profile; train longer, or set profile: {skip: 1}"
        )
        self._tell({"unit": "step", "steps": 0, "seconds": 0.0, "phases": {}, "note": told})


def start(session: Session, torch: bool) -> Profiler | None:
    """A profiler at work, if the job asks for one; `torch`: the task trains with it."""
    policy = Policy.of(session.context.spec)
    if policy is None:
        return None
    profiler = Profiler(session, policy)
    if torch:
        profiler.start_torch()
    elif session.context.spec.get("algorithm"):
        profiler.start_calls()
    return profiler


def _pack(raw: Path, packed: Path) -> None:
    with raw.open("rb") as source, gzip.open(packed, "wb", compresslevel=6) as target:
        while piece := source.read(1 << 20):
            target.write(piece)


def _operators(trace: Any) -> list[dict[str, Any]]:
    """The operators that took longest by themselves, on the GPU where there is one."""
    found = [
        (max(float(one.self_cpu_time_total), float(one.self_device_time_total)), one)
        for one in trace.key_averages()
    ]
    found.sort(key=lambda pair: -pair[0])
    return [
        {"name": str(one.key)[:200], "ms": round(own / 1000, 4), "calls": int(one.count)}
        for own, one in found[:SHOWN]
        if own > 0
    ]


def _calls(calls: Any) -> list[dict[str, Any]]:
    """The functions that took longest by themselves."""
    found = sorted(calls.getstats(), key=lambda one: -one.inlinetime)[:SHOWN]
    return [
        {
            "name": _function(one.code)[:200],
            "ms": round(one.inlinetime * 1000, 4),
            "calls": int(one.callcount),
        }
        for one in found
    ]


def _function(code: Any) -> str:
    if isinstance(code, str):
        return code.strip("<>")
    path = Path(code.co_filename)
    place = (
        "/".join(path.parts[path.parts.index("site-packages") + 1 :])
        if "site-packages" in path.parts
        else path.name
    )
    return f"{code.co_name} ({place}:{code.co_firstlineno})"
