"""The limit of the framework: FastAPI routes that return constant pydantic models, one job and a page of fifty.

argv: port, file with one job as JSON.  Without authentication, without a database, in front of nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Job(BaseModel):
    job_id: str
    name: str
    kind: str
    workspace: str
    status: str
    reason: str | None
    priority: str
    progress: float
    metrics: dict[str, float]
    model_name: str | None
    version: int | None
    model_id: str | None
    error: dict[str, Any] | None
    attempt: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    spec: dict[str, Any]


class Page(BaseModel):
    items: list[Job]
    next_cursor: str | None


def main() -> None:
    port, path = sys.argv[1:]
    data = json.loads(Path(path).read_text())
    job = Job(**{name: data.get(name) for name in Job.model_fields} | {"priority": "normal"})
    page = Page(items=[job] * 50, next_cursor=None)
    app = FastAPI()

    @app.get("/jobs/{job_id}")
    async def get_job(job_id: str) -> Job:
        return job

    @app.get("/jobs")
    async def list_jobs(limit: int = 50) -> Page:
        return page

    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, ws="none")


if __name__ == "__main__":
    main()
