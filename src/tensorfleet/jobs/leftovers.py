"""What a job has left in the object store, removed when the job is deleted; never what something else still refers to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tensorfleet.errors import NotFound
from tensorfleet.jobs import capsule
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import JobRecord

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore

ITS_OWN = ("files", "checkpoints", "profiles", "meetings")
"""Folders in which everything below a job's id is that job's alone: a fork has a copy of the checkpoint that it began at."""
MOST_ATTEMPTS = 1000


class Leftovers:
    """Clears what deleted jobs leave.

    Args:
        shared: whether another job is, or is about to be, described by the provenance document of this digest.
        registered: whether a model version is, or is about to be, made of this job's model.
    """

    def __init__(
        self,
        objects: ObjectStore,
        log: SqlEventLog,
        shared: Callable[[JobRecord, str], bool],
        registered: Callable[[str], bool],
    ) -> None:
        self._objects = objects
        self._log = log
        self._shared = shared
        self._registered = registered

    def clear(self, job: JobRecord) -> None:
        """Removes what only this job has.  Called before the job is forgotten, so that what failed can be done again.

        Raises:
            Unavailable: the object store is away; the job is as it was, less what was removed.
        """
        for folder in ITS_OWN:
            self._remove(f"{folder}/{job.id}")
        if not self._may_have_version(job):
            self._remove(f"models/{job.id}")
        told = self._log.read_last(job.id, "provenance", MOST_ATTEMPTS)
        for digest in {str(event.data.get("sha256") or "") for event in told}:
            if digest.isalnum() and not self._shared(job, digest):
                self._objects.delete(capsule.key_of(digest))

    def _may_have_version(self, job: JobRecord) -> bool:
        """Whether there is a model version of it, or may be soon: of a study's trials the best one gets a name at the end."""
        return bool(job.model_name or job.inputs.get("study")) or self._registered(job.id)

    def _remove(self, prefix: str) -> None:
        try:
            keys = [info.key for info in self._objects.list(prefix)]
        except NotFound:
            return
        for key in keys:
            self._objects.delete(key)
