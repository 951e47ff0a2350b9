"""Jobs over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from tensorfleet.errors import InvalidInput, TensorFleetError
from tensorfleet.jobs.batch import parse_batch
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.forks import Forks
from tensorfleet.jobs.model import JobRecord, JobStatus
from tensorfleet.jobs.ports import JobFilter
from tensorfleet.jobs.provenance import Provenance
from tensorfleet.jobs.schemas import event_to_dict, job_to_dict
from tensorfleet.jobs.service import JobService
from tensorfleet.kit.clock import rfc3339

EventStream = Callable[[int, str | None], AsyncIterator[bytes]]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[int, Query(ge=0, le=2**62)]


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
    """`stream(after, job_id)` yields Server-Sent Events; `why(job_id)` explains a job's state."""
    router = APIRouter(tags=["jobs"])
    _add_lifecycle(router, jobs)
    _add_reads(router, jobs, why)
    _add_telemetry(router, jobs, log)
    _add_checkpoints(router, forks)
    _add_provenance(router, provenance)
    _add_streams(router, jobs, stream)
    return router


def _add_lifecycle(router: APIRouter, jobs: JobService) -> None:
    @router.post("/jobs", status_code=201)
    async def submit_job(
        request: Request, idempotency_key: Annotated[str | None, Header()] = None
    ) -> JSONResponse:
        body = await _json_of(request)
        job, created = await asyncio.to_thread(jobs.submit, body, idempotency_key)
        return JSONResponse(
            job_to_dict(job), 201 if created else 200, headers={"Location": f"/api/v1/jobs/{job.id}"}
        )

    @router.post("/jobs/batch")
    async def submit_jobs(request: Request) -> JSONResponse:
        items = parse_batch(await _json_of(request))
        found = await asyncio.to_thread(jobs.submit_many, items)
        return JSONResponse({"items": [_answer_of(one) for one in found]})

    @router.delete("/jobs/{job_id}", status_code=204)
    async def delete_job(job_id: str) -> Response:
        await asyncio.to_thread(jobs.delete, job_id)
        return Response(status_code=204)

    for intent in ("cancel", "pause", "resume", "retry"):
        router.add_api_route(
            f"/jobs/{{job_id}}/{intent}",
            _intent_endpoint(jobs, intent),
            methods=["POST"],
            status_code=202,
            name=f"{intent}_job",
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
        fields = [field.to_dict() for field in one.errors] if isinstance(one, InvalidInput) else []
        return {"status": one.http_status, "code": one.code, "detail": one.detail, "errors": fields}
    job, created = one
    return {"status": 201 if created else 200, "job": job_to_dict(job)}


def _intent_endpoint(jobs: JobService, intent: str) -> Callable[[str], Any]:
    async def request_intent(job_id: str) -> dict[str, Any]:
        return job_to_dict(await asyncio.to_thread(jobs.request, job_id, intent))

    return request_intent


def _add_reads(router: APIRouter, jobs: JobService, why: Callable[[str], dict[str, Any]]) -> None:
    @router.get("/jobs")
    async def list_jobs(
        status: JobStatus | None = None,
        name: str | None = None,
        kind: str | None = None,
        workspace: str | None = None,
        study: str | None = None,
        limit: Limit = 50,
        cursor: str | None = None,
        sort: str = "-created_at",
    ) -> dict[str, Any]:
        filters = JobFilter(status.value if status else None, name, kind, workspace, study)
        found, following = jobs.page(filters, limit, cursor, sort)
        return {"items": [job_to_dict(job) for job in found], "next_cursor": following}

    @router.get("/jobs/{job_id}")
    async def get_job(job_id: str) -> JSONResponse:
        return JSONResponse(job_to_dict(jobs.get(job_id)))

    @router.get("/jobs/{job_id}/evaluation")
    async def job_evaluation(job_id: str) -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(jobs.evaluation, job_id))

    @router.get("/jobs/{job_id}/leaderboard")
    async def job_leaderboard(job_id: str) -> JSONResponse:
        return JSONResponse({"items": await asyncio.to_thread(jobs.leaderboard, job_id), "next_cursor": None})

    @router.get("/jobs/{job_id}/why")
    async def why_job(job_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(why, job_id)


def _add_telemetry(router: APIRouter, jobs: JobService, log: SqlEventLog) -> None:
    @router.get("/jobs/{job_id}/metrics")
    async def job_metrics(
        job_id: str,
        since: After = 0,
        points: Annotated[int | None, Query(ge=1, le=100_000)] = None,
        rank: Annotated[int, Query(ge=0)] = 0,
    ) -> dict[str, Any]:
        return {
            "items": await asyncio.to_thread(jobs.metrics, job_id, since, points, rank),
            "next_cursor": None,
        }

    @router.get("/jobs/{job_id}/logs")
    async def job_logs(
        job_id: str,
        after: After = 0,
        limit: Limit = 200,
        rank: Annotated[int | None, Query(ge=0)] = None,
        tail: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    ) -> dict[str, Any]:
        if tail is not None:
            return {"items": await asyncio.to_thread(jobs.log_tail, job_id, tail, rank), "next_cursor": None}
        items, following = await asyncio.to_thread(jobs.logs, job_id, after, limit, rank)
        return {"items": items, "next_cursor": str(following) if following is not None else None}

    @router.get("/jobs/{job_id}/events")
    async def job_events(job_id: str, after: After = 0, limit: Limit = 200) -> dict[str, Any]:
        jobs.get(job_id)
        found = log.read_after(after, limit + 1, job_id)
        shown = [event_to_dict(event) for event in found[:limit]]
        return {"items": shown, "next_cursor": str(shown[-1]["id"]) if len(found) > limit else None}

    @router.get("/jobs/{job_id}/tasks")
    async def job_tasks(job_id: str) -> dict[str, Any]:
        return {"items": jobs.tasks(job_id)["tasks"], "next_cursor": None}


def _add_checkpoints(router: APIRouter, forks: Forks) -> None:
    @router.post("/jobs/{job_id}/fork", status_code=201)
    async def fork_job(
        job_id: str, body: Fork, idempotency_key: Annotated[str | None, Header()] = None
    ) -> JSONResponse:
        job, created = await asyncio.to_thread(forks.fork, job_id, body.step, body.changes, idempotency_key)
        return JSONResponse(
            job_to_dict(job), 201 if created else 200, headers={"Location": f"/api/v1/jobs/{job.id}"}
        )

    @router.get("/jobs/{job_id}/checkpoints")
    async def job_checkpoints(job_id: str) -> dict[str, Any]:
        found = await asyncio.to_thread(forks.checkpoints, job_id)
        return {"items": [{**one, "at": rfc3339(one["at"])} for one in found], "next_cursor": None}


def _add_provenance(router: APIRouter, provenance: Provenance) -> None:
    @router.get("/jobs/{job_id}/provenance")
    async def job_provenance(job_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(provenance.of, job_id)

    @router.get("/jobs/{job_id}/git-diff")
    async def job_git_diff(job_id: str) -> Response:
        data = await asyncio.to_thread(provenance.git_diff, job_id)
        return Response(data, media_type="text/plain; charset=utf-8")

    @router.get("/jobs/{job_id}/diff/{other_id}")
    async def diff_jobs(job_id: str, other_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(provenance.diff, job_id, other_id)

    @router.post("/jobs/{job_id}/replay", status_code=201)
    async def replay_job(
        job_id: str, idempotency_key: Annotated[str | None, Header()] = None
    ) -> JSONResponse:
        job, created = await asyncio.to_thread(provenance.replay, job_id, idempotency_key)
        return JSONResponse(
            job_to_dict(job), 201 if created else 200, headers={"Location": f"/api/v1/jobs/{job.id}"}
        )


def _add_streams(router: APIRouter, jobs: JobService, stream: EventStream) -> None:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

    @router.get("/jobs/{job_id}/stream")
    async def stream_job(
        job_id: str, after: After = 0, last_event_id: Annotated[str | None, Header()] = None
    ) -> StreamingResponse:
        jobs.get(job_id)
        position = _position(after, last_event_id)
        return StreamingResponse(stream(position, job_id), media_type="text/event-stream", headers=headers)

    @router.get("/events")
    async def stream_all(
        after: After | None = None, last_event_id: Annotated[str | None, Header()] = None
    ) -> StreamingResponse:
        position = _position(after, last_event_id)
        return StreamingResponse(stream(position, None), media_type="text/event-stream", headers=headers)


def _position(after: int | None, last_event_id: str | None) -> int:
    """Where a stream begins; -1 means with what happens from now on."""
    if last_event_id is None:
        return after if after is not None else -1
    if not last_event_id.isdecimal() or len(last_event_id) > 18:
        raise InvalidInput(f"Last-Event-ID '{last_event_id[:40]}' is not an id of this stream")
    return int(last_event_id)
