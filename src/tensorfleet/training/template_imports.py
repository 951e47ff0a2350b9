"""What the warm templates have imported when they fork a task, and which of them a task is forked from."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tensorfleet.adapters.leased import LENT
from tensorfleet.training import lazy_dynamo
from tensorfleet.training.registry import ALGORITHMS

MODULES = (
    "joblib",
    "narwhals._interchange.dataframe",
    "narwhals._namespace",
    "narwhals._polars.dataframe",
    "narwhals._polars.namespace",
    "narwhals.stable.v2._namespace",
    "numpy",
    "obstore.store",
    "polars",
    "safetensors.numpy",
    "scipy.sparse.csgraph",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.feature_extraction.text",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.neighbors",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "skops.io",
    "threadpoolctl",
    "tensorfleet.adapters.objectstore",
    "tensorfleet.objects.blobs",
    "tensorfleet.training.models",
    "tensorfleet.training.run",
    "tensorfleet.training.shard",
    "tensorfleet.training.sklearn_trainers",
    "tensorfleet.training.train",
)
TORCH_MODULES = (
    "torch",
    "safetensors.torch",
    "torch.distributed",
    "torch.nn.parallel",
    "tensorfleet.training.neural",
)
KEPT_OUT = ("pandas", "pyarrow", "pytest")
"""Libraries that the others import when they are there; without them the template is a fifth smaller."""


def needs_torch(spec: Mapping[str, Any]) -> bool:
    """Whether a job's task is forked from the template that has torch; own code is, as most of what people bring uses it."""
    algorithm = ALGORITHMS.get(spec.get("algorithm") or "")
    return algorithm.torch if algorithm else not spec.get("algorithm")


def warm_imports() -> None:
    """Imports everything that a task may need, and computes nothing.

    A numeric operation here would start threads of libgomp or polars, which a forked child waits for forever.
    """
    warm_base()
    warm_torch()


def warm_base() -> None:
    """All but torch; `LENT` says that tasks will read objects over HTTP."""
    # skops walks through all of scikit-learn, and there torch would be imported wherever it is installed.
    lent = ("tensorfleet.adapters.signed_http",) if os.environ.get(LENT) else ()
    with without((*KEPT_OUT, "torch")):
        for name in (*MODULES, *lent):
            importlib.import_module(name)
    _fill_caches()


def warm_environment() -> None:
    """What a task in an environment of its own may need; the packages of that environment may break some of it."""
    built_in = _trainers_of(Path(sys.prefix))
    with without((*KEPT_OUT, "torch") if built_in else KEPT_OUT):
        for name in (*MODULES, *(built_in or TORCH_MODULES)):
            with suppress(Exception):
                importlib.import_module(name)
    with suppress(Exception):
        _fill_caches()


def _trainers_of(prefix: Path) -> list[str]:
    """The modules of the built-in algorithms that this environment was made for; of none for own code."""
    try:
        lines = (prefix / "requirements.txt").read_text().splitlines()
    except OSError:
        return []
    found = {one.trainer.partition(":")[0] for one in ALGORITHMS.values() if list(one.requirements) == lines}
    return sorted(found)


def warm_torch() -> None:
    """Adds torch, where it is installed; it is an extra."""
    with without(KEPT_OUT):
        try:
            arm = lazy_dynamo.install()
        except ModuleNotFoundError:
            return
        for name in TORCH_MODULES:
            importlib.import_module(name)
        arm()


@contextmanager
def without(names: Collection[str]) -> Iterator[None]:
    """Within it, these libraries are not to be found, unless they are loaded already."""
    finder = _NotThere(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _NotThere(importlib.abc.MetaPathFinder):
    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"No module named '{fullname}'", name=fullname)
        return None


def _fill_caches() -> None:
    """Reads the metadata of installed packages once; it would take each task tens of milliseconds."""
    from narwhals.dependencies import is_into_dataframe

    from tensorfleet.training import provenance
    from tensorfleet.training.artifacts import PACKAGES, package_version

    provenance.environment()
    provenance.machine()
    is_into_dataframe(None)
    for package in PACKAGES:
        package_version(package)
