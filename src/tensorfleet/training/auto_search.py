"""The search of `auto`: rounds of candidates, each cross-validated, on all ranks of the job.

Ranks share the folds of a round's candidates.  Rank 0 says what a round has, takes what came of it, and saves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput
from tensorfleet.training import auto_fitting
from tensorfleet.training.auto_candidates import ROUND, Candidate, Proposer, ranked
from tensorfleet.training.auto_exam import Exam, broadcast, gather, said
from tensorfleet.training.auto_guard import Cut, Guard
from tensorfleet.training.auto_scoring import measure
from tensorfleet.training.policy import Timer
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.algorithms.auto import AutoParams
    from tensorfleet.training.auto_families import Family
    from tensorfleet.training.meeting import Meeting
    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

MOST_POOLED = 30
"""Candidates whose predictions are kept, and may become members of the ensemble."""
SEARCH_SHARE = 0.85
"""Of the progress bar."""
_LIMIT_SHARE, _LIMIT_S = 0.2, 10.0
"""Of the time budget, for one candidate on each rank; so many seconds it may have in any case."""
_MOST_FAILURES = 20
_SAVE_MINUTES = 2 / 60
_USUAL_MEMBERS = 5
_OVER = "the time is over"


class Search:
    """One rank's part of a search.

    Args:
        families: the same on all ranks.
        clock: in seconds.
        began: when the job's time began to run.
    """

    def __init__(
        self,
        session: Session,
        meeting: Meeting,
        guard: Guard,
        exam: Exam,
        families: Mapping[str, Family],
        params: AutoParams,
        clock: Callable[[], float],
        began: float,
    ) -> None:
        self._session, self._meeting, self._guard, self._exam = session, meeting, guard, exam
        self._families, self._params, self._clock = families, params, clock
        self._proposer = Proposer(families, exam.metric, session.context.seed, params.skip)
        self._known: dict[int, Candidate] = {}
        self._ended = self._stop = False
        self._began = began
        self._timer = Timer(_SAVE_MINUTES)

    @property
    def spent_s(self) -> float:
        """Of the time budget, by all attempts of the job."""
        return self._clock() - self._began

    @property
    def candidates(self) -> list[Candidate]:
        return [self._known[number] for number in sorted(self._known)]

    def run(self) -> None:
        """Returns when the time is over or all candidates are done; on rank 0 they are in `candidates` then.

        Raises:
            Stopped: a rank was asked to stop, and what is done is saved.
            DataInvalid: no candidate could be trained.
        """
        if self._meeting.rank == 0:
            self._resume()
        while True:
            plan = broadcast(self._meeting, self._plan() if self._meeting.rank == 0 else None)
            if plan["failed"]:
                raise DataInvalid(plan["failed"])
            if plan["stop"]:
                raise Stopped(plan["done"])
            if not plan["candidates"]:
                return
            answers = gather(self._meeting, self._evaluated(plan))
            if answers is not None:
                self._take(plan, answers)

    # ---- rank 0: what comes next -------------------------------------------------------------------------------------

    def _plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = {
            "failed": "",
            "stop": self._stop or self._session.stop.asked,
            "candidates": [],
        }
        plan["done"] = len(self._known)
        if plan["stop"]:
            self.save(wait=True)
            return plan
        scored = ranked(self.candidates)
        asked = [] if self._over(scored) else self._next()
        if not asked:
            self._fill_gaps()
            if not scored:
                plan["failed"] = self._failed()
            self.save(wait=True)
            return plan
        budget = self._params.time_budget_s
        plan["candidates"] = [[one.number, one.family, one.hyperparameters] for one in asked]
        plan["free"] = None if scored else asked[0].number  # there shall be a model, however short the time
        plan["left_s"] = None if budget is None else budget - self.spent_s - self._reserve_s(scored)
        plan["limit_s"] = None if budget is None else max(_LIMIT_S, budget * _LIMIT_SHARE)
        return plan

    def _over(self, scored: Sequence[Candidate]) -> bool:
        most, budget = self._params.max_candidates, self._params.time_budget_s
        if most is not None and len(self._known) >= most:
            return True
        last = self.candidates[-_MOST_FAILURES:]
        if len(last) == _MOST_FAILURES and all(one.score is None for one in last):
            return True
        if not scored or budget is None:
            return False
        return self._ended or self.spent_s + self._reserve_s(scored) >= budget

    def _next(self) -> list[Candidate]:
        """The candidates of the first round that is not through; empty when none is left."""
        most = self._params.max_candidates
        while True:
            missing = next(number for number in range(len(self._known) + 1) if number not in self._known)
            found = self._proposer.round(missing // ROUND * ROUND, self.candidates)
            found = [one for one in found if one.number not in self._known]
            found = [one for one in found if most is None or one.number < most]
            for one in found:
                if one.reason is not None:
                    self._note(one)
            asked = [one for one in found if one.reason is None]
            if asked or not found:
                return asked

    def _fill_gaps(self) -> None:
        """Says of those that were overtaken before the end why they are missing, so that a replay can leave them out."""
        for missing in sorted(set(range(max(self._known, default=0))) - set(self._known)):
            start = missing // ROUND * ROUND
            one = self._proposer.round(start, self.candidates)[missing - start]
            one.reason, one.again = "the time was over before it was done", False
            self._note(one)

    def _reserve_s(self, scored: Sequence[Candidate]) -> float:
        """About what the final training of an ensemble takes."""
        folds, best = len(self._exam.folds), scored[:_USUAL_MEMBERS]
        return 1.3 * sum(one.seconds for one in best) / folds / self._meeting.world_size

    def _failed(self) -> str:
        first = next((one for one in self.candidates if one.again), None) or self.candidates[0]
        return (
            f"auto: none of {len(self._known)} candidates could be trained;"
            f" the first, {first.family}, because {first.reason}"
        )

    # ---- all ranks ---------------------------------------------------------------------------------------------------

    def _evaluated(self, plan: dict[str, Any]) -> dict[str, Any]:
        """This rank's folds: predictions and seconds by candidate and fold, and why there are none."""
        began, folds = self._clock(), len(self._exam.folds)
        done: dict[str, Any] = {"folds": {}, "seconds": {}, "reasons": {}, "stop": False, "ended": False}
        for position, (number, family, values) in enumerate(plan["candidates"]):
            found: dict[int, Array] = {}
            used = 0.0
            for fold in range(folds):
                if (position * folds + fold) % self._meeting.world_size != self._meeting.rank:
                    continue
                seconds, why = self._limit(plan, number, used, self._clock() - began)
                since = self._clock()
                try:
                    if seconds is not None and seconds <= 0:
                        raise Cut(why)
                    found[fold] = self._guard.run(partial(self._fold, family, values, fold), seconds, why)
                except Cut as cut:
                    done["stop"], done["ended"] = not cut.why, cut.why == _OVER
                    if cut.why not in ("", _OVER):
                        done["reasons"][number] = [cut.why, False]
                except Exception as error:
                    done["reasons"][number] = [said(error), True]
                used += self._clock() - since
                if done["stop"] or done["ended"] or number in done["reasons"]:
                    break
            done["folds"][number], done["seconds"][number] = found, used
            if done["stop"] or done["ended"]:
                break
        return done

    def _limit(
        self, plan: dict[str, Any], number: int, used: float, elapsed: float
    ) -> tuple[float | None, str]:
        """How long the next fold may take, and what is said if it takes longer."""
        if plan["left_s"] is None or number == plan["free"]:
            return None, ""
        mine, left = plan["limit_s"] - used, plan["left_s"] - elapsed
        return (mine, f"it took more than {plan['limit_s']:.3g} s") if mine < left else (left, _OVER)

    def _fold(self, family: str, values: dict[str, Any], fold: int) -> Array:
        exam = self._exam
        train, test = exam.folds[fold]
        inner = replace(exam.problem, train=train, held_out=test)
        algorithm = self._families[family].algorithms[exam.problem.task]
        fitted = auto_fitting.fit(inner, algorithm, values, self._session.context)
        return auto_fitting.predicted(inner, fitted, exam.classes)

    # ---- rank 0: what came of it -------------------------------------------------------------------------------------

    def _take(self, plan: dict[str, Any], answers: Sequence[dict[str, Any]]) -> None:
        self._stop = any(one["stop"] for one in answers)
        self._ended = any(one["ended"] for one in answers)
        found = [
            self._joined(Candidate(number, family, values, self._exam.metric), answers)
            for number, family, values in plan["candidates"]
        ]
        for one in found:
            if one.score is not None or one.reason is not None:
                self._note(one)
        for one in ranked(self.candidates)[MOST_POOLED:]:
            one.predictions = None
        if self._timer.due() or self._session.context.policy.every_steps:
            self.save()

    def _joined(self, candidate: Candidate, answers: Sequence[dict[str, Any]]) -> Candidate:
        """With what all ranks found of it."""
        import numpy as np

        number, exam = candidate.number, self._exam
        candidate.seconds = sum(one["seconds"].get(number, 0.0) for one in answers)
        reasons = [one["reasons"][number] for one in answers if number in one["reasons"]]
        if reasons:
            candidate.reason, candidate.again = min(reasons)
            candidate.again = all(again for _, again in reasons)
            return candidate
        parts: dict[int, Array] = {}
        for one in answers:
            parts |= one["folds"].get(number, {})
        if len(parts) == len(exam.folds):
            ordered = [parts[fold] for fold in range(len(exam.folds))]
            truths = np.split(exam.truth, np.cumsum(exam.sizes)[:-1])
            candidate.predictions = np.concatenate(ordered)
            candidate.score = measure(exam.metric, exam.truth, candidate.predictions)
            values = [measure(exam.metric, *pair) for pair in zip(truths, ordered, strict=True)]
            candidate.std = float(np.std(values))
        return candidate

    def _note(self, one: Candidate) -> None:
        """Keeps a candidate that is through, and tells of it."""
        self._known[one.number] = one
        metric, best = self._exam.metric, ranked(self.candidates)
        values = {f"cv_{metric}": one.score} if one.score is not None else {}
        if best and best[0].score is not None:
            values[f"best_cv_{metric}"] = best[0].score
        self._session.report(step=one.number, **values)
        self._session.write(
            {"kind": "candidate", "at": time.time(), "step": one.number, "candidate": one.told()}
        )
        result = one.reason if one.score is None else f"{metric} {one.score:.5g} ± {one.std:.2g}"
        print(f"{one.number:>4}  {one.family:<17}  {result}  ({one.seconds:.2f} s)", flush=True)
        self._session.progress(SEARCH_SHARE * self._share())

    def _share(self) -> float:
        most, budget = self._params.max_candidates, self._params.time_budget_s
        return max(
            len(self._known) / most if most else 0.0, min(1.0, self.spent_s / budget) if budget else 0.0
        )

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    def save(self, *, wait: bool = False) -> None:
        """Stores what is done; the next attempt goes on from there."""
        state = {
            "auto": self._about(),
            "spent_s": self.spent_s,
            "candidates": [one.state() for one in self.candidates],
        }
        session = self._session
        session.saver.save(state, len(self._known), session.last_values, with_rng=False)
        if wait:
            session.saver.wait()
        self._timer.reset()

    def _about(self) -> dict[str, Any]:
        """What has to be the same for a search to go on."""
        return {
            "metric": self._exam.metric,
            "families": list(self._families),
            "seed": self._session.context.seed,
            "rows": self._exam.sizes,
        }

    def _resume(self) -> None:
        state = self._session.restore(rng=False)
        if state is None:
            return
        if not isinstance(state, dict) or state.get("auto") != self._about():
            raise InvalidInput(
                "the checkpoint is of another search: dataset, split, seed, metric, folds and families have to stay as they"
                " were"
            )
        names = {one.name for one in fields(Candidate)}
        for one in state["candidates"]:
            known = Candidate(**{name: value for name, value in one.items() if name in names})
            self._known[known.number] = known
        self._began -= float(state["spent_s"])
        print(f"resuming after {len(self._known)} candidates", flush=True)
