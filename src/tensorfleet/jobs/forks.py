"""A new job that begins where another one stood: at one of its checkpoints, with some of its fields changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tensorfleet.audit.current import note
from tensorfleet.errors import NotFound
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobRecord, NewEvent
from tensorfleet.jobs.ports import JobStore, NewJob
from tensorfleet.jobs.service import JobService, note_queued


class Forks:
    """Forks jobs.  A fork gets a copy of the checkpoint under its own name, so no job ever refers to another one's files."""

    def __init__(
        self,
        jobs: JobService,
        store: JobStore,
        log: SqlEventLog,
        copy: Callable[[str, str], None],
        wake: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._log = log
        self._copy = copy
        self._wake = wake

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """What there is of a job's checkpoints, oldest first: `{at, attempt, rank, step, key, sha256, bytes}`."""
        self._store.get(job_id)
        kept: dict[str, dict[str, Any]] = {}
        position = 0
        while page := self._log.read_after(position, 1000, job_id, ("checkpoint", "checkpoint_removed")):
            position = page[-1].id
            for event in page:
                kept.pop(event.data["key"], None)
                if event.kind == "checkpoint":
                    kept[event.data["key"]] = {"at": event.at, **event.data}
        return list(kept.values())

    def fork(
        self, job_id: str, step: int | None, changes: dict[str, Any], idempotency_key: str | None
    ) -> tuple[JobRecord, bool]:
        """Queues a copy of the job that goes on from its checkpoint at `step`, or from its newest one.

        Args:
            changes: fields of the spec; those of `hyperparameters`, `resources` and other mappings one by one.

        Raises:
            NotFound: there is no such checkpoint (any more).
            SpecInvalid: a change makes no job.
        """
        parent = self._store.get(job_id)
        found = self._checkpoint(job_id, step)
        spec = merged({**parent.spec, "name": _fork_name(parent.name)}, changes)
        job = self._pinned(self._jobs.prepare(spec, idempotency_key), parent, changes)
        answer = self._store.insert(self._with_checkpoint(job, parent.id, found))
        note(before={"forked": parent.id, "step": found.get("step")})
        note_queued(*answer)
        self._wake()
        return answer

    def begun_at(self, new: NewJob, source_id: str) -> NewJob:
        """A job that is not queued yet, with a copy of the newest checkpoint of another one to go on from.

        Raises:
            NotFound: that one has no checkpoint (any more).
        """
        found = self._checkpoint(source_id, None)
        return self._with_checkpoint(replace(new, inputs={**new.inputs, "forked": True}), source_id, found)

    def _with_checkpoint(self, job: NewJob, source_id: str, found: dict[str, Any]) -> NewJob:
        key = f"checkpoints/{job.id}/0-{found['step']}.safetensors"
        self._copy(found["key"], key)
        source = {"attempt": 0, "rank": 0, "step": found["step"], "key": key}
        source |= {name: found[name] for name in ("sha256", "bytes") if name in found}
        origin = {"job_id": source_id, "step": found["step"]}
        first = (
            NewEvent("job.forked", job.created_at, origin, job.id),
            NewEvent("checkpoint", job.created_at, source, job.id),
        )
        return replace(job, events=first)

    def _checkpoint(self, job_id: str, step: int | None) -> dict[str, Any]:
        kept = self.checkpoints(job_id)
        if step is not None:
            kept = [found for found in kept if found["step"] == step]
        if not kept:
            which = "no checkpoint" if step is None else f"no checkpoint of step {step}"
            raise NotFound(
                f"job {job_id} has {which} to fork from; `tensorfleet jobs checkpoints {job_id}` shows what is kept"
            )
        return max(kept, key=lambda found: (found["attempt"], found["step"]))

    def _pinned(self, job: NewJob, parent: JobRecord, changes: dict[str, Any]) -> NewJob:
        """The fork reads the very version of the data that its parent read, unless another one was asked for."""
        inputs = {**job.inputs, "forked": True}
        if "dataset" not in changes and "dataset" in parent.inputs:
            inputs["dataset"] = parent.inputs["dataset"]
        return replace(job, inputs=inputs)


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes`, mappings merged field by field."""
    result = dict(base)
    for name, value in changes.items():
        inner = result.get(name)
        result[name] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result


def _fork_name(name: str) -> str:
    return name if name.endswith("-fork") else f"{name[:95]}-fork"
