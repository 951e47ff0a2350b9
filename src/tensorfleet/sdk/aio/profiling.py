"""The traces of profiled jobs, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorfleet.errors import NotFound
from tensorfleet.sdk.aio.downloads import download
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.paths import segments


async def download_trace(transport: AsyncTransport, profile: dict[str, Any], to: Path, rank: int) -> Path:
    """As `AsyncJob.download_trace`, of a profile as the server gives it."""
    job_id, attempt = profile["job_id"], profile["attempt"]
    known = {one["rank"]: one["trace"] for one in profile["ranks"]}
    trace = known.get(rank)
    if trace is None:
        having = ", ".join(str(number) for number, one in sorted(known.items()) if one)
        hint = f"there is one of rank {having}" if having else "only networks and own torch code have one"
        raise NotFound(f"job {job_id} has no trace of rank {rank}; {hint}")
    path = segments("download", "profiles", job_id, str(attempt), f"{rank}.json.gz")
    return await download(transport, path, to, tag=trace["sha256"], sha256=trace["sha256"])
