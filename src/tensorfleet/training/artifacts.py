"""A trained model as an MLflow model folder in the object store, written without MLflow or pickle."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from tensorfleet.training.algorithm import ANOMALIES, CLASSIFICATION, CLUSTERING
from tensorfleet.training.skops_file import dump_skops

if TYPE_CHECKING:
    import polars as pl

    from tensorfleet.training.data import Problem
    from tensorfleet.training.session import Session

TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "tensorfleet.training.estimators.Components",
    "tensorfleet.training.estimators.DensityClusters",
    "tensorfleet.training.preprocessing.AsText",
    "tensorfleet.training.pictures.Pictures",
    "tensorfleet.training.preprocessing.DateParts",
    "tensorfleet.training.texts.Tokens",
)
"""What our models hold beyond the types of scikit-learn, numpy and scipy that skops trusts on its own."""

SKOPS_FILE = "model.skops"
EXAMPLE_ROWS = 5
TORCH_PACKAGES = ("torch", "safetensors")
BOOSTED_PACKAGES = {"xgboost": ("xgboost", "xgboost-cpu"), "lightgbm": ("lightgbm",)}
"""By flavor; of those with two names one is installed."""
PACKAGES = (
    "mlflow",
    "numpy",
    "polars",
    "pyyaml",
    "scikit-learn",
    "scipy",
    "skops",
    "tensorfleet",
    *TORCH_PACKAGES,
)


@dataclass(frozen=True)
class Described:
    """What every model folder states of its model."""

    task: str
    target: str | None
    classes: list[Any] | None
    inputs: list[dict[str, str]]
    outputs: list[dict[str, str]]
    example: dict[str, Any]


def publish_sklearn(session: Session, problem: Problem, pipeline: Any) -> dict[str, Any]:
    """Stores a fitted pipeline, which `mlflow.sklearn` and `mlflow.pyfunc` load; returns MODEL."""
    import sklearn

    classes = pipeline.classes_ if problem.task == CLASSIFICATION else None
    flavors = {
        "python_function": {
            "loader_module": "mlflow.sklearn",
            "model_path": SKOPS_FILE,
            "predict_fn": "predict",
            "python_version": platform.python_version(),
            "env": {"virtualenv": "python_env.yaml"},
        },
        "sklearn": {
            "pickled_model": SKOPS_FILE,
            "serialization_format": "skops",
            "skops_trusted_types": list(TRUSTED_TYPES),
            "sklearn_version": sklearn.__version__,
        },
    }
    return _publish(
        session, "sklearn", describe(problem, classes), flavors, {SKOPS_FILE: dump_skops(pipeline)}
    )


def publish_torch(
    session: Session, problem: Problem, classes: Any, files: dict[str, bytes], packages: Sequence[str] = ()
) -> dict[str, Any]:
    """Stores a network's files, which `tensorfleet.training.pyfunc` loads with torch and `packages`; returns MODEL."""
    return _publish_own(session, "torch", problem, classes, files, packages)


def publish_boosted(
    session: Session, problem: Problem, classes: Any, library: str, files: dict[str, bytes]
) -> dict[str, Any]:
    """The same for the files of a booster of `xgboost` or `lightgbm`."""
    return _publish_own(session, library, problem, classes, files, BOOSTED_PACKAGES[library])


def _publish_own(
    session: Session,
    flavor: str,
    problem: Problem,
    classes: Any,
    files: dict[str, bytes],
    packages: Sequence[str],
) -> dict[str, Any]:
    flavors = {
        "python_function": {
            "loader_module": "tensorfleet.training.pyfunc",
            "predict_fn": "predict",
            "python_version": platform.python_version(),
            "env": {"virtualenv": "python_env.yaml"},
        }
    }
    return _publish(session, flavor, describe(problem, classes), flavors, files, packages)


def describe(problem: Problem, classes: Any) -> Described:
    """The model's task and signature, with the first training rows as its example."""
    features = problem.features
    outputs = [{"type": _output_type(problem.task, classes)}]
    return Described(
        task=problem.task,
        target=problem.target,
        classes=None if classes is None else classes.tolist(),
        inputs=[{"type": _column_type(column), "name": column.name} for column in features.iter_columns()],
        outputs=outputs,
        example=features[problem.train[:EXAMPLE_ROWS]].to_dict(as_series=False),
    )


def _column_type(column: pl.Series) -> str:
    import polars as pl

    if column.dtype.is_numeric():
        return "double"  # takes whole numbers too, and missing ones
    if column.dtype == pl.Binary:
        return "binary"
    if column.dtype == pl.Boolean:
        return "boolean" if column.null_count() == 0 else "double"
    return "datetime" if column.dtype in (pl.Date, pl.Datetime) else "string"


def _output_type(task: str, classes: Any) -> str:
    if classes is not None:
        return _label_type(classes)
    return "long" if task in (CLUSTERING, ANOMALIES) else "double"


def _label_type(classes: Any) -> str:
    return {"b": "boolean", "i": "long"}.get(classes.dtype.kind, "string")


def _publish(
    session: Session,
    flavor: str,
    described: Described,
    flavors: dict[str, Any],
    files: dict[str, bytes],
    packages: Sequence[str] = (),
) -> dict[str, Any]:
    context = session.context
    signature = {"inputs": described.inputs, "outputs": described.outputs}
    about = {"task": described.task, "target": described.target, "classes": described.classes}
    mlmodel = {
        "flavors": flavors,
        "metadata": {"tensorfleet": {"job_id": context.job_id, "flavor": flavor, **about}},
        "mlflow_version": package_version("mlflow"),
        "model_size_bytes": sum(map(len, files.values())),
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
        },
        "signature": {**{side: json.dumps(spec) for side, spec in signature.items()}, "params": None},
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    columns = list(described.example)
    rows = [list(row) for row in zip(*described.example.values(), strict=True)]
    files = files | {
        "MLmodel": _json(mlmodel),  # JSON is YAML too; MLflow reads it with a YAML parser
        "input_example.json": _json({"columns": columns, "data": rows}),
        **_environment(flavor, packages),
    }
    prefix = f"models/{context.job_id}/{context.attempt}"
    return {
        "prefix": prefix,
        "files": [_store(session, prefix, path, data) for path, data in sorted(files.items())],
        "flavor": flavor,
        "signature": signature,
        **about,
    }


def _environment(flavor: str, packages: Sequence[str]) -> dict[str, bytes]:
    """The files that say what has to be installed for a model."""
    needed = (
        PACKAGES if flavor == "torch" else [package for package in PACKAGES if package not in TORCH_PACKAGES]
    )
    requirements = [
        f"{package}=={number}" for package in (*needed, *packages) if (number := package_version(package))
    ]
    environment = {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": ["-r requirements.txt"],
    }
    return {
        "python_env.yaml": _json(environment),
        "requirements.txt": ("\n".join(requirements) + "\n").encode(),
    }


def _store(session: Session, prefix: str, path: str, data: bytes) -> dict[str, Any]:
    session.objects.put(f"{prefix}/{path}", data)
    return {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _json(value: Any) -> bytes:
    return json.dumps(value, default=_as_text).encode()


def _as_text(value: Any) -> str:
    """Bytes in base64, as MLflow writes and reads them."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


@cache
def package_version(package: str) -> str | None:
    """The installed version, None when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
