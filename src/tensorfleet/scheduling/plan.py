"""What would happen to a job if it were submitted now."""

from __future__ import annotations

from dataclasses import replace

from tensorfleet.scheduling.explain import explain
from tensorfleet.scheduling.model import Place, Snapshot, Wait, WaitingJob


def plan(snapshot: Snapshot, job: WaitingJob) -> Place | Wait:
    """The answer that `explain` would give for it: nothing is submitted."""
    return explain(replace(snapshot, queue=(*snapshot.queue, job)), job.id)
