"""MLflow behind the port `TrackingBackend`: a library on its SQL store, or a client of a tracking server."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, InterfaceError, SQLAlchemyError

from tensorfleet.adapters.mlflow_store import check_writable, mlflow_url, opening_mlflow, prepare_store
from tensorfleet.errors import Internal, InvalidInput, TensorFleetError, Unavailable
from tensorfleet.registry.model import Candidate, DatasetInput, ModelVersion, Point, Run, RunStatus

JOB_TAG = "tensorfleet.job_id"

_METRICS_PER_BATCH = 1000
_PARAMS_PER_BATCH = 100
_MOST_KEY = 250
_MOST_PARAM = 6000
_MOST_TAG = 8000
_MOST_DIGEST = 36
_MOST_SCHEMA = 1_000_000
_AWAY = (
    "TEMPORARILY_UNAVAILABLE",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "CUSTOMER_UNAUTHORIZED",
    "ENDPOINT_NOT_FOUND",
)

_Item = TypeVar("_Item")


class MlflowTracking:
    """One connection to MLflow.  Opening imports it (seconds, 200 MB) and makes its store at first start."""

    def __init__(self, url: str, artifact_root: str) -> None:
        """`artifact_root` is where MLflow itself would put files of runs: a folder URI of our object store.

        Raises:
            Unavailable: the store is away.
        """
        self._url = mlflow_url(url)
        self._artifact_root = artifact_root
        prepare_store(self._url)
        check_writable(self._url)
        with opening_mlflow(self._url), self._translated():
            from mlflow import MlflowClient

            self._client = MlflowClient(self._url, self._url)

    def ping(self) -> None:
        check_writable(self._url)
        try:
            self._client.search_experiments(max_results=1)
        except Exception as error:
            raise Unavailable(f"MLflow does not answer: {_first_line(error)}") from error

    def open_run(self, run: Run) -> str:
        with self._translated():
            experiment = self._experiment(run.experiment)
            run_id = self._find_run(run, experiment) or self._create_run(run, experiment)
            for params in _batches(
                [(clean_key(key), value) for key, value in run.params.items()], _PARAMS_PER_BATCH
            ):
                self._log_params(run_id, params)
            if run.dataset is not None:
                self._client.log_inputs(run_id, [_dataset_input(run.dataset)])
            return run_id

    def log_points(self, run_id: str, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(clean_key(point.name), point.value, point.at_ms, point.step) for point in points]
        with self._translated():
            for batch in _batches(metrics, _METRICS_PER_BATCH):
                self._client.log_batch(run_id, metrics=batch, synchronous=True)

    def set_status(self, run_id: str, status: RunStatus) -> None:
        with self._translated():
            self._client.update_run(run_id, status.value)

    def end_run(
        self, run_id: str, status: RunStatus, at: datetime, metrics: dict[str, float], tags: dict[str, str]
    ) -> None:
        from mlflow.entities import Metric, RunTag

        with self._translated():
            known = self._client.get_run(run_id).data.metrics
            new = [
                Metric(clean_key(name), value, _ms(at), 0)
                for name, value in metrics.items()
                if clean_key(name) not in known
            ]
            marks = [RunTag(key, value[:_MOST_TAG]) for key, value in tags.items()]
            for batch in _batches(new, _METRICS_PER_BATCH):
                self._client.log_batch(run_id, metrics=batch, synchronous=True)
            self._client.log_batch(run_id, tags=marks, synchronous=True)
            self._client.set_terminated(run_id, status.value, _ms(at))

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                for path, data in files.items():
                    file = Path(folder, path)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(data)
                self._client.log_artifacts(run_id, folder)
        except Exception as error:  # each kind of store has its own, down to those of botocore
            raise InvalidInput(f"MLflow's store of files does not take them: {_first_line(error)}") from error

    def register(self, candidate: Candidate) -> tuple[int, datetime]:
        from mlflow.exceptions import MlflowException

        with self._translated():
            try:
                self._client.create_registered_model(candidate.name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            wanted = [
                f"name = '{candidate.name}'",
                *(f"tags.`{key}` = '{value}'" for key, value in candidate.key.items()),
            ]
            found = self._client.search_model_versions(" and ".join(wanted), max_results=1)
            version = found[0] if found else self._client.create_model_version(
                candidate.name,
                candidate.source,
                candidate.run_id,
                tags=candidate.tags | candidate.key,
                await_creation_for=0,
            )  # fmt: skip
            return int(version.version), _instant(version.creation_timestamp)

    def set_alias(self, name: str, alias: str, version: int | None) -> None:
        with self._translated():
            if version is None:
                self._client.delete_registered_model_alias(name, alias)
            else:
                self._client.set_registered_model_alias(name, alias, str(version))

    def versions(self) -> Iterator[ModelVersion]:
        with self._translated():
            aliases = {
                model.name: model.aliases for model in self._pages(self._client.search_registered_models)
            }
            for found in self._pages(self._client.search_model_versions):
                yield _model_version(found, aliases.get(found.name, {}))

    def _pages(self, search: Any) -> Iterator[Any]:
        token = None
        while True:
            page = search(max_results=500, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _experiment(self, name: str) -> str:
        """Its id; made when it is missing, brought back when it was deleted: new work arrives for it."""
        known = self._client.get_experiment_by_name(name)
        if known is None:
            location = None if self._url.startswith("http") else f"{self._artifact_root}/{clean_key(name)}"
            return str(self._client.create_experiment(name, artifact_location=location))
        if known.lifecycle_stage != "active":
            self._client.restore_experiment(known.experiment_id)
        return str(known.experiment_id)

    def _find_run(self, run: Run, experiment: str) -> str | None:
        from mlflow.exceptions import MlflowException

        if run.run_id is not None:
            try:
                return str(self._client.get_run(run.run_id).info.run_id)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
        found = self._client.search_runs([experiment], f"tags.`{JOB_TAG}` = '{run.job_id}'", max_results=1)
        return str(found[0].info.run_id) if found else None

    def _create_run(self, run: Run, experiment: str) -> str:
        tags = {clean_key(key): value[:_MOST_TAG] for key, value in run.tags.items()} | {JOB_TAG: run.job_id}
        made = self._client.create_run(experiment, _ms(run.started_at), tags, run.name[:_MOST_KEY])
        return str(made.info.run_id)

    def _log_params(self, run_id: str, params: Sequence[tuple[str, str]]) -> None:
        from mlflow.entities import Param

        self._client.log_batch(
            run_id, params=[Param(key, value[:_MOST_PARAM]) for key, value in params], synchronous=True
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            raise self._ours(error) from error
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(f"MLflow's store does not answer: {_first_line(error)}") from error

    def _ours(self, error: Any) -> TensorFleetError:
        message = _first_line(error)
        if error.error_code in _AWAY or _is_broken_store(error.__cause__):
            return Unavailable(f"MLflow does not answer: {message}")
        if error.error_code != "INTERNAL_ERROR":
            return InvalidInput(f"MLflow refused it: {message}")
        try:
            self.ping()
        except Unavailable as away:
            return away
        return Internal(f"MLflow failed: {message}")


def clean_key(name: str) -> str:
    """A metric, parameter or tag name as MLflow takes it: no other characters, no path that means another."""
    plain = re.sub(r"[^/\w.\- :]", "_", name)
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    return "/".join(parts)[:_MOST_KEY].rstrip("/") or "_"


def _is_broken_store(cause: BaseException | None) -> bool:
    # MLflow calls every SQL error a bad request: only those are the item's fault that speak of its values.
    return isinstance(cause, (DatabaseError, InterfaceError)) and not isinstance(
        cause, (IntegrityError, DataError)
    )


def _dataset_input(dataset: DatasetInput) -> Any:
    from mlflow.entities import Dataset, InputTag
    from mlflow.entities import DatasetInput as MlflowInput

    columns = [
        {"type": _COLUMN_TYPES.get(str(c.get("type")), "string"), "name": c.get("name"), "required": True}
        for c in dataset.columns
    ]
    schema = json.dumps({"mlflow_colspec": columns})
    source = {**dataset.source, "name": dataset.name, "version": dataset.version, "digest": dataset.digest}
    profile = {"num_rows": dataset.rows} if dataset.rows is not None else {}
    return MlflowInput(
        Dataset(
            name=f"{dataset.name}@{dataset.version}",
            digest=dataset.digest[:_MOST_DIGEST],
            source_type="tensorfleet",
            source=json.dumps(source),
            schema=schema if columns and len(schema) <= _MOST_SCHEMA else None,
            profile=json.dumps(profile),
        ),
        [InputTag("mlflow.data.context", "training")],
    )


_COLUMN_TYPES = {"number": "double", "integer": "long", "boolean": "boolean", "date": "datetime"}


def _model_version(found: Any, aliases: Mapping[str, Any]) -> ModelVersion:
    number = int(found.version)
    tags = dict(found.tags or {})
    return ModelVersion(
        name=found.name,
        version=number,
        workspace=tags.get("tensorfleet.workspace", "default"),
        job_id=tags.get(JOB_TAG),
        run_id=found.run_id or None,
        source=found.source or "",
        created_at=_instant(found.creation_timestamp),
        aliases=tuple(sorted(alias for alias, version in aliases.items() if int(version) == number)),
        tags=tags,
    )


def _batches(items: Sequence[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
