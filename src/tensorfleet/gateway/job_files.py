"""`GET /jobs/{id}/files`: what a job's own code wrote where it ran, as far as it is kept."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from tensorfleet.composition import Services
from tensorfleet.errors import NotFound, nearest
from tensorfleet.gateway.downloads import Range, ranged
from tensorfleet.jobs.answers import KeptFile
from tensorfleet.kit.answers import Page, answers, file_of
from tensorfleet.kit.storable import storable_text
from tensorfleet.training import kept_files

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def shown(name: str) -> str:
    """A file's name as an address and on a screen: U+FFFD stands for what neither can hold."""
    return _CONTROL.sub("\ufffd", storable_text(name))


def build_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["files"])

    def find(job_id: str) -> kept_files.Kept:
        services.jobs.get(job_id)
        return kept_files.find(services.objects, job_id) or kept_files.Kept(job_id, 0, {})

    @router.get("/jobs/{job_id}/files", responses=answers(Page[KeptFile]))
    async def list_files(job_id: str) -> dict[str, Any]:
        """What the job's own code wrote where it ran, as far as it is kept."""
        kept = await asyncio.to_thread(find, job_id)
        items = [
            {"path": shown(name), "bytes": one.bytes, "sha256": one.sha256, "attempt": kept.attempt}
            for name, one in sorted(kept.files.items())
        ]
        return {"items": items, "next_cursor": None}

    @router.get(
        "/jobs/{job_id}/files/{path:path}",
        response_model=None,
        response_class=StreamingResponse,
        responses=file_of("application/octet-stream"),
    )
    async def download_file(job_id: str, path: str, range_: Range = None) -> Response:
        """One of these files."""
        kept = await asyncio.to_thread(find, job_id)
        names = {shown(name): name for name in kept.files}
        if path not in names:
            raise NotFound(f"job {job_id} has kept no file {path[:200]!r}; {nearest(path[:200], names)}")
        one = kept.files[names[path]]
        answer = ranged(
            one.bytes, range_, lambda start, end: kept_files.read(services.objects, kept, one, start, end)
        )
        # What somebody's code wrote is never shown as a page of this server.
        name = quote(path.rpartition("/")[2], safe="")
        answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    return router
