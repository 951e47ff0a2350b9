"""What the warm template has imported when it forks a task."""

from __future__ import annotations

import importlib
import sys

from tensorfleet.training import lazy_dynamo

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
    "safetensors.torch",
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
    "torch",
    "torch.distributed",
    "torch.nn.parallel",
    "tensorfleet.adapters.objectstore",
    "tensorfleet.objects.blobs",
    "tensorfleet.training.mlp",
    "tensorfleet.training.models",
    "tensorfleet.training.run",
    "tensorfleet.training.shard",
    "tensorfleet.training.sklearn_trainers",
    "tensorfleet.training.train",
)
KEPT_OUT = ("pandas", "pyarrow", "pytest")
"""Libraries that the others import when they are there; without them the template is a fifth smaller."""


def warm_imports() -> None:
    """Imports everything that a task may need, and computes nothing.

    A numeric operation here would start threads of libgomp or polars, which a forked child waits for forever.
    """
    hidden = [name for name in KEPT_OUT if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        arm = lazy_dynamo.install()
        for name in MODULES:
            importlib.import_module(name)
        arm()
    finally:
        for name in hidden:
            del sys.modules[name]
    _fill_caches()


def _fill_caches() -> None:
    """Reads the metadata of installed packages once; it would take each task tens of milliseconds."""
    from narwhals.dependencies import is_into_dataframe

    from tensorfleet.training.artifacts import PACKAGES, package_version

    is_into_dataframe(None)
    for package in PACKAGES:
        package_version(package)
