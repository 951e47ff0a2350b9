"""Cross-validation of scikit-learn's algorithms: every fold is a fit of its own, and ranks share the folds."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tensorfleet.training import evaluation, splitting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tensorfleet.training.data import Problem
    from tensorfleet.training.meeting import Meeting
    from tensorfleet.training.session import Session


def cross_validate(
    session: Session,
    problem: Problem,
    folds: int,
    fit: Callable[[Problem], Any],
    meeting: Meeting | None,
) -> dict[str, Any] | None:
    """Each metric's mean and standard deviation over folds of the training rows; None on other ranks than 0.

    Held-out rows are in no fold.  The result does not depend on the number of ranks.

    Args:
        fit: gives a pipeline fitted on the `train` rows of a problem.
    """
    found = splitting.fold_rows(
        problem.train, problem.y, problem.key, problem.split["by"], folds, session.context.seed
    )
    rank, ranks = session.context.rank, session.context.world_size
    mine: dict[int, dict[str, float]] = {}
    for number in range(rank, folds, ranks):
        train, test = found[number]
        inner = replace(problem, train=train, held_out=test)
        mine[number] = evaluation.metrics_of(inner, fit(inner))
        session.beat()
    everyone = meeting.gather(json.dumps(mine).encode()) if meeting else [json.dumps(mine).encode()]
    if everyone is None:
        return None
    by_fold = {int(number): one for data in everyone for number, one in json.loads(data).items()}
    values = [by_fold[number] for number in range(folds)]
    # A metric may be missing in a fold: the log loss where a class is in the tested rows only.
    names = [name for name in values[0] if all(name in one for one in values)]
    return {"folds": folds, "metrics": {name: _summary([one[name] for one in values]) for name in names}}


def _summary(values: list[float]) -> dict[str, Any]:
    return {"mean": statistics.fmean(values), "std": statistics.pstdev(values), "values": values}
