"""XGBoost's part of boosting: its parameters, its collective, its bytes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost
from xgboost import collective
from xgboost.tracker import RabitTracker

from tensorfleet.errors import InvalidInput
from tensorfleet.training.boosted_data import TRAIN
from tensorfleet.training.boosted_rounds import Loss, agree
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    from tensorfleet.training.boosted import Work
    from tensorfleet.training.boosted_data import Rows
    from tensorfleet.training.meeting import Meeting

    Array = np.ndarray[Any, Any]

ERROR = xgboost.core.XGBoostError
_NOT_THE_LIBRARYS = {"n_estimators", "early_stopping_rounds", "validation_fraction"}
_JOIN_LIMIT_S = 600


def boost(work: Work) -> bytes:
    """Grows the trees that are left; returns the booster's bytes, of the best round where training ends early."""
    rounds, data = work.rounds, work.data
    with _together(work.meeting):
        train = _matrix(work, data.train, None)
        evals = [(train, TRAIN), *((_matrix(work, rows, train), name) for name, rows in data.watched.items())]
        sizes = {TRAIN: len(data.train.y)} | {name: len(rows.y) for name, rows in data.watched.items()}
        booster = xgboost.Booster(_params(work), [matrix for matrix, _ in evals], _given(rounds.booster))
        if rounds.booster is not None and booster.num_features() != data.train.x.shape[1]:
            raise InvalidInput(
                "the checkpoint was made with other columns; the dataset's have to stay as they were"
            )
        over = False
        while not over:
            booster.update(train, rounds.done)
            over = rounds.after(
                _losses(booster, evals, rounds.done, sizes), lambda: bytes(booster.save_raw("ubj"))
            )
    return cut(bytes(booster.save_raw("ubj")), rounds.best)


def cut(booster: bytes, upto: int) -> bytes:
    """The booster's bytes with the trees of the rounds up to this one only; with all for 0."""
    if not upto:
        return booster
    whole = xgboost.Booster(model_file=_given(booster))
    return bytes(whole[:upto].save_raw("ubj"))


def opened(booster: bytes) -> xgboost.Booster:
    """A booster that predicts.

    Raises:
        InvalidInput: XGBoost does not take these bytes.
    """
    try:
        return xgboost.Booster({"verbosity": 0}, model_file=_given(booster))
    except ERROR as error:
        raise InvalidInput(
            f"the booster cannot be read by XGBoost: {str(error).strip().splitlines()[-1]}"
        ) from error


def predicted(booster: xgboost.Booster, x: Array) -> Array:
    """[rows, classes] with more than two classes, else [rows]: a number or the probability of the second class."""
    found: Array = booster.inplace_predict(x)
    return found


def _params(work: Work) -> dict[str, Any]:
    """What `XGBClassifier` and `XGBRegressor` would give the library."""
    params = {
        name: value for name, value in work.params.model_dump().items() if name not in _NOT_THE_LIBRARYS
    }
    objective: dict[str, Any] = {"objective": "reg:squarederror", "eval_metric": "rmse"}
    if work.data.classes is not None:
        objective = {"objective": "binary:logistic", "eval_metric": "logloss"}
        if len(work.data.classes) > 2:
            count = len(work.data.classes)
            objective = {"objective": "multi:softprob", "eval_metric": "mlogloss", "num_class": count}
    return (
        params
        | objective
        | {"tree_method": "hist", "seed": work.seed, "nthread": work.threads, "verbosity": 1}
    )


def _matrix(work: Work, rows: Rows, like: xgboost.QuantileDMatrix | None) -> xgboost.QuantileDMatrix:
    return xgboost.QuantileDMatrix(
        rows.x, rows.y, ref=like, max_bin=work.params.max_bin, nthread=work.threads, missing=np.nan
    )


def _losses(booster: xgboost.Booster, evals: Any, done: int, sizes: dict[str, int]) -> dict[str, Loss]:
    """Over all ranks' rows, as XGBoost itself adds them up; the squared error for numbers."""
    found = {}
    for part in booster.eval_set(evals, done).split("\t")[1:]:
        name, value = part.rsplit(":", 1)
        rows, _, metric = name.rpartition("-")
        found[rows] = Loss(float(value) ** (2 if metric == "rmse" else 1), sizes[rows])
    return found


def _given(booster: bytes | None) -> bytearray | None:
    return None if booster is None else bytearray(booster)


@contextmanager
def _together(meeting: Meeting) -> Iterator[None]:
    """Joins the ranks while the block runs; rank 0 keeps the tracker at which they find each other."""
    if meeting.world_size == 1:
        yield
        return
    tracker = None
    if meeting.rank == 0:
        tracker = RabitTracker(
            n_workers=meeting.world_size,
            host_ip=os.environ["MASTER_ADDR"],
            sortby="task",
            timeout=_JOIN_LIMIT_S,
        )
        tracker.start()
    args = agree(meeting, None if tracker is None else tracker.worker_args())[0]
    collective.init(**args, dmlc_task_id=f"{meeting.rank:06d}")
    try:
        yield
    except Stopped:  # on all ranks, after the same round
        collective.finalize()
        raise
    # After an error the others are not waited for: the task ends, and the platform ends theirs.
    collective.finalize()
    if tracker is not None:
        with contextlib.suppress(ValueError):
            tracker.wait_for(_JOIN_LIMIT_S)
