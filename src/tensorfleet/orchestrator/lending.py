"""The object store for agents that have no keys of it: what is asked for a lease is answered while that lease is in force."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from tensorfleet.adapters.guarded import GuardedObjectStore
from tensorfleet.adapters.objectstore import S3Place
from tensorfleet.adapters.s3_uploads import S3Uploads
from tensorfleet.errors import Internal, InvalidInput, NotPermitted, TensorFleetError
from tensorfleet.jobs.held_leases import SqlHeldLeases
from tensorfleet.objects.desk import ObjectDesk, Question
from tensorfleet.objects.ports import SignedReads
from tensorfleet.objects.rights import Need
from tensorfleet.settings import Settings

THREADS = 8
"""Of their own: while the store hangs, nothing else of the orchestrator waits for it."""
log = structlog.get_logger()


class Lending:
    """`desk` is None where the objects lie in a folder, which every worker has mounted."""

    def __init__(self, leases: SqlHeldLeases, desk: ObjectDesk | None) -> None:
        self._leases = leases
        self._desk = desk
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="objects")

    async def answer(self, worker_id: str | None, lease: int, question: str, data: bytes) -> str:
        """`worker_id`: who asks, by its certificate; None for somebody with the token."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, worker_id, lease, question, data)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _answer(self, worker_id: str | None, lease: int, question: str, data: bytes) -> str:
        fields: dict[str, Any] = {}
        try:
            fields = _parsed(question)
            found = self._desk_or_none().answer(self._need(worker_id, lease), Question(fields, data))
            return json.dumps({"ok": found})
        except TensorFleetError as error:
            if isinstance(error, NotPermitted | InvalidInput):
                about = {name: str(fields.get(name))[:200] for name in ("op", "key")}
                log.warning("a task was refused an object", lease=lease, detail=error.detail, **about)
            return _refusal(error)
        except Exception:
            log.exception("a question about objects was not answered", lease=lease)
            return _refusal(Internal("the orchestrator could not answer; its log says why"))

    def _desk_or_none(self) -> ObjectDesk:
        if self._desk is None:
            raise InvalidInput(
                "this platform's objects lie in a folder: mount it on this worker at the same place, or use S3"
            )
        return self._desk

    def _need(self, worker_id: str | None, lease: int) -> Need:
        held = self._leases.find(lease)
        if held is None or worker_id not in (None, held.worker_id):
            raise NotPermitted(f"there is no lease {lease} of this worker")
        if not held.in_force:
            raise NotPermitted(
                f"lease {lease} is over: attempt {held.need.attempt} of job {held.need.job_id} reads and writes nothing more"
            )
        return held.need


def build_lending(settings: Settings, objects: GuardedObjectStore, leases: SqlHeldLeases) -> Lending:
    """Over the platform's own store."""
    reads = objects.inner
    if not isinstance(reads, SignedReads):
        return Lending(leases, None)
    uploads = S3Uploads(S3Place.of(settings.objects))
    return Lending(leases, ObjectDesk(objects, reads, uploads, settings.object_url_life_s))


def _parsed(question: str) -> dict[str, Any]:
    try:
        fields = json.loads(question)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise InvalidInput("a question about objects is a JSON object")
    return fields


def _refusal(error: TensorFleetError) -> str:
    return json.dumps({"error": {"code": error.code, "detail": error.detail}})
