"""scikit-learn estimators that grow step by step: they are saved between steps, and go on exactly where they were.

A forest grows by trees, boosting by rounds, linear models by epochs of stochastic gradient descent.  Trees and rounds draw their
seeds in order, so an estimator that was grown in pieces is the one that a single `fit` gives.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training.algorithm import Grown
from tensorfleet.training.policy import Timer
from tensorfleet.training.skops_file import dump_skops
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

EVERY_MINUTES = 1.0
LONG_CELLS = 5e7
"""Rows x columns x steps from where on a fit takes seconds, and is worth cutting into pieces."""


@dataclass(frozen=True)
class Growth:
    """One estimator to be grown to `total` steps; `grow` takes it from so many to so many."""

    model: Any
    total: int
    grow: Callable[[Any, int, int], None]
    piece: Callable[[int, float], int]
    """How many steps come next, from those of the last piece and the seconds that it took (0, 0: the first)."""


def in_pieces(session: Session, cells: float) -> bool:
    """Whether a fit with `warm_start` is cut: a long one, one to be saved in between, one that goes on from a checkpoint."""
    policy = session.context.policy
    asked = policy.every_steps is not None or policy.every_minutes is not None
    return asked or cells >= LONG_CELLS or session.context.checkpoint is not None


def by_warm_start(grown: Grown, model: Any, X: Any, y: Array) -> Growth:
    """An unfitted estimator with `warm_start` as a growth."""
    at_once = max(1, getattr(model, "n_jobs", None) or 1)

    def grow(estimator: Any, done: int, upto: int) -> None:
        estimator.set_params(warm_start=True, **{grown.count: upto})
        estimator.fit(X, y)
        estimator.set_params(warm_start=False)

    def piece(steps: int, seconds: float) -> int:
        if not steps:
            return at_once
        return max(at_once, min(10 * steps, int(steps * grown.piece_s / max(seconds, 1e-6))))

    return Growth(model, getattr(model, grown.count), grow, piece)


def descent(
    model: Any,
    X: Any,
    y: Array,
    classes: Array | None,
    epochs: int,
    seed: int,
    after: Callable[[Any, int], None],
) -> Growth:
    """A linear model by stochastic gradient descent; the order of the rows follows from (seed, epoch).

    Args:
        after: is called with the model after each epoch.
    """
    import numpy as np

    more = {} if classes is None else {"classes": classes}

    def grow(estimator: Any, done: int, upto: int) -> None:
        for epoch in range(done + 1, upto + 1):
            order = np.random.default_rng([seed, epoch]).permutation(len(y))
            estimator.partial_fit(X[order], y[order], **more)
            after(estimator, epoch)

    return Growth(model, epochs, grow, lambda steps, seconds: 1)


def run(session: Session, growth: Growth) -> Any:
    """Grows the estimator to the end, from the job's checkpoint if there is one, and returns it.

    Raises:
        Stopped: it was asked to stop, and has saved what it had.
    """
    policy = session.context.policy
    model, done = _restored(session, growth)
    timer = Timer(policy.every_minutes or (None if policy.every_steps else EVERY_MINUTES))
    session.listen_for_stop()
    until = session.context.until
    total = min(growth.total, until or growth.total)
    steps, seconds = 0, 0.0
    while done < total:
        upto = min(total, done + growth.piece(steps, seconds))
        if policy.every_steps:
            upto = min(upto, (done // policy.every_steps + 1) * policy.every_steps)
        began = time.perf_counter()
        growth.grow(model, done, upto)
        steps, seconds, done = upto - done, time.perf_counter() - began, upto
        session.beat(done)
        session.progress(0.1 + 0.7 * done / growth.total)
        stop = session.stop.asked and done < total
        if stop or (until is not None and done == total) or timer.due() or policy.after_step(done):
            session.save_builtin({"model": dump_skops(model), "done": done}, done)
            timer.reset()
        if stop:
            raise Stopped(done)
    if until is not None:
        session.ensure_saved(done)
    return model


def _restored(session: Session, growth: Growth) -> tuple[Any, int]:
    from tensorfleet.training.models import load_skops

    state = session.restore(rng=False)
    if state is None:
        return growth.model, 0
    done = int(state["done"])
    if done > growth.total:
        raise InvalidInput(
            f"the checkpoint is of step {done}, but the job ends at {growth.total}; ask for more"
        )
    # The parameters of this job, which may have been forked with others.
    model = load_skops(state["model"]).set_params(**growth.model.get_params(deep=False))
    print(f"resuming after step {done}", flush=True)
    return model, done
