"""What an algorithm is: a name, hyperparameters with defaults and limits, and a trainer."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

CLASSIFICATION = "classification"
REGRESSION = "regression"
CLUSTERING = "clustering"
ANOMALIES = "anomaly_detection"
REDUCTION = "dimensionality_reduction"
BOTH = (CLASSIFICATION, REGRESSION)
UNSUPERVISED = (CLUSTERING, ANOMALIES, REDUCTION)


class Params(BaseModel):
    """Hyperparameters of one algorithm.  Where one has the name that its library gives it, it also means what it does there."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


@dataclass(frozen=True)
class Algorithm:
    """One entry of the catalogue.

    Attributes:
        summary: one line for people.
        tasks: what it can do; with more than one, the target's type decides.
        trainer: `module:function` that gets (session, algorithm, params) and returns the task's outcome.
        library: which library does the work.
        distributes: whether several workers can train one model.
        accumulates: whether it can split a batch into several and add up their gradients, for the same steps with less memory.
        torch: whether its tasks are forked from the warm template that has PyTorch.
        requirements: packages that TensorFleet does not have: its tasks run in an environment of their own, which a worker
            builds when it is first needed.
        extra: of TensorFleet, which has these packages too.
        changeable: the hyperparameters that may change between two epochs, when it goes on from a checkpoint; empty for one whose
            trainer does not train by epochs, and end where `context.until` says.
    """

    name: str
    summary: str
    tasks: tuple[str, ...]
    params: type[Params]
    trainer: str
    library: str
    distributes: bool = False
    accumulates: bool = False
    torch: bool = False
    requirements: tuple[str, ...] = ()
    extra: str = ""
    changeable: tuple[str, ...] = ()

    @property
    def supervised(self) -> bool:
        return self.tasks[0] not in UNSUPERVISED

    def load(self) -> Callable[..., dict[str, Any]]:
        """The trainer; imports what it needs."""
        module, _, function = self.trainer.partition(":")
        loaded: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), function)
        return loaded


@dataclass(frozen=True)
class Grown:
    """An estimator with `warm_start` that can be fitted piece by piece, with the same result.

    Attributes:
        count: the estimator's parameter that says how many steps it has.
        piece_s: how long a piece should take, in seconds.
        apart: whether the steps do not depend on each other, so that the ranks of a job can share them.
    """

    count: str
    piece_s: float = 1.0
    apart: bool = False


@dataclass(frozen=True, kw_only=True)
class SklearnAlgorithm(Algorithm):
    """An estimator with scikit-learn's interface.

    Attributes:
        estimator: makes the unfitted one from (task, hyperparameters, seed, cpus).
        scaled: it wants numbers of mean 0 and variance 1.
        dense: it cannot take sparse columns, or would keep them in a form that is not safe to load.
        nan: it takes missing numbers as they are.
        grown: how it is fitted piece by piece, if it can be.
    """

    estimator: Callable[[str, dict[str, Any], int, int], Any]
    trainer: str = "tensorfleet.training.sklearn_trainers:train"
    library: str = "scikit-learn"
    scaled: bool = False
    dense: bool = False
    nan: bool = False
    grown: Grown | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkAlgorithm(Algorithm):
    """A network of `tensorfleet.training.networks` with the algorithm's name.

    Attributes:
        inputs: what it learns from: `columns` of a table, `pictures` or `texts`.
        shape: the hyperparameters that the network is built with, beside the sizes of inputs and outputs.
        packages: what a model needs in order to predict, beside torch and what is needed for columns.
    """

    inputs: str = "columns"
    shape: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    trainer: str = "tensorfleet.training.neural:train"
    library: str = "PyTorch"
    distributes: bool = True
    accumulates: bool = True
    torch: bool = True
