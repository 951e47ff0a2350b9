"""Jobs over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.errors import InvalidInput, TensorFleetError
from tensorfleet.jobs import answers as read
from tensorfleet.jobs import bulk
from tensorfleet.jobs.batch import parse_batch
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.forks import Forks
from tensorfleet.jobs.model import JobRecord, JobStatus
from tensorfleet.jobs.ports import JobFilter
from tensorfleet.jobs.provenance import Provenance
from tensorfleet.jobs.schemas import event_to_dict, job_to_dict
from tensorfleet.jobs.service import JobService
from tensorfleet.kit.answers import EVENTS, Page, answers
from tensorfleet.kit.clock import rfc3339
from tensorfleet.kit.conditional import NOT_MODIFIED, tagged
from tensorfleet.kit.written import Moment

EventStream = Callable[[int, str | None, frozenset[str] | None], AsyncIterator[bytes]]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[int, Query(ge=0, le=2**62, description="an id of the event log")]
JobId = Annotated[str, Path(description="a job's id")]
Word = Annotated[str | None, Query(max_length=100)]
Cursor = Annotated[str | None, Query(max_length=1000, description="next_cursor of the page before")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="a call that is repeated with the same key answers with the first job",
        json_schema_extra={"minLength": 1, "maxLength": 200},
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        description="the id of the last event that was read",
        json_schema_extra={"pattern": "^[0-9]{1,18}$", "examples": ["341"]},
    ),
]
Detail = Annotated[
    list[Annotated[str, Field(max_length=32)]] | None,
    Query(max_length=50, description="job ids: `metrics` and `log` of these alone; empty: of none"),
]
Kinds = Annotated[
    list[Annotated[str, Field(max_length=100)]] | None,
    Query(max_length=50, description="entries of these kinds alone, such as job.started"),
]
Sort = Literal["created_at", "-created_at", "name", "-name", "status", "-status", "priority", "-priority"]
JOB = answers(read.JobRead)
CHANGED = answers(read.JobRead, 202, 409)
NEW = {200: {"model": read.JobRead, "description": "The key was used before: this is its job"}} | answers(
    read.JobRead, 201, 409
)


MOST_RANK = 2**31 - 1
INTENTS = {
    "cancel": "Cancels a job for good",
    "pause": "Has a job save and give its workers back until it is resumed",
    "resume": "Lets a paused job go on",
    "retry": "Runs a job once more that failed or was cancelled",
}


def wanted(
    status: Annotated[list[JobStatus] | None, Query(max_length=6, description="one of these")] = None,
    name: Word = None,
    kind: Word = None,
    workspace: Word = None,
    study: Word = None,
    algorithm: Annotated[str | None, Query(max_length=200)] = None,
    q: Annotated[
        str | None, Query(max_length=100, description="somewhere in the name, or at the begin of the id")
    ] = None,
    since: Annotated[Moment | None, Query(description="submitted from then on")] = None,
    until: Annotated[Moment | None, Query(description="submitted before")] = None,
) -> JobFilter:
    statuses = tuple(dict.fromkeys(one.value for one in status or ()))
    return JobFilter(
        statuses, name, kind, workspace, study, text=q or None, algorithm=algorithm, since=since, until=until
    )


Wanted = Annotated[JobFilter, Depends(wanted)]


class EventStreamResponse(StreamingResponse):
    media_type = "text/event-stream"


class Fork(BaseModel):
    """Where a fork begins and what is different in it."""

    model_config = ConfigDict(extra="forbid")

    step: int | None = Field(
        default=None, ge=0, description="of the checkpoint; the newest one when left out"
    )
    changes: dict[str, Any] = Field(default_factory=dict, description="fields of the job file")


def build_router(
    jobs: JobService,
    forks: Forks,
    provenance: Provenance,
    log: SqlEventLog,
    stream: EventStream,
    why: Callable[[str], dict[str, Any]],
) -> APIRouter:
    """`stream(after, job_id, detail)` yields Server-Sent Events; `why(job_id)` explains a job's state."""
    router = APIRouter(tags=["jobs"])
    _add_lifecycle(router, jobs)
    _add_reads(router, jobs, why)
    _add_telemetry(router, jobs, log)
    _add_checkpoints(router, forks)
    _add_provenance(router, provenance)
    _add_streams(router, jobs, stream)
    return router


def _add_lifecycle(router: APIRouter, jobs: JobService) -> None:
    @router.post("/jobs", status_code=201, responses=NEW)
    async def submit_job(request: Request, idempotency_key: IdempotencyKey = None) -> JSONResponse:
        """Submits a job; the body is the job file as JSON."""
        body = await _json_of(request)
        job, created = await asyncio.to_thread(jobs.submit, body, idempotency_key)
        return JSONResponse(
            job_to_dict(job), 201 if created else 200, headers={"Location": f"/api/v1/jobs/{job.id}"}
        )

    @router.post("/jobs/batch", responses=answers(read.Batch))
    async def submit_jobs(request: Request) -> JSONResponse:
        """Submits up to 1,000 jobs in one transaction; each may have an `idempotency_key` of its own."""
        items = parse_batch(await _json_of(request))
        found = await asyncio.to_thread(jobs.submit_many, items)
        return JSONResponse({"items": [_answer_of(one) for one in found]})

    @router.post("/jobs/cancel", responses=answers(Page[read.OneOfMany]))
    async def cancel_jobs(body: bulk.Many) -> JSONResponse:
        """Cancels up to 1,000 jobs at once, by their ids or by what they have in common; answers each."""
        return JSONResponse(await asyncio.to_thread(bulk.request, jobs, "cancel", body))

    @router.delete("/jobs/{job_id}", status_code=204, responses={409: {}})
    async def delete_job(job_id: JobId) -> Response:
        """Deletes a job that has ended, with what only it has in the object store."""
        await asyncio.to_thread(jobs.delete, job_id)
        return Response(status_code=204)

    for intent, about in INTENTS.items():
        router.add_api_route(
            f"/jobs/{{job_id}}/{intent}",
            _intent_endpoint(jobs, intent),
            methods=["POST"],
            status_code=202,
            name=f"{intent}_job",
            description=f"{about}; the answer is the job as it is now.",
            responses=CHANGED,
        )


async def _json_of(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise InvalidInput(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidInput("the body is nested too deeply to be a job") from error


def _answer_of(one: tuple[JobRecord, bool] | TensorFleetError) -> dict[str, Any]:
    """One job of a batch: what it became, or why it was refused."""
    if isinstance(one, TensorFleetError):
        return bulk.refusal(one)
    job, created = one
    return {"status": 201 if created else 200, "job": job_to_dict(job)}


def _intent_endpoint(jobs: JobService, intent: str) -> Callable[[str], Any]:
    async def request_intent(job_id: JobId) -> JSONResponse:
        return JSONResponse(job_to_dict(await asyncio.to_thread(jobs.request, job_id, intent)), 202)

    return request_intent


def _add_reads(router: APIRouter, jobs: JobService, why: Callable[[str], dict[str, Any]]) -> None:
    @router.get("/jobs", responses=answers(Page[read.JobRead]) | NOT_MODIFIED)
    async def list_jobs(
        request: Request,
        wanted: Wanted,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "-created_at",
    ) -> Response:
        """Jobs, the newest first; `study` gives the trials of one."""
        if wanted.searching or sort.removeprefix("-") != "created_at":
            found, following = await asyncio.to_thread(jobs.page, wanted, limit, cursor, sort)
        else:
            found, following = jobs.page(wanted, limit, cursor, sort)
        return tagged(request, {"items": [job_to_dict(job) for job in found], "next_cursor": following})

    @router.get("/jobs/counts", responses=answers(read.Counts))
    async def count_jobs(wanted: Wanted) -> JSONResponse:
        """How many jobs there are by status, of those that are looked for."""
        found = await asyncio.to_thread(jobs.counts, wanted)
        counts = {status.value: found.get(status.value, 0) for status in JobStatus}
        return JSONResponse({"counts": counts, "total": sum(counts.values())})

    @router.get("/jobs/{job_id}", responses=JOB | NOT_MODIFIED)
    async def get_job(request: Request, job_id: JobId) -> Response:
        """Reads one job."""
        return tagged(request, job_to_dict(jobs.get(job_id)))

    @router.get("/jobs/{job_id}/evaluation", responses=answers(read.Evaluation))
    async def job_evaluation(job_id: JobId) -> JSONResponse:
        """All that was measured of a job's model, with curves, residuals and importance."""
        return JSONResponse(await asyncio.to_thread(jobs.evaluation, job_id))

    @router.get("/jobs/{job_id}/leaderboard", responses=answers(Page[read.Candidate]))
    async def job_leaderboard(job_id: JobId) -> JSONResponse:
        """What a job of `algorithm: auto` has tried, the best first, also while it runs."""
        return JSONResponse({"items": await asyncio.to_thread(jobs.leaderboard, job_id), "next_cursor": None})

    @router.get("/jobs/{job_id}/why", responses=answers(read.Why))
    async def why_job(job_id: JobId) -> JSONResponse:
        """Why a job is where it is, what would help, and when it would start."""
        return JSONResponse(await asyncio.to_thread(why, job_id))


def _add_telemetry(router: APIRouter, jobs: JobService, log: SqlEventLog) -> None:
    @router.get("/jobs/{job_id}/logs", responses=answers(Page[read.LogPiece]))
    async def job_logs(
        job_id: JobId,
        after: After = 0,
        limit: Limit = 200,
        rank: Annotated[int | None, Query(ge=0, le=MOST_RANK)] = None,
        tail: Annotated[int | None, Query(ge=1, le=10_000, description="only the last lines")] = None,
    ) -> JSONResponse:
        """Pieces of what the tasks wrote, in the order in which they came; `after` is the next_cursor before."""
        if tail is not None:
            found = await asyncio.to_thread(jobs.log_tail, job_id, tail, rank)
            return JSONResponse({"items": found, "next_cursor": None})
        items, following = await asyncio.to_thread(jobs.logs, job_id, after, limit, rank)
        return JSONResponse({"items": items, "next_cursor": None if following is None else str(following)})

    @router.get("/jobs/{job_id}/events", responses=answers(Page[read.EventRead]))
    async def job_events(
        job_id: JobId, after: After = 0, limit: Limit = 200, kind: Kinds = None
    ) -> JSONResponse:
        """The job's part of the event log; `after` is the next_cursor before."""
        jobs.get(job_id)
        found = log.read_after(after, limit + 1, job_id, kind)
        shown = [event_to_dict(event) for event in found[:limit]]
        following = str(shown[-1]["id"]) if len(found) > limit else None
        return JSONResponse({"items": shown, "next_cursor": following})

    @router.get("/jobs/{job_id}/tasks", responses=answers(Page[read.TaskRead]))
    async def job_tasks(job_id: JobId) -> JSONResponse:
        """Each rank of each attempt, and where it ran."""
        return JSONResponse({"items": jobs.tasks(job_id)["tasks"], "next_cursor": None})


def _add_checkpoints(router: APIRouter, forks: Forks) -> None:
    @router.post("/jobs/{job_id}/fork", status_code=201, responses=NEW)
    async def fork_job(job_id: JobId, body: Fork, idempotency_key: IdempotencyKey = None) -> JSONResponse:
        """A new job that goes on from a checkpoint of this one, with changed fields."""
        job, created = await asyncio.to_thread(forks.fork, job_id, body.step, body.changes, idempotency_key)
        return JSONResponse(
            job_to_dict(job), 201 if created else 200, headers={"Location": f"/api/v1/jobs/{job.id}"}
        )

    @router.get("/jobs/{job_id}/checkpoints", responses=answers(Page[read.Checkpoint]))
    async def job_checkpoints(job_id: JobId) -> JSONResponse:
        """The checkpoints that are kept, oldest first."""
        found = await asyncio.to_thread(forks.checkpoints, job_id)
        items = [{**one, "at": rfc3339(one["at"])} for one in found]
        return JSONResponse({"items": items, "next_cursor": None})


def _add_provenance(router: APIRouter, provenance: Provenance) -> None:
    @router.get("/jobs/{job_id}/provenance", responses=answers(read.ProvenanceRead))
    async def job_provenance(job_id: JobId) -> JSONResponse:
        """What the job was made of."""
        return JSONResponse(await asyncio.to_thread(provenance.of, job_id))

    @router.get("/jobs/{job_id}/git-diff", response_class=PlainTextResponse)
    async def job_git_diff(job_id: JobId) -> Response:
        """What was not committed of its code, as a patch."""
        data = await asyncio.to_thread(provenance.git_diff, job_id)
        return Response(data, media_type="text/plain; charset=utf-8")

    @router.get("/jobs/{job_id}/diff/{other_id}", responses=answers(read.Differences))
    async def diff_jobs(job_id: JobId, other_id: JobId) -> JSONResponse:
        """What is different in two jobs: what they were made of, their metrics and their files."""
        return JSONResponse(await asyncio.to_thread(provenance.diff, job_id, other_id))

    @router.post("/jobs/{job_id}/replay", status_code=201, responses=NEW)
    async def replay_job(job_id: JobId, idempotency_key: IdempotencyKey = None) -> JSONResponse:
        """The same job once more, as a new one."""
        job, created = await asyncio.to_thread(provenance.replay, job_id, idempotency_key)
        return JSONResponse(
            job_to_dict(job), 201 if created else 200, headers={"Location": f"/api/v1/jobs/{job.id}"}
        )


def _add_streams(router: APIRouter, jobs: JobService, stream: EventStream) -> None:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

    @router.get("/jobs/{job_id}/stream", response_class=EventStreamResponse, responses=EVENTS)
    async def stream_job(
        job_id: JobId, after: After = 0, last_event_id: LastEventId = None
    ) -> StreamingResponse:
        """Server-Sent Events from `after`, or from the `Last-Event-ID` header, to the end of the job."""
        jobs.get(job_id)
        position = _position(after, last_event_id)
        return StreamingResponse(
            stream(position, job_id, None), media_type="text/event-stream", headers=headers
        )

    @router.get("/events", response_class=EventStreamResponse, responses=EVENTS)
    async def stream_all(
        after: After | None = None, last_event_id: LastEventId = None, detail: Detail = None
    ) -> StreamingResponse:
        """Server-Sent Events of all jobs, endless; from now on when neither `after` nor `Last-Event-ID` is given."""
        position, wanted = _position(after, last_event_id), None if detail is None else frozenset(detail)
        return StreamingResponse(
            stream(position, None, wanted), media_type="text/event-stream", headers=headers
        )


def _position(after: int | None, last_event_id: str | None) -> int:
    """Where a stream begins; -1 means with what happens from now on."""
    if last_event_id is None:
        return after if after is not None else -1
    if not last_event_id.isdecimal() or len(last_event_id) > 18:
        raise InvalidInput(f"Last-Event-ID '{last_event_id[:40]}' is not an id of this stream")
    return int(last_event_id)
