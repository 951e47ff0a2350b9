"""A trained model as an MLflow model folder in the object store, written without MLflow or pickle."""

from __future__ import annotations

import base64
import hashlib
import json
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from tensorfleet.training.algorithm import ANOMALIES, CLASSIFICATION, CLUSTERING
from tensorfleet.training.exporting import export
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
EXAMPLE_FILE = "input_example.json"
EXAMPLE_ROWS = 5
_EXAMPLE_INFO = {"artifact_path": EXAMPLE_FILE, "type": "dataframe", "pandas_orient": "split"}
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
    """What every model folder states of its model; the example is None where the job wants none."""

    task: str
    target: str | None
    classes: list[Any] | None
    inputs: list[dict[str, str]]
    outputs: list[dict[str, str]]
    example: dict[str, Any] | None


def publish_sklearn(session: Session, problem: Problem, pipeline: Any) -> dict[str, Any]:
    """Stores a fitted pipeline, which `mlflow.sklearn` and `mlflow.pyfunc` load; returns MODEL."""
    import sklearn

    session.timeline.mark("evaluated")
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
    files = {SKOPS_FILE: dump_skops(pipeline)}
    return _publish(session, "sklearn", problem, classes, flavors, files, model=pipeline)


def publish_torch(
    session: Session,
    problem: Problem,
    classes: Any,
    files: dict[str, bytes],
    packages: Sequence[str] = (),
    model: Any = None,
) -> dict[str, Any]:
    """Stores a network's files, which `tensorfleet.training.pyfunc` loads with torch and `packages`; returns MODEL.

    Args:
        model: the `NetworkModel` itself, for other formats of it.
    """
    return _publish_own(session, "torch", problem, classes, files, packages, model)


def publish_boosted(
    session: Session, problem: Problem, classes: Any, library: str, files: dict[str, bytes], model: Any = None
) -> dict[str, Any]:
    """The same for the files of a booster of `xgboost` or `lightgbm`."""
    return _publish_own(session, library, problem, classes, files, BOOSTED_PACKAGES[library], model)


def publish_ensemble(
    session: Session, problem: Problem, classes: Any, flavors: Sequence[str], files: dict[str, bytes]
) -> dict[str, Any]:
    """The same for an ensemble with members of these flavors."""
    packages = [package for name, some in BOOSTED_PACKAGES.items() if name in flavors for package in some]
    return _publish_own(session, "ensemble", problem, classes, files, packages)


def _publish_own(
    session: Session,
    flavor: str,
    problem: Problem,
    classes: Any,
    files: dict[str, bytes],
    packages: Sequence[str],
    model: Any = None,
) -> dict[str, Any]:
    session.timeline.mark("evaluated")
    flavors = {
        "python_function": {
            "loader_module": "tensorfleet.training.pyfunc",
            "predict_fn": "predict",
            "python_version": platform.python_version(),
            "env": {"virtualenv": "python_env.yaml"},
        }
    }
    return _publish(session, flavor, problem, classes, flavors, files, packages, model)


def describe(problem: Problem, classes: Any, *, example: bool = True) -> Described:
    """The model's task and signature, with the first held-out rows as its example, or of those that there are."""
    features = problem.features
    positions = problem.held_out if len(problem.held_out) else problem.train
    outputs = [{"type": _output_type(problem.task, classes)}]
    return Described(
        task=problem.task,
        target=problem.target,
        classes=None if classes is None else classes.tolist(),
        inputs=[{"type": _column_type(column), "name": column.name} for column in features.iter_columns()],
        outputs=outputs,
        example=features[positions[:EXAMPLE_ROWS]].to_dict(as_series=False) if example else None,
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
    problem: Problem,
    classes: Any,
    flavors: dict[str, Any],
    files: dict[str, bytes],
    packages: Sequence[str] = (),
    model: Any = None,
) -> dict[str, Any]:
    context = session.context
    policy = context.spec.get("model") or {}
    described = describe(problem, classes, example=policy.get("example", True))
    exported = export(session, problem, model)
    files = files | exported.files
    signature = {"inputs": described.inputs, "outputs": described.outputs}
    about = {"task": described.task, "target": described.target, "classes": described.classes}
    about |= {"formats": exported.report} if exported.report else {}
    mlmodel = {
        "flavors": flavors,
        "metadata": {"tensorfleet": {"job_id": context.job_id, "flavor": flavor, **about}},
        "mlflow_version": package_version("mlflow"),
        "model_size_bytes": sum(map(len, files.values())),
        **({} if described.example is None else {"saved_input_example_info": _EXAMPLE_INFO}),
        "signature": {**{side: json.dumps(spec) for side, spec in signature.items()}, "params": None},
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    files |= {
        "MLmodel": _json(mlmodel),  # JSON is YAML too; MLflow reads it with a YAML parser
        **_example(described.example),
        **_environment(flavor, packages),
    }
    prefix = f"models/{context.job_id}/{context.attempt}"
    stored = store_files(session, prefix, files)
    session.timeline.mark("published")
    return {
        "prefix": prefix,
        "files": stored,
        "flavor": flavor,
        "signature": signature,
        **about,
    }


def _example(columns: dict[str, Any] | None) -> dict[str, bytes]:
    if columns is None:
        return {}
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return {EXAMPLE_FILE: _json({"columns": list(columns), "data": rows})}


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


def store_files(session: Session, prefix: str, files: dict[str, bytes]) -> list[dict[str, Any]]:
    """`store_file` for all at once: what each waits for is its disk or its server."""
    with ThreadPoolExecutor(min(8, len(files))) as pool:
        return list(pool.map(lambda item: store_file(session, prefix, *item), sorted(files.items())))


def store_file(session: Session, prefix: str, path: str, data: bytes) -> dict[str, Any]:
    """Adds a file to a model folder; returns how it is listed."""
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
