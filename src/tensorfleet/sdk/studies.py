# Made of sdk/aio/studies.py by `make sdk`: change that file. 10c3e51d80b8
"""Studies: a job that searches hyperparameters, and what it has found."""

from __future__ import annotations

import time
from typing import Any

from tensorfleet.errors import Conflict, NotFound, Unavailable
from tensorfleet.sdk.jobs import Job, Jobs
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.transport import Transport

_LOOK_S = 0.05


class Study(Job):
    """A job of `kind: tune`: everything of a job, and its trials.

    >>> study = client.tune("tune.yaml")
    >>> study.wait().best
    """

    def __repr__(self) -> str:
        return f"Study({self.id!r}, name={self.name!r}, status={self.status!r})"

    def wait(self, timeout: float | None = None, *, poll_s: float = 5.0) -> Study:
        """As `Job.wait`."""
        super().wait(timeout, poll_s=poll_s)
        return self

    def summary(self) -> dict[str, Any]:
        """How it stands: `counts` of trials by state, `best`, `objective`."""
        found: dict[str, Any] = self._transport.call("GET", segments("studies", self.id))
        return found

    @property
    def best(self) -> dict[str, Any]:
        """The best trial so far: `{number, job_id, params, value, values}`.

        Raises:
            NotFound: no trial has completed.
            Conflict: the study has several objectives, hence several best trials: see `summary()["best"]`.
        """
        found = self.summary()
        if len(found["objective"]) > 1:
            raise Conflict(
                f"study {self.id} has several objectives; read its best trials in summary()['best']"
            )
        if not found["best"]:
            raise NotFound(f"no trial of study {self.id} has completed")
        best: dict[str, Any] = found["best"][0]
        return best

    def trials(self) -> list[dict[str, Any]]:
        """All trials by number: `{number, job_id, state, params, value, values, reason, created_at, finished_at}`."""
        return self._items("trials")

    def history(self) -> list[dict[str, Any]]:
        """Completed trials in the order of their ends, with the best value up to each."""
        return self._items("history")

    def lineage(self) -> list[dict[str, Any]]:
        """Of a population: its trials, each with `generation`, `member`, `parent`, `copied` and `changes`.

        Raises:
            Conflict: the study has no population.
        """
        return self._items("lineage")

    def retry(self, trials: int | None = None, *, timeout: float = 30.0) -> Study:
        """Goes on with a study that has ended: with so many more trials, else with those that failed, were cancelled or are
        missing.  Returns when the tuner has taken it up.

        Raises:
            Conflict: it has not ended, or there is nothing to run.
            Unavailable: it was not taken up within `timeout` seconds.
        """
        before = self.refresh().data["attempt"]
        self._transport.call("POST", segments("studies", self.id, "retry"), json={"trials": trials})
        deadline = time.monotonic() + timeout
        while self.refresh().data["attempt"] == before:
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"study {self.id} is to go on, but no tuner has taken it up within {timeout:g} s; does one run?"
                )
            self._transport.sleep(_LOOK_S)
        return self

    def importance(self) -> list[dict[str, Any]]:
        """`{name, importance}` for each hyperparameter, the most important first; they add up to 1.

        Raises:
            Conflict: too few trials completed.
        """
        return self._items("importance")

    def parallel(self) -> dict[str, Any]:
        """Parallel coordinates: `axes`, `objectives` and `lines`, one for each completed trial."""
        found: dict[str, Any] = self._transport.call("GET", segments("studies", self.id, "parallel"))
        return found

    def _items(self, kind: str) -> list[dict[str, Any]]:
        return list(self._transport.pages(segments("studies", self.id, kind)))


class Studies:
    """`client.studies`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, status: str | None = None, limit: int | None = 100) -> list[dict[str, Any]]:
        """Summaries, the newest first; all of them when `limit` is None."""
        return list(self._transport.pages("/studies", {"status": status}, limit))

    def get(self, study_id: str) -> Study:
        """The study with this id.

        Raises:
            NotFound: there is none.
        """
        return self._checked(Jobs(self._transport).get(study_id))

    def find(self, ref: str) -> Study:
        """The study that `ref` means: an id, a name (the latest one of that name), or the beginning of one id.

        Raises:
            NotFound: there is none.
        """
        named = Jobs(self._transport).list(name=ref, kind="tune", limit=1)
        return self._checked(named[0] if named else Jobs(self._transport).find(ref))

    def _checked(self, job: Job) -> Study:
        if job.data["kind"] != "tune":
            raise NotFound(f"job {job.id} ({job.name}) is no study; its kind is {job.data['kind']}")
        return Study(self._transport, job.data)
