"""Tools that change something."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.mcp.local_files import with_own_files
from tensorfleet.mcp.reading import Ref, Spec
from tensorfleet.mcp.shapes import JobLine, Submitted, job_line, planned
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.transport import segments

Key = Annotated[
    str | None,
    Field(min_length=1, max_length=200, description="a call repeated with the same key makes no second job"),
]
LOOKS, LOOK_S = 30, 0.1
Steer = Literal["pause", "resume", "retry"]


class Promoted(TypedDict):
    name: str
    version: int
    alias: str
    before: Annotated[int | None, Field(description="the version that the alias pointed at before")]


class Changing:
    """Each method is a tool; its docstring is what the agent is told of it."""

    def __init__(self, client: Client, files: Path | None) -> None:
        """Jobs may name files below `files`; none when it is None."""
        self._client = client
        self._files = files

    def submit_job(self, spec: Spec, idempotency_key: Key = None) -> Submitted:
        """Submits a job (or, with kind: tune, a study), after checking it as plan_job does; it costs the workspace's resources.
        Errors name each wrong field. Datasets are named by their names; list_algorithms has the hyperparameters."""
        own = with_own_files(spec, self._files)
        expected = planned(self._client.plan(own))
        job = self._client.submit(own, idempotency_key=idempotency_key)
        return {"job": job_line(job.data), "planned": expected}

    def cancel_job(self, job: Ref) -> JobLine:
        """Cancels a job for good. What it has not saved is lost; for a break use steer_job with pause."""
        return job_line(self._client.jobs.find(job).cancel().data)

    def steer_job(self, job: Ref, action: Steer) -> JobLine:
        """Pauses a job (it saves, and gives its workers back), resumes a paused one, or retries one that failed or was
        cancelled."""
        found = self._client.jobs.find(job)
        before = (found.status, found.data["attempt"])
        done = {"pause": found.pause, "resume": found.resume, "retry": found.retry}[action]()
        for _ in range(LOOKS):  # else who waits for it next would find it as it was
            if (done.status, done.data["attempt"]) != before:
                break
            self._client.transport.sleep(LOOK_S)
            done.refresh()
        return job_line(done.data)

    def fork_job(
        self,
        job: Ref,
        changes: Annotated[
            dict[str, Any], Field(description="fields of the job file; objects are changed field by field")
        ],
        step: Annotated[
            int | None, Field(ge=0, description="of the checkpoint; the newest when left out")
        ] = None,
    ) -> JobLine:
        """Submits a new job that goes on from a checkpoint of this one, with changed fields, such as another learning rate."""
        path = segments("jobs", self._client.jobs.find(job).id, "fork")
        return job_line(self._client.transport.call("POST", path, json={"step": step, "changes": changes}))

    def promote_model(
        self,
        name: Annotated[str, Field(min_length=1, max_length=100)],
        version: Annotated[int, Field(ge=1)],
        alias: Annotated[str, Field(min_length=1, max_length=100)] = "production",
    ) -> Promoted:
        """Points an alias at a version of a model: programs that load the alias get that version from now on."""
        known = next((one for one in self._client.models.list() if one["name"] == name), None)
        before = (known or {}).get("aliases", {}).get(alias)
        self._client.models.promote(name, version, alias)
        return {"name": name, "version": version, "alias": alias, "before": before}
