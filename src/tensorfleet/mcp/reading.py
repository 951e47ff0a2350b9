"""Tools that read jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.errors import TensorFleetError
from tensorfleet.mcp.shapes import (
    MOST_LOG,
    MOST_METRICS,
    JobDetails,
    JobLine,
    JobList,
    Log,
    Number,
    Planned,
    courses_of,
    job_details,
    job_line,
    log_of,
    numbers,
    planned,
)
from tensorfleet.mcp.trimming import brief, short
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.jobs import Job

Ref = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="a job's id, the beginning of one, or its name (the latest job of it)",
    ),
]
Spec = Annotated[dict[str, Any], Field(description="the job file as an object, such as {'name': 'wine', 'algorithm': "
    "'random_forest', 'dataset': 'wine', 'model_name': 'wine', 'hyperparameters': {...}, 'resources': {'workers': 1, 'cpus': 1, "
    "'gpus': 0, 'memory': '1GiB'}}; the resource tensorfleet://job-file has the schema")]  # fmt: skip
Status = Literal["queued", "running", "paused", "completed", "failed", "cancelled"]
MOST_POINTS_ASKED = 10_000
MOST_DIFFERENCES = 30
LOOK_S = 1.0


class Difference(TypedDict):
    """A field of the job file, with its value in each of the jobs, in their order."""

    field: str
    values: list[Any]


class Comparison(TypedDict):
    jobs: list[JobLine]
    differences: Annotated[
        list[Difference], Field(description="fields of the job files that are not the same in all")
    ]
    metrics: Annotated[
        dict[str, list[Number]], Field(description="the final values, in the order of the jobs")
    ]


class Reading:
    """Each method is a tool; its docstring is what the agent is told of it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._workspace = client.transport.address.workspace

    def list_jobs(
        self,
        status: Status | None = None,
        name: Annotated[str | None, Field(max_length=100, description="exactly this name")] = None,
        kind: Literal["train", "tune"] | None = None,
        study: Annotated[
            str | None, Field(max_length=100, description="only the trials of this study")
        ] = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 20,
    ) -> JobList:
        """Lists jobs, the newest first, with status, progress and final metrics."""
        found = self._client.jobs.list(
            status=status, name=name, kind=kind, study=study, workspace=self._workspace, limit=limit + 1
        )
        return {"jobs": [job_line(job.data) for job in found[:limit]], "more": len(found) > limit}

    def get_job(
        self,
        job: Ref,
        log_lines: Annotated[int, Field(ge=0, le=200)] = 30,
        metric_points: Annotated[int, Field(ge=1, le=50)] = 20,
    ) -> JobDetails:
        """Reads one job: its status, why it waits or failed and what would help, how its metrics went, and its last log lines."""
        found = self._client.jobs.find(job)
        courses = courses_of(found.metrics(MOST_POINTS_ASKED), metric_points)
        log = log_of(map(str, found.logs(tail=log_lines)), log_lines) if log_lines else None
        return job_details(found, found.why(), courses, log)

    def read_log(
        self,
        job: Ref,
        lines: Annotated[int, Field(ge=1, le=1000)] = 100,
        rank: Annotated[int | None, Field(ge=0, le=100_000, description="only this rank's")] = None,
    ) -> Log:
        """Reads the last lines that a job's processes wrote; of several ranks each line begins with [rank]."""
        found = self._client.jobs.find(job)
        told = list(found.logs(tail=lines, rank=rank))
        several = len({line.rank for line in told}) > 1
        return log_of((f"[{line.rank}] {line}" if several else str(line) for line in told), lines, MOST_LOG)

    async def wait_for_job(
        self,
        job: Ref,
        timeout_s: Annotated[
            float, Field(gt=0, le=300, description="ask again if it has not ended by then")
        ] = 60,
    ) -> JobLine:
        """Waits until a job has completed, failed or was cancelled, at most for timeout_s; then says how it stands."""
        import anyio

        found = await anyio.to_thread.run_sync(self._client.jobs.find, job)
        with anyio.move_on_after(timeout_s):
            await _until_ended(found, anyio.sleep, anyio.to_thread.run_sync)
        return job_line(found.data)

    def compare_jobs(self, jobs: Annotated[list[Ref], Field(min_length=2, max_length=8)]) -> Comparison:
        """Compares jobs: in what their job files differ, and their final metrics side by side."""
        found = [self._client.jobs.find(ref).data for ref in jobs]
        measured = [numbers(one["metrics"]) for one in found]
        names = sorted({name for one in measured for name in one})
        return {
            "jobs": [job_line(one) for one in found],
            "differences": _differences([dict(_flat(one["spec"])) for one in found]),
            "metrics": {name: [one.get(name) for one in measured] for name in names[:MOST_METRICS]},
        }

    def plan_job(self, spec: Spec) -> Planned:
        """Says what would happen if a job were submitted now: whether it starts at once, else why it would wait, what would help
        and when it would start; or which fields are wrong. Keeps nothing, so use it freely before submit_job."""
        return planned(self._client.plan(spec))


async def _until_ended(
    job: Job, sleep: Callable[[float], Awaitable[None]], in_thread: Callable[..., Awaitable[Any]]
) -> None:
    while not job.ended:
        await sleep(LOOK_S)
        try:
            await in_thread(job.refresh)
        except TensorFleetError as error:
            if not error.retriable:
                raise


def _differences(specs: list[dict[str, Any]]) -> list[Difference]:
    fields = sorted({field for spec in specs for field in spec} - {"name"})
    values = {field: [spec.get(field) for spec in specs] for field in fields}
    differing = [field for field in fields if any(value != values[field][0] for value in values[field])]
    return [
        {"field": short(field, 200), "values": [brief(value, 200) for value in values[field]]}
        for field in differing[:MOST_DIFFERENCES]
    ]


def _flat(spec: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The fields of a job file by their paths."""
    found: list[tuple[str, Any]] = []
    for name, value in spec.items():
        if isinstance(value, dict) and value and prefix.count(".") < 3:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))
    return found
