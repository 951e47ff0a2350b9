"""The job file, which is also the body of `POST /jobs`, and what the API answers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from tensorfleet.errors import FieldError, SpecInvalid, nearest
from tensorfleet.jobs.model import Event, JobRecord, Priority
from tensorfleet.jobs.model_policy import ModelPolicy
from tensorfleet.jobs.waterfall import throughput
from tensorfleet.kit.clock import rfc3339
from tensorfleet.kit.requirement import check_requirement
from tensorfleet.kit.units import parse_duration_s
from tensorfleet.kit.written import AsDuration, AsSize, DurationText
from tensorfleet.secrets.model import MOST_OF_JOB, NAME, check_variable
from tensorfleet.tuning.schemas import TuneSpec, check_tuning

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._ -]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NAME_PATTERN)]
Kind = Literal["train", "tune", "predict", "pipeline"]
BUILT_KINDS = ("train", "tune")
MOST_NAMES = 1000
"""In a mapping of a job; each that is wrong would be looked at and told of."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, str_strip_whitespace=True)


class Resources(_Part):
    """What each worker of the job gets."""

    workers: int = Field(default=1, ge=1, le=4096, strict=True)
    min_workers: int | None = Field(default=None, ge=1, strict=True)
    cpus: float = Field(default=1.0, gt=0, le=1024)
    gpus: int = Field(default=0, ge=0, le=64)
    memory: Annotated[int, AsSize] = Field(
        default=0, ge=0, description="bytes, or text such as 1GiB; 0: no request"
    )

    @model_validator(mode="after")
    def _at_most_workers(self) -> Resources:
        if self.min_workers is not None and self.min_workers > self.workers:
            raise ValueError(f"min_workers is {self.min_workers}, more than workers, {self.workers}")
        return self


class CheckpointPolicy(_Part):
    """When a job saves where it stands, and which of its checkpoints it keeps."""

    every_epochs: int | None = Field(default=1, ge=1, strict=True)
    every_steps: int | None = Field(default=None, ge=1, strict=True)
    every_minutes: float | None = Field(default=None, gt=0)
    keep_last: int = Field(default=2, ge=1, le=1000, strict=True)
    keep_best: int = Field(default=1, ge=0, le=1000, strict=True)
    metric: str | None = Field(default=None, max_length=100, description="what keep_best goes by")
    mode: Literal["min", "max"] | None = None
    max_bytes: Annotated[int, AsSize] | None = Field(
        default=None,
        gt=0,
        description="bytes, or text such as 2GiB, that all of the job's checkpoints may take",
    )


def _parse_after(value: Any) -> float | None:
    return None if value in (None, "auto") else parse_duration_s(value)


class HangPolicy(_Part):
    """What counts as a hang, and what follows from one."""

    after: Annotated[
        float | None,
        BeforeValidator(
            _parse_after,
            json_schema_input_type=Annotated[float, Field(gt=0)] | DurationText | Literal["auto"] | None,
        ),
    ] = Field(default=None, gt=0, description="seconds without progress, text such as 2m, or auto")
    action: Literal["restart", "stop", "off"] = "restart"


class SplitPolicy(_Part):
    """Which rows a built-in trains on, and which are held out."""

    by: Literal["random", "stratified", "time", "group"] | None = None
    column: str | None = Field(default=None, max_length=300, description="what time and group go by")
    test: float = Field(default=0.2, gt=0, lt=1)
    validation: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> SplitPolicy:
        if self.test + self.validation >= 1:
            raise ValueError(
                f"test and validation are {self.test:g} and {self.validation:g}, which leaves no rows to train on"
            )
        if (self.by in ("time", "group")) != (self.column is not None):
            raise ValueError("by: time and by: group need a column, the others none")
        return self


class EvaluationPolicy(_Part):
    """What is measured of a built-in beside its metrics on the held-out rows."""

    folds: int | None = Field(default=None, ge=2, le=100, strict=True, description="of cross-validation")
    importance: Literal["built_in", "permutation"] = "built_in"


class ProfilePolicy(_Part):
    """Which steps of a job are profiled."""

    steps: int = Field(default=10, ge=1, le=100, strict=True)
    skip: int = Field(default=5, ge=1, le=100_000, strict=True, description="steps before them, to warm up")


def _profile(value: Any) -> Any:
    """`true` for the defaults, `false` for none."""
    if isinstance(value, bool):
        return {} if value else None
    if value is not None and not isinstance(value, dict):
        raise ValueError(
            f"{str(value)[:60]!r} is neither true nor which steps, such as {{steps: 10, skip: 5}}"
        )
    return value


def _argument(value: Any) -> str:
    """A word of a command line; a number is written out, as a shell would pass it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{str(value)[:60]!r} is not a word; write text or numbers")
    text = str(value)
    if len(text) > 10_000 or "\0" in text:
        raise ValueError("a word has at most 10,000 characters, and no NUL among them")
    return text


Argument = Annotated[str, Field(max_length=10_000)]
_DIGEST = r"^[0-9a-f]{64}$"


class Git(_Part):
    """Where the code stood in its repository when it was packed; noted, and read by nobody but people."""

    commit: str = Field(pattern=r"^[0-9a-f]{40,64}$")
    branch: str | None = Field(default=None, max_length=300)
    dirty: bool = False
    diff: str | None = Field(
        default=None, pattern=_DIGEST, description="digest of what had changed since the commit"
    )
    diff_truncated: bool = False


class Code(_Part):
    """A folder of code, packed and uploaded before the job is submitted."""

    digest: str = Field(pattern=_DIGEST)
    git: Git | None = None


def _secrets(value: Any) -> Any:
    """Variables and the secrets that they get.  No text of it is repeated: it may be a value in the wrong place."""
    if isinstance(value, list):
        value = {name: name for name in value if isinstance(name, str)} if _all_texts(value) else None
    if not isinstance(value, dict) or not _all_texts([*value, *value.values()]):
        raise ValueError(
            "are names of variables with names of secrets, such as {HF_TOKEN: hf-token}, or a list of names"
        )
    if len(value) > MOST_OF_JOB:
        raise ValueError(f"are {len(value)}; a job may have {MOST_OF_JOB}")
    for variable, secret in value.items():
        if wrong := check_variable(variable):
            raise ValueError(f"'{variable[:40]}' {wrong}")
        if not NAME.fullmatch(secret):
            raise ValueError(
                f"what {variable} has is no name of a secret; values are kept with `tensorfleet secrets set NAME`"
            )
    return value


def _all_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


class JobSpec(_Part):
    """One job, as a person writes it."""

    name: Name = Field(validation_alias=AliasChoices("name", "job_name"))
    kind: Kind = "train"
    algorithm: str | None = Field(default=None, max_length=200)
    entrypoint: str | None = Field(default=None, max_length=500)
    args: list[Annotated[str, BeforeValidator(_argument, json_schema_input_type=Argument | int | float)]] = (
        Field(default_factory=list, max_length=1000, description="what the script finds in sys.argv")
    )
    code: Code | None = None
    requirements: list[Annotated[str, BeforeValidator(check_requirement)]] = Field(
        default_factory=list, max_length=2000, description="packages that the code needs, one each"
    )
    lock: str | None = Field(
        default=None, max_length=300, description="the file that requirements were read from"
    )
    python: str | None = Field(default=None, max_length=100, description="3.11, or >=3.11,<3.13")
    dataset: str | None = Field(
        default=None, max_length=300, validation_alias=AliasChoices("dataset", "dataset_path")
    )
    target_column: str | None = Field(default=None, max_length=300)
    model_name: Name | None = None
    hyperparameters: dict[str, Any] = Field(default_factory=dict, max_length=MOST_NAMES)
    tune: TuneSpec | None = None
    resources: Resources = Field(default_factory=Resources)
    priority: Priority = Priority.NORMAL
    retries: int = Field(default=3, ge=0, le=100, strict=True)
    timeout: Annotated[float, AsDuration] | None = Field(
        default=None, gt=0, description="seconds, or text such as 1h30m"
    )
    checkpoint: CheckpointPolicy = Field(default_factory=CheckpointPolicy)
    hang: HangPolicy = Field(default_factory=HangPolicy)
    split: SplitPolicy = Field(default_factory=SplitPolicy)
    evaluation: EvaluationPolicy = Field(default_factory=EvaluationPolicy)
    model: ModelPolicy = Field(default_factory=ModelPolicy)
    profile: Annotated[
        ProfilePolicy | None, BeforeValidator(_profile, json_schema_input_type=ProfilePolicy | bool | None)
    ] = Field(default=None, description="true, or which steps")
    seed: int = Field(default=7, ge=0, le=2**32 - 1, strict=True)
    workspace: Name = "default"
    secrets: Annotated[
        dict[str, str], BeforeValidator(_secrets, json_schema_input_type=dict[str, str] | list[str])
    ] = Field(
        default_factory=dict, description="environment variables of the tasks, and the secrets that they get"
    )
    labels: dict[str, str] = Field(default_factory=dict, max_length=50)

    @model_validator(mode="after")
    def _has_something_to_run(self) -> JobSpec:
        if self.kind not in BUILT_KINDS:
            raise ValueError(f"kind: '{self.kind}' is not available in this version; use kind: train")
        check_tuning(self.kind, self.tune, self.hyperparameters)
        if (self.algorithm is None) == (self.entrypoint is None):
            raise ValueError(
                "write either algorithm (a built-in) or entrypoint (your own code), and not both"
            )
        if self.algorithm is not None and self.dataset is None:
            raise ValueError(
                "dataset: a built-in algorithm needs one; write its name, name@version, a path or a sample such as iris"
            )
        if self.entrypoint is not None and self.code is None:
            raise ValueError("code: an entrypoint needs the folder that holds it; write code: ./")
        if self.entrypoint is not None and (self.split, self.evaluation) != (
            SplitPolicy(),
            EvaluationPolicy(),
        ):
            raise ValueError(
                "split: own code splits and evaluates its data itself; split and evaluation are for built-in algorithms"
            )
        if self.entrypoint is not None and self.model != ModelPolicy():
            raise ValueError(
                "model: own code writes its files itself; formats, example and the card are for built-in algorithms"
            )
        if self.args and not (self.entrypoint or "").endswith(".py"):
            raise ValueError("args: only a script (entrypoint: train.py) takes words of a command line")
        if self.entrypoint is None and (self.requirements or self.lock or self.python):
            raise ValueError("requirements: only own code (entrypoint) has an environment of its own")
        if self.lock is not None and not self.requirements:
            raise ValueError(
                f"lock: '{self.lock}' is read by the client; over HTTP write its lines as requirements"
            )
        if self.entrypoint is not None and not _is_entrypoint(self.entrypoint):
            raise ValueError(
                f"entrypoint: '{self.entrypoint}' is neither a script in the code folder (train.py) nor package.module:function"
            )
        return self


def _is_entrypoint(text: str) -> bool:
    if text.endswith(".py"):
        return not text.startswith("/") and ".." not in text.split("/") and "\0" not in text
    return re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", text) is not None


def parse_spec(data: Any) -> JobSpec:
    """Validates a job file's content.

    Raises:
        SpecInvalid: names every wrong field by its path, with the nearest valid name for an unknown one.
    """
    if not isinstance(data, dict):
        raise SpecInvalid(
            [FieldError("", "a job is a mapping of fields to values, such as name: iris", "type")]
        )
    if len(data) > MOST_NAMES:
        raise SpecInvalid([FieldError("", f"a job does not have {len(data)} fields", "too_long")])
    try:
        return JobSpec.model_validate(data)
    except ValidationError as error:
        raise SpecInvalid(
            _field_error(data, problem) for problem in error.errors(include_url=False)
        ) from error


def _field_error(data: dict[str, Any], problem: Any) -> FieldError:
    inner = ("function-before[parse_size(), int]", "[key]")
    location = [part for part in problem["loc"] if part not in inner]
    path = ".".join(str(part) for part in location if not str(part).startswith("function-"))
    if problem["type"] == "extra_forbidden":
        return FieldError(
            path,
            f"there is no such field; {nearest(str(location[-1])[:60], _known_fields(location[:-1]))}",
            "unknown_field",
        )
    if problem["type"] == "missing":
        return FieldError(path, "is required", "required")
    if problem["type"] == "value_error":
        message = str(problem["ctx"]["error"])
        field, colon, rest = message.partition(": ")
        if not path and colon and field in JobSpec.model_fields:
            return FieldError(field, rest)
        return FieldError(path, message)
    return FieldError(path, _plain(problem), problem["type"])


def _known_fields(location: list[Any]) -> list[str]:
    model: type[BaseModel] = JobSpec
    for part in location:
        field = model.model_fields.get(str(part))
        inner = (
            [
                t
                for t in (field.annotation, *get_args(field.annotation))
                if isinstance(t, type) and issubclass(t, BaseModel)
            ]
            if field
            else []
        )
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def _plain(problem: Any) -> str:
    shown = repr(problem["input"])
    if len(shown) > 60:
        shown = f"{shown[:57]}... ({len(shown)} characters)"
    if problem["type"] == "string_pattern_mismatch":
        return f"{shown} may hold letters, digits, spaces and . _ - only, and begins with a letter or digit"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{message.replace('input should', 'should')}, but is {shown}"


def job_to_dict(job: JobRecord) -> dict[str, Any]:
    """The job as `GET /jobs/{id}` answers it."""
    result = job.result or {}
    version = job.model_version
    return {
        "job_id": job.id,
        "name": job.name,
        "workspace": job.workspace,
        "kind": job.kind,
        "status": job.status.value,
        "reason": job.reason,
        "progress": job.progress,
        "metrics": job.metrics,
        "model_name": job.model_name,
        "version": version,
        "model_id": f"{job.model_name}/{version}" if version is not None else None,
        "error": job.error,
        "attempt": job.attempt,
        "steps_lost": job.steps_lost,
        "workers": job.workers,
        "priority": list(Priority)[job.priority].value,
        "cancel_requested": job.cancel_requested,
        "created_at": rfc3339(job.created_at),
        "started_at": rfc3339(job.started_at),
        "finished_at": rfc3339(job.finished_at),
        "dataset": job.inputs.get("dataset")
        and {k: job.inputs["dataset"][k] for k in ("name", "version", "digest")},
        "evaluation": result.get("evaluation") and _in_short(result["evaluation"]),
        "formats": _formats(result.get("model")),
        "throughput": throughput(result.get("throughput")),
        "study": job.inputs.get("study"),
        "spec": job.spec,
    }


def _formats(model: Any) -> list[Any]:
    """What became of the further formats that were asked for; a task may leave anything as its result."""
    found = model.get("formats") if isinstance(model, dict) else None
    return found if isinstance(found, list) else []


def _in_short(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Without the curves, which `GET /jobs/{id}/evaluation` gives."""
    return {key: value for key, value in evaluation.items() if key != "details"}


def event_to_dict(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "job_id": event.job_id,
        "kind": event.kind,
        "at": rfc3339(event.at),
        "data": event.data,
    }
