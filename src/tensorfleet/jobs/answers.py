"""What the API answers about jobs, for its OpenAPI document: the dicts that `schemas.job_to_dict` and others make."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.jobs.model import FailureClass, JobStatus, Priority
from tensorfleet.kit.answers import Instant

Number = float | None
Rank = Annotated[int, Field(ge=0)]


_Class = TypedDict("_Class", {"class": FailureClass})


class JobError(_Class):
    """Why a job failed, with its class: whose fault it was."""

    message: str
    traceback: NotRequired[str]
    evidence: NotRequired[dict[str, Any]]


class UsedDataset(TypedDict):
    """The version that the job's dataset stood for when it was submitted."""

    name: str
    version: int
    digest: str


JOB_EXAMPLE: dict[str, Any] = {
    "job_id": "j-1m7y1egzxd1dnwfn", "name": "iris", "workspace": "default", "kind": "train", "status": "completed",
    "reason": None, "progress": 1.0, "metrics": {"accuracy": 0.9667}, "model_name": "iris", "version": 1,
    "model_id": "iris/1", "error": None, "attempt": 1, "steps_lost": 0, "workers": 1, "priority": "normal",
    "cancel_requested": False, "created_at": "2026-11-21T03:12:25.597366Z", "started_at": "2026-11-21T03:12:25.641120Z",
    "finished_at": "2026-11-21T03:12:26.102338Z", "dataset": {"name": "iris", "version": 1, "digest": "0" * 64},
    "evaluation": {"task": "classification"}, "formats": [], "throughput": None, "study": None,
    "spec": {"name": "iris", "algorithm": "random_forest", "dataset": "iris", "model_name": "iris"},
}  # fmt: skip


class JobRead(TypedDict):
    """A job."""

    job_id: str
    name: str
    workspace: str
    kind: str
    status: JobStatus
    reason: Annotated[str | None, Field(description="why it is as it is, in one sentence")]
    progress: Annotated[float, Field(ge=0, le=1)]
    metrics: dict[str, Number]
    model_name: str | None
    version: Annotated[int | None, Field(description="of the model, once it is registered")]
    model_id: str | None
    error: JobError | None
    attempt: int
    steps_lost: int
    workers: int
    priority: Priority
    cancel_requested: bool
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    dataset: UsedDataset | None
    evaluation: Annotated[
        dict[str, Any] | None, Field(description="without its curves: GET /jobs/{job_id}/evaluation")
    ]
    formats: Annotated[
        list[dict[str, Any]], Field(description="what became of each further format of the model")
    ]
    throughput: dict[str, float] | None
    study: Annotated[dict[str, Any] | None, Field(description="of a trial: {id, trial}")]
    spec: Annotated[dict[str, Any], Field(description="the job file, with its defaults")]


class WrongField(TypedDict):
    """One field that is wrong, by its path."""

    field: str
    message: str
    code: str


class OneOfMany(TypedDict):
    """What became of one of many: the job, or why it was refused."""

    status: Annotated[int, Field(description="as a call for this one alone would have answered")]
    job_id: NotRequired[str]
    job: NotRequired[JobRead]
    code: NotRequired[str]
    detail: NotRequired[str]
    errors: NotRequired[list[WrongField]]


class Counts(TypedDict):
    counts: Annotated[dict[JobStatus, int], Field(description="of each status")]
    total: int


class Batch(TypedDict):
    """An answer for each job of a batch, in its order."""

    items: list[OneOfMany]


class LastHang(TypedDict):
    attempt: int | None
    message: str | None
    culprits: list[Any] | None
    line: str | None


class Why(TypedDict):
    """Why a job is where it is."""

    job_id: str
    status: JobStatus
    code: str
    reason: str
    evidence: dict[str, Any]
    suggestion: str | None
    change: Annotated[
        dict[str, Any] | None, Field(description="the smallest change with which it would start")
    ]
    expected_start: Instant | None
    expected_start_unknown: Annotated[str | None, Field(description="why nobody can say")]
    last_hang: NotRequired[LastHang]


class Plan(TypedDict):
    """What would happen to a job if it were submitted now."""

    starts_now: bool
    code: str
    reason: str
    evidence: dict[str, Any]
    suggestion: str | None
    change: dict[str, Any] | None
    expected_start: Instant | None
    expected_start_unknown: str | None


class LogPiece(TypedDict):
    """A piece of a task's output; lines may begin in one and end in the next."""

    id: int
    at: Instant
    rank: Rank
    attempt: int
    text: str


class EventRead(TypedDict):
    """An entry of the event log."""

    id: int
    job_id: str | None
    kind: str
    at: Instant
    data: dict[str, Any]


class TaskRead(TypedDict):
    """One rank of one attempt."""

    rank: Rank
    attempt: int
    worker_id: str
    lease: int
    status: str
    failure: dict[str, Any] | None
    started_at: Instant | None
    finished_at: Instant | None


class Evaluation(TypedDict):
    job_id: str
    metrics: dict[str, Number]
    evaluation: dict[str, Any]


class Candidate(TypedDict):
    """A model that `algorithm: auto` has tried."""

    number: int
    score: Number
    metric: str


class Checkpoint(TypedDict):
    at: Instant
    attempt: int
    rank: Rank
    step: int
    key: str
    sha256: str
    bytes: int


class FileDigest(TypedDict):
    path: str
    sha256: str


class KeptFile(FileDigest):
    """A file that a job's own code wrote where it ran."""

    bytes: int
    attempt: int


class ProvenanceRead(TypedDict):
    """What a job was made of."""

    job_id: str
    status: JobStatus
    attempt: int
    digest: Annotated[str | None, Field(description="SHA-256 of the document; null where the job never ran")]
    document: dict[str, Any]
    metrics: dict[str, Number]
    files: list[FileDigest]
    replay_of: str | None


class ComparedFile(TypedDict):
    path: str
    equal: bool


class Compared(TypedDict):
    a: Number
    b: Number
    change: Number


class Differences(TypedDict):
    """What is different in two jobs."""

    a: str
    b: str
    changed: list[dict[str, Any]]
    metrics: dict[str, Compared]
    files: list[ComparedFile]
    bit_equal: bool | None


class Stage(TypedDict):
    name: str
    start_s: float
    seconds: float


class RankTimes(TypedDict):
    rank: Rank
    worker_id: str
    status: str
    seconds: float
    clock_shift_s: float
    stages: list[Stage]
    steps_per_second: Number
    rows_per_second: Number


class AttemptTimes(TypedDict):
    attempt: int
    outcome: str
    since: Instant
    seconds: float
    queued_s: float
    ranks: list[RankTimes]
    steps_per_second: Number
    rows_per_second: Number


class Waterfall(TypedDict):
    """A job's way from submission to its end."""

    job_id: str
    status: JobStatus
    submitted_at: Instant
    attempts: list[AttemptTimes]


class PhaseTime(TypedDict):
    name: str
    ms: float
    share: float


class RankProfile(TypedDict):
    rank: Rank
    steps: int
    ms: float
    phases: list[PhaseTime]
    operators: list[dict[str, Any]]
    trace: dict[str, Any] | None
    note: str | None


class Profile(TypedDict):
    """Where the time of a step went."""

    job_id: str
    attempt: int
    unit: Literal["step", "job"]
    sentence: str
    ms: Number
    phases: list[PhaseTime]
    ranks: list[RankProfile]


class Plot(TypedDict):
    name: str
    url: str
