"""One study, from its first question to its end.

It keeps nothing that is not in the database: after a crash the next one makes itself from the same rows.  Each step is
written before it is acted on, and each act may be repeated: a trial's job has an id and a key from its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from tensorfleet.errors import Conflict, NotFound
from tensorfleet.jobs.model import Event, JobRecord, JobStatus, NewEvent
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.ids import new_id
from tensorfleet.tuner.beginning import Beginning, Queue
from tensorfleet.tuner.plans import log_entries, plan_of
from tensorfleet.tuner.reports import Reports
from tensorfleet.tuning.again import going_on, to_repeat
from tensorfleet.tuning.breeding import legs
from tensorfleet.tuning.model import AGAIN, JOB_ENDS, Trial, TrialState, best_of
from tensorfleet.tuning.ports import TrialStore
from tensorfleet.tuning.schemas import TuneSpec
from tensorfleet.tuning.space import parse_space
from tensorfleet.tuning.steering import End, decide
from tensorfleet.tuning.trial_jobs import ended

if TYPE_CHECKING:
    from tensorfleet.tuner.asker import Asker

BEST = "best"
"""The alias of the version that a study registers."""

_log = structlog.get_logger(__name__)


class Jobs(Queue, Protocol):
    """What a study does with jobs."""

    def get(self, job_id: str) -> JobRecord: ...

    def request(self, job_id: str, intent: str) -> None:
        """Asks for `cancel`, `pause` or `resume`.

        Raises:
            Conflict: the job's status does not allow it.
        """
        ...


class Conductor:
    """Call `take` with what happened to trials' jobs, then `advance`."""

    def __init__(
        self, study: JobRecord, store: TrialStore, jobs: Jobs, reports: Reports, clock: Clock
    ) -> None:
        self.study = study
        self.status = study.status
        self._spec = TuneSpec.model_validate(study.spec["tune"])
        self._store = store
        self._jobs = jobs
        self._reports = reports
        self._clock = clock
        self._beginning = Beginning(study, jobs)
        self._plan = plan_of(self._spec, study)
        self._trials: list[Trial] = []
        self._numbers: dict[str, int] = {}
        self._asker: Asker | None = None

    def load(self) -> None:
        """Takes up what the rows say: submits what was not submitted, tells what ended meanwhile."""
        self._trials = self._store.trials(self.study.id)
        self._numbers = {trial.job_id: trial.number for trial in self._trials}
        known = self._store.jobs_of([trial.job_id for trial in self._trials])
        running = [trial for trial in self._trials if not trial.state.ended]
        self._finish(self._submit([trial for trial in running if trial.job_id not in known]))
        for trial in self._trials:
            job = known.get(trial.job_id)
            if trial.state.ended and job and not job.status.ended and not job.cancel_requested:
                self._request(trial, "cancel")
        over = [trial for trial in running if trial.job_id in known and known[trial.job_id].status.ended]
        self._finish([ended(t, known[t.job_id], self._spec.objective, self._clock()) for t in over])

    def knows(self, job_id: str | None) -> bool:
        return job_id in self._numbers

    def take(self, events: Sequence[Event]) -> None:
        """What happened to the jobs of its trials."""
        over: dict[int, Trial] = {}
        for event in events:
            trial = self._trials[self._numbers[event.job_id or ""]]
            if trial.state.ended or trial.number in over:
                continue
            if event.kind in JOB_ENDS:
                over[trial.number] = trial
            elif self._spec.pruner != "none" and self._is_to_stop(trial, event):
                self._finish([self._pruned(trial)])
                self._request(trial, "cancel")
        if over:
            found = self._store.jobs_of([trial.job_id for trial in over.values()])
            now = self._clock()
            self._finish(
                [
                    ended(trial, found[trial.job_id], self._spec.objective, now)
                    for trial in over.values()
                    if trial.job_id in found
                ]
            )

    def advance(self) -> None:
        """Asks for new trials, or ends the study."""
        while self.status is JobStatus.RUNNING:
            following = decide(self._plan, self._trials, self._clock())
            if following.end is not None:
                if following.stop:
                    self._stop_running("the study has ended")
                self._end(following.end)
            elif not self._begin(following.ask):
                return

    # ---- what people ask for --------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        self._stop_running("the study was cancelled")
        self._end(End(JobStatus.CANCELLED, "cancelled on request"))

    def pause(self) -> None:
        if self.status is not JobStatus.RUNNING:
            return
        for trial in self._running():
            self._request(trial, "pause")
        self._move(JobStatus.PAUSED, "job.paused")

    def resume(self) -> None:
        if self.status is not JobStatus.PAUSED:
            return
        for trial in self._running():
            self._request(trial, "resume")
        self._move(JobStatus.RUNNING, "job.resumed")

    def retry(self, more: int | None = None) -> None:
        """Takes the study up again after its end: with so many more trials, else with those that did not complete.

        It is written in one step, and not at all while the study runs; `load` then submits the jobs.
        """
        self._trials = self._store.trials(self.study.id)
        now = self._clock()
        chosen = [] if more else to_repeat(self._spec, self._trials)
        new = [
            Trial(self.study.id, number, new_id("j"), old.params, now, notes={**old.notes, AGAIN: old.number})
            for number, old in enumerate(chosen, start=len(self._trials))
        ]
        study = replace(self.study, inputs=going_on(self.study.inputs, more or 0, len(new), now))
        if not new and decide(plan_of(self._spec, study), self._trials, now).end:
            return
        event = NewEvent("job.retried", now, {"trials": more, "again": len(new)}, study.id)
        self._store.reopen(study.id, now, study.inputs, new, [event])

    # ---- trials ---------------------------------------------------------------------------------------------------------

    def _begin(self, count: int) -> bool:
        """Asks for so many trials and submits them; False when there was nothing to ask or all of them wait or run now."""
        if count == 0:
            return False
        now = self._clock()
        first = len(self._trials)
        new = [
            Trial(self.study.id, number, new_id("j"), params, now, notes=notes)
            for number, (params, notes) in enumerate(self._proposed(count), start=first)
        ]
        refused = [self._failed(trial, why) for trial in new if (why := self._beginning.wrong(trial))]
        self._store.add(new)
        self._trials += new
        self._numbers |= {trial.job_id: trial.number for trial in new}
        out = {trial.number for trial in refused}
        refused += self._submit([trial for trial in new if trial.number not in out])
        self._finish(refused)
        return bool(refused)

    def _proposed(self, count: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Hyperparameters and notes of so many new trials."""
        if self._plan.population is None:
            return [self._optuna().ask()[1:] for _ in range(count)]
        space = parse_space(self._spec.space)
        found = legs(self._plan.population, space, self._seed(), self._trials)[:count]
        return [(leg.params, leg.place.to_notes()) for leg in found]

    def _submit(self, new: Sequence[Trial]) -> list[Trial]:
        """Queues the trials' jobs; returns those trials that cannot begin, as failed."""
        refused = self._beginning.submit(new, self._trials)
        return [self._failed(trial, refused[trial.number]) for trial in new if trial.number in refused]

    def _failed(self, trial: Trial, reason: str) -> Trial:
        return replace(trial, state=TrialState.FAILED, reason=reason, finished_at=self._clock())

    def _is_to_stop(self, trial: Trial, event: Event) -> bool:
        metric = self._spec.objective[0].metric
        found = [
            self._optuna().report(trial.number, step, value)
            for step, value in self._reports.of_event(event, metric)
        ]
        return any(found)

    def _pruned(self, trial: Trial) -> Trial:
        reports = self._reports.of_job(trial.job_id, self._spec.objective[0].metric)
        step = max(reports)
        return replace(
            trial, state=TrialState.PRUNED, values=(reports[step],), finished_at=self._clock(),
            reason=f"stopped at step {step} by the {self._spec.pruner} pruner",
        )  # fmt: skip

    def _finish(self, over: Sequence[Trial]) -> None:
        """Writes the ends of trials, then tells Optuna."""
        if not over:
            return
        # Before the trials change: it takes up those that still run as running.
        asker = self._optuna() if self._plan.population is None else None
        for trial in over:
            self._trials[trial.number] = trial
        progress = min(1.0, sum(trial.state.ended for trial in self._trials) / self._plan.trials)
        self._store.finish(
            self.study.id,
            over,
            progress,
            self._best_values(),
            log_entries(self.study.id, over, self._names()),
        )
        if asker is not None:
            for trial in over:
                asker.tell(trial)

    def _seed(self) -> int:
        return int(self.study.spec["seed"] if self._spec.seed is None else self._spec.seed)

    def _optuna(self) -> Asker:
        if self._asker is None:
            from tensorfleet.tuner.asker import Asker

            reports = {}
            if self._spec.pruner != "none":
                metric = self._spec.objective[0].metric
                reports = {t.number: self._reports.of_job(t.job_id, metric) for t in self._trials}
            self._asker = Asker(self.study.id, self._spec, self._seed(), self._trials, reports)
        return self._asker

    def _running(self) -> list[Trial]:
        return [trial for trial in self._trials if not trial.state.ended]

    def _stop_running(self, reason: str) -> None:
        running = self._running()
        for trial in running:
            self._request(trial, "cancel")
        now = self._clock()
        self._finish(
            [replace(t, state=TrialState.CANCELLED, reason=reason, finished_at=now) for t in running]
        )

    def _request(self, trial: Trial, intent: str) -> None:
        try:
            self._jobs.request(trial.job_id, intent)
        except (Conflict, NotFound) as error:
            _log.info("too late for a trial's job", intent=intent, detail=error.detail)

    # ---- the study ------------------------------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return [one.metric for one in self._spec.objective]

    def _best(self) -> list[Trial]:
        return best_of(self._trials, [one.direction for one in self._spec.objective])

    def _best_values(self) -> dict[str, Any]:
        best = self._best()
        if len(self._spec.objective) > 1 or not best:
            return {}
        return dict(zip(self._names(), best[0].values or (), strict=True))

    def _end(self, end: End) -> None:
        result = self._result(register=end.status is JobStatus.COMPLETED)
        self._move(end.status, f"job.{end.status.value}", end.reason, result)

    def _move(
        self, status: JobStatus, kind: str, reason: str | None = None, result: dict[str, Any] | None = None
    ) -> None:
        now = self._clock()
        data = {"attempt": 1, "reason": reason} if reason else {"attempt": 1}
        event = NewEvent(kind, now, data, self.study.id)
        self._store.set_status(self.study.id, status, now, [event], reason, result)
        self.status = status

    def _result(self, *, register: bool) -> dict[str, Any]:
        """With the model of the best trial, if there is one best trial, and the study may register it."""
        best = self._best()
        result: dict[str, Any] = {"best": [trial.number for trial in best], "metrics": self._best_values()}
        if not register or len(best) != 1:
            return result
        try:
            found = self._jobs.get(best[0].job_id).result or {}
        except NotFound:  # somebody deleted the job
            return result
        kept = {key: found[key] for key in ("model", "evaluation", "metrics") if found.get(key)}
        return result | kept | ({"aliases": [BEST]} if found.get("model") else {})
