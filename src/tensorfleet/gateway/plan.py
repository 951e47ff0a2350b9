"""`POST /api/v1/plan`: what would happen to a job if it were submitted now.  Nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from tensorfleet.access.current import require
from tensorfleet.access.model import Permission
from tensorfleet.composition import FleetInputs, Services
from tensorfleet.errors import InvalidInput, SpecInvalid
from tensorfleet.fleet.snapshot import waiting_job
from tensorfleet.gateway.why import describe, look
from tensorfleet.jobs.answers import Plan
from tensorfleet.jobs.ports import QueuedJob
from tensorfleet.jobs.schemas import JobSpec, parse_spec
from tensorfleet.kit.answers import answers
from tensorfleet.kit.clock import utc_now
from tensorfleet.scheduling import plan as scheduling
from tensorfleet.scheduling.model import Place

PLANNED = "this-job"
"""The job has no id yet."""
_NO_CODE = {"digest": "0" * 64}
_NO_DATASET = "any"


def build_router(services: Services, shown: Callable[[Any], Any]) -> APIRouter:
    """`shown` takes out of an answer what the caller may not see."""
    router = APIRouter(tags=["jobs"])

    @router.post("/plan", responses=answers(Plan))
    async def plan_job(request: Request) -> dict[str, Any]:
        """What would happen to a job if it were submitted now; the body is its job file."""
        try:
            body = await request.json()
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"the body is not a job as JSON: {error}") from error
        return await asyncio.to_thread(lambda: shown(plan(services, body)))

    return router


def plan(services: Services, body: Any) -> dict[str, Any]:
    """Whether it would start now and where, else why not, what would help, and when it would start.

    Code and dataset are not looked for, so that neither has to be uploaded.

    Raises:
        SpecInvalid: names every wrong field.
    """
    spec = parse_spec(_completed(body))
    require(Permission.JOBS_WRITE, spec.workspace)
    errors = FleetInputs(services.datasets, services.blobs, services.workers).check_algorithm(spec)
    errors = [*errors, *services.quotas.never_fits(spec.workspace, spec.resources.model_dump())]
    if errors:
        raise SpecInvalid(errors)
    snapshot, _ = look(services)
    decision = scheduling.plan(snapshot, waiting_job(_queued(spec)))
    answer: dict[str, Any] = {
        "starts_now": isinstance(decision, Place),
        "expected_start": None,
        "change": None,
    }
    answer |= {"suggestion": None, "expected_start_unknown": None, **describe(decision)}
    if isinstance(decision, Place):
        answer |= {"code": "starts_now", "reason": "it would start at once"}
    return answer


def _completed(body: Any) -> Any:
    """The job with stand-ins for what a plan does not need."""
    if not isinstance(body, dict):
        return body
    completed = dict(body)
    if completed.get("entrypoint") is not None and not isinstance(completed.get("code"), dict):
        completed["code"] = _NO_CODE
    if completed.get("algorithm") is not None and not {"dataset", "dataset_path"} & completed.keys():
        completed["dataset"] = _NO_DATASET
    return completed


def _queued(spec: JobSpec) -> QueuedJob:
    return QueuedJob(
        id=PLANNED,
        priority=spec.priority.rank,
        created_at=utc_now(),
        not_before=None,
        resources=spec.resources.model_dump(),
        workspace=spec.workspace,
        name=spec.name,
        affinity=spec.dataset,
        timeout_s=spec.timeout,
    )
