"""From a trial's row to its job in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from tensorfleet.errors import FieldError, NotFound
from tensorfleet.jobs.model import JobRecord
from tensorfleet.jobs.ports import NewJob
from tensorfleet.jobs.schemas import JobSpec, parse_spec
from tensorfleet.tuning.model import Trial
from tensorfleet.tuning.trial_jobs import begins_at, trial_job, trial_spec


class Queue(Protocol):
    """Where trials' jobs go."""

    def submit(self, new: Sequence[NewJob]) -> None:
        """Queues those that are not queued yet."""
        ...

    def begun_at(self, new: NewJob, source_id: str) -> NewJob:
        """The same job, with a copy of the newest checkpoint of another one to go on from.

        Raises:
            NotFound: that one has no checkpoint.
        """
        ...

    def check(self, spec: JobSpec) -> Sequence[FieldError]: ...

    def most_accumulation(self, spec: JobSpec) -> int: ...


class Beginning:
    """Submits the jobs of one study's trials; whatever is submitted twice is one job."""

    def __init__(self, study: JobRecord, queue: Queue) -> None:
        self._study = study
        self._queue = queue

    def wrong(self, trial: Trial) -> str | None:
        """Why the algorithm would refuse a combination, although it takes each of its values."""
        return (
            "; ".join(f"{error.field}: {error.message}" for error in self._queue.check(self._spec(trial)))
            or None
        )

    def submit(self, new: Sequence[Trial], trials: Sequence[Trial]) -> dict[int, str]:
        """Queues the jobs of new trials; returns those that cannot begin, by number, with the reason.

        Args:
            trials: all of the study's, from whose checkpoints some of the new ones begin.
        """
        queued, refused = [], {}
        for trial in new:
            try:
                queued.append(self._job(trial, trials))
            except NotFound as error:
                refused[trial.number] = error.detail
        if queued:
            self._queue.submit(queued)
        return refused

    def _job(self, trial: Trial, trials: Sequence[Trial]) -> NewJob:
        job = trial_job(self._study, trial, self._queue.most_accumulation(self._spec(trial)))
        numbers, needed = begins_at(trial, trials)
        for number in numbers:
            with suppress(NotFound):
                return self._queue.begun_at(job, trials[number].job_id)
        if needed:
            raise NotFound(
                f"trial {numbers[-1]}, from which it is to go on, has left no checkpoint; own code has to call train.save"
            )
        return job

    def _spec(self, trial: Trial) -> JobSpec:
        return parse_spec(trial_spec(self._study.spec, trial.params, trial.number))
