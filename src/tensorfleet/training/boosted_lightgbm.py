"""LightGBM's part of boosting: its parameters, its sockets, its text."""

from __future__ import annotations

import os
import random
import socket
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.kit.addresses import stays_here
from tensorfleet.training.boosted_data import TRAIN
from tensorfleet.training.boosted_rounds import Loss, Rounds, agree
from tensorfleet.training.boosted_through import through
from tensorfleet.training.lightgbm_text import essential

if TYPE_CHECKING:
    from tensorfleet.training.boosted import Work
    from tensorfleet.training.boosted_data import Rows
    from tensorfleet.training.meeting import Meeting

    Array = np.ndarray[Any, Any]

ERROR = lightgbm.basic.LightGBMError
_NOT_THE_LIBRARYS = {"n_estimators", "early_stopping_rounds", "validation_fraction"}
_NAMES = {
    "subsample": "bagging_fraction",
    "colsample_bytree": "feature_fraction",
    "reg_alpha": "lambda_l1",
    "reg_lambda": "lambda_l2",
    "min_child_samples": "min_data_in_leaf",
    "min_child_weight": "min_sum_hessian_in_leaf",
    "min_split_gain": "min_gain_to_split",
}
_JOIN_LIMIT_MINUTES = 10
_PORTS = range(15_000, 32_768)
"""Below those that Linux hands out by itself."""
_TRIES = 200


class _Quiet:
    """Drops what LightGBM says of its progress and of its sockets."""

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...


def boost(work: Work) -> bytes:
    """Grows the trees that are left; returns the model's text, of the best round where training ends early."""
    lightgbm.register_logger(_Quiet())
    params = _params(work) | _parallel(work.meeting)
    if work.meeting.world_size > 1 and stays_here(f"{os.environ['MASTER_ADDR']}:0"):
        return through(work.meeting, lambda: _grow(work, params))
    return _grow(work, params | _sockets(work.meeting))


def _grow(work: Work, params: dict[str, Any]) -> bytes:
    rounds, data = work.rounds, work.data
    train = _dataset(data.train, None, params)
    watched = {name: _dataset(rows, train, params) for name, rows in data.watched.items()}
    sizes = {TRAIN: len(data.train.y)} | {name: len(rows.y) for name, rows in data.watched.items()}
    start = None if rounds.booster is None else opened(rounds.booster)
    if start is not None and start.num_feature() != data.train.x.shape[1]:
        raise InvalidInput(
            "the checkpoint was made with other columns; the dataset's have to stay as they were"
        )
    booster = lightgbm.train(
        params,
        train,
        rounds.total - rounds.done,
        valid_sets=[train, *watched.values()],
        valid_names=[TRAIN, *watched],
        init_model=start,
        callbacks=[_Between(rounds, sizes)],
        keep_training_booster=True,
    )
    if "machines" in params:
        booster.free_network()
    return _text(booster, rounds.best)


def cut(booster: bytes, upto: int) -> bytes:
    """The model's text with the trees of the rounds up to this one only; with all for 0."""
    return _text(opened(booster), upto) if upto else booster


def opened(booster: bytes) -> lightgbm.Booster:
    """A booster that predicts.

    Raises:
        InvalidInput: LightGBM does not take this text.
    """
    try:
        return lightgbm.Booster(model_str=booster.decode())
    except (ERROR, UnicodeDecodeError) as error:
        raise InvalidInput(f"the booster cannot be read by LightGBM: {error}") from error


def predicted(booster: lightgbm.Booster, x: Array) -> Array:
    """[rows, classes] with more than two classes, else [rows]: a number or the probability of the second class."""
    found: Array = np.asarray(booster.predict(x))
    return found


class _Between:
    """LightGBM's callback after each round."""

    def __init__(self, rounds: Rounds, sizes: dict[str, int]) -> None:
        self._rounds, self._sizes = rounds, sizes
        self.order = 0

    def __call__(self, env: lightgbm.callback.CallbackEnv) -> None:
        # On several ranks LightGBM measures each on its own rows.
        losses = {
            name: Loss(float(value), self._sizes[name])
            for name, _, value, *_ in env.evaluation_result_list or ()
        }
        if self._rounds.after(losses, lambda: _text(env.model)):
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)


def _params(work: Work) -> dict[str, Any]:
    """What `LGBMClassifier` and `LGBMRegressor` would give the library."""
    given = work.params.model_dump()
    params = {_NAMES.get(name, name): value for name, value in given.items() if name not in _NOT_THE_LIBRARYS}
    if work.params.subsample < 1:
        params["bagging_freq"] = 1
    objective: dict[str, Any] = {"objective": "regression", "metric": "l2"}
    if work.data.classes is not None:
        objective = {"objective": "binary", "metric": "binary_logloss"}
        if len(work.data.classes) > 2:
            objective = {
                "objective": "multiclass",
                "metric": "multi_logloss",
                "num_class": len(work.data.classes),
            }
    return params | objective | {
        "seed": work.seed % 2**31, "num_threads": work.threads, "verbosity": -1, "deterministic": True, "force_col_wise": True,
    }  # fmt: skip


def _dataset(rows: Rows, like: lightgbm.Dataset | None, params: dict[str, Any]) -> lightgbm.Dataset:
    return lightgbm.Dataset(rows.x, rows.y, reference=like, params=params)


def _text(booster: lightgbm.Booster, upto: int = 0) -> bytes:
    return essential(booster.model_to_string(num_iteration=upto or -1)).encode()


def _parallel(meeting: Meeting) -> dict[str, Any]:
    if meeting.world_size == 1:
        return {}
    return {"tree_learner": "data", "pre_partition": True, "num_machines": meeting.world_size}


def _sockets(meeting: Meeting) -> dict[str, Any]:
    """Where each rank listens, for ranks on several machines: LightGBM's own sockets, on all interfaces while the ranks join."""
    if meeting.world_size == 1:
        return {}
    # Kept until all have said theirs, so that no two ranks of a machine choose the same; LightGBM binds it a moment later.
    with kept_port(random.SystemRandom()) as kept:
        port = kept.getsockname()[1]
        machines = agree(meeting, f"{_own_address()}:{port}")
    return {
        "machines": ",".join(machines),
        "local_listen_port": port,
        "time_out": _JOIN_LIMIT_MINUTES,
    }


def kept_port(chance: random.Random) -> socket.socket:
    """A socket bound to a port that the system gives to nobody by itself, so that it is still free a moment after this closes."""
    for _ in range(_TRIES):
        kept = socket.socket()
        try:
            kept.bind(("", chance.choice(_PORTS)))
        except OSError:
            kept.close()
            continue
        return kept
    raise Unavailable(f"this machine has no free port between {_PORTS.start} and {_PORTS.stop - 1}")


def _own_address() -> str:
    """This machine's address on the way to rank 0's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((os.environ["MASTER_ADDR"], 9))
        return str(probe.getsockname()[0])
