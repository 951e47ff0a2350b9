"""What jobs were made of, whether they can be made again, and what changed between two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tensorfleet.audit.current import note
from tensorfleet.errors import Conflict, NotFound
from tensorfleet.jobs import capsule
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobRecord, JobStatus, NewEvent
from tensorfleet.jobs.ports import JobStore, NewJob
from tensorfleet.jobs.service import JobService, note_queued

NOT_COMPARED = frozenset({"MLmodel"})
"""Of a model folder: what names the job and the time."""


PINNED = ("dataset", "code")
"""What names in a spec stood for when the job was submitted, and stand for in its replay too."""


class Provenance:
    """Answers about jobs, and their replays.

    Args:
        read: an object's bytes by its key.
        read_blob: those of an uploaded file by its digest.
        hyperparameters: those of a spec, with the defaults of the ones that were not given.
    """

    def __init__(
        self,
        jobs: JobService,
        store: JobStore,
        log: SqlEventLog,
        read: Callable[[str], bytes],
        read_blob: Callable[[str], bytes],
        hyperparameters: Callable[[Mapping[str, Any]], dict[str, Any]],
        wake: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._log = log
        self._read = read
        self._read_blob = read_blob
        self._hyperparameters = hyperparameters
        self._wake = wake

    def of(self, job_id: str) -> dict[str, Any]:
        """`{job_id, status, attempt, digest, document, metrics, files, replay_of}`; no digest where the job never ran."""
        job = self._store.get(job_id)
        digest, document = self._document(job)
        return {
            "job_id": job.id,
            "status": job.status.value,
            "attempt": job.attempt,
            "digest": digest,
            "document": document,
            "metrics": job.metrics,
            "files": [{"path": path, "sha256": sha} for path, sha in sorted(_files(job).items())],
            "replay_of": job.inputs.get("replay_of"),
        }

    def git_diff(self, job_id: str) -> bytes:
        """What had changed in the job's code since the commit that it names, as a patch.

        Raises:
            NotFound: nothing had, or its folder was in no repository.
        """
        git = (self._store.get(job_id).spec.get("code") or {}).get("git") or {}
        if not git.get("diff"):
            raise NotFound(f"job {job_id} has no uncommitted changes on record")
        return self._read_blob(git["diff"])

    def diff(self, first: str, second: str) -> dict[str, Any]:
        """What changed from one job to another, what their metrics did, and which of their files are the same."""
        a, b = self._store.get(first), self._store.get(second)
        files = capsule.files_compared(_files(a), _files(b))
        return {
            "a": a.id,
            "b": b.id,
            "changed": capsule.differences(self._document(a)[1], self._document(b)[1]),
            "metrics": capsule.metrics_change(a.metrics, b.metrics),
            "files": files,
            "bit_equal": all(one["equal"] for one in files) if files else None,
        }

    def replay(self, job_id: str, idempotency_key: str | None) -> tuple[JobRecord, bool]:
        """Queues the job once more: same code, version of the data, environment, seed; nothing of it is registered.

        Raises:
            Conflict: it has not ended, or went on from a checkpoint of another job.
            SpecInvalid: its code or its dataset are not there any more.
        """
        job = self._store.get(job_id)
        if not job.status.ended:
            raise Conflict(f"job {job_id} is {job.status.value}; it can be replayed when it has ended")
        if job.kind != "train":
            raise Conflict(f"job {job_id} is of kind {job.kind}; jobs of kind train can be replayed")
        if job.inputs.get("forked"):
            raise Conflict(f"job {job_id} went on from a checkpoint of another job; replay that one")
        answer = self._store.insert(self._again(job, idempotency_key))
        note(before={"replayed": job.id})
        note_queued(*answer)
        self._wake()
        return answer

    def _again(self, job: JobRecord, idempotency_key: str | None) -> NewJob:
        spec = {name: value for name, value in job.spec.items() if name != "model_name" and value is not None}
        if told := ((job.result or {}).get("evaluation") or {}).get("replay"):
            # What a time limit had decided in the job is given to its replay, so that it does the same.
            spec["hyperparameters"] = {**spec.get("hyperparameters", {}), **told}
        new = self._jobs.prepare(spec, idempotency_key)
        pinned = {name: job.inputs[name] for name in PINNED if name in job.inputs}
        inputs = {**new.inputs, **pinned, "replay_of": job.id}
        first = NewEvent("job.replayed", new.created_at, {"job_id": job.id}, new.id)
        return replace(new, inputs=inputs, events=(first,))

    def _document(self, job: JobRecord) -> tuple[str | None, dict[str, Any]]:
        """As its last attempt left it in the object store, else what is known without that."""
        found = self._log.read_last(job.id, "provenance", 1)
        digest = str(found[0].data["sha256"]) if found else ""
        try:
            data = self._read(capsule.key_of(digest)) if digest.isalnum() else b""
        except NotFound:
            data = b""
        if data and hashlib.sha256(data).hexdigest() == digest:
            return digest, json.loads(data)
        dataset = job.inputs.get("dataset")
        return None, capsule.describe(job.spec, dataset, self._hyperparameters(job.spec), {})


def _files(job: JobRecord) -> dict[str, str]:
    """What a completed job left: its model's files, or those that its own code wrote; SHA-256 by path."""
    if job.status is not JobStatus.COMPLETED or not job.result:
        return {}
    listed = (job.result.get("model") or {}).get("files") or job.result.get("files") or ()
    return {str(one["path"]): str(one["sha256"]) for one in listed if one["path"] not in NOT_COMPARED}
