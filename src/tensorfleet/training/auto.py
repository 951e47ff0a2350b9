"""`auto`: searches families of models and their hyperparameters within a time budget, and publishes an ensemble of the best."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid
from tensorfleet.training import artifacts, auto_fitting, preprocessing
from tensorfleet.training.auto_candidates import Candidate, import_optuna, ranked
from tensorfleet.training.auto_exam import Exam, broadcast, exam_of, gather, said
from tensorfleet.training.auto_families import families_for
from tensorfleet.training.auto_guard import Cut, Guard
from tensorfleet.training.auto_scoring import metric_for, select
from tensorfleet.training.auto_search import SEARCH_SHARE, Search
from tensorfleet.training.boosted import import_library
from tensorfleet.training.data import load_problem
from tensorfleet.training.ensemble import Ensemble, load_ensemble, pack_ensemble
from tensorfleet.training.evaluation import DETAILS, evaluate, on_validation, predictions
from tensorfleet.training.importance import importance
from tensorfleet.training.meeting import Meeting
from tensorfleet.training.models import load_estimator
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    from tensorfleet.training.algorithm import Algorithm
    from tensorfleet.training.algorithms.auto import AutoParams
    from tensorfleet.training.auto_families import Family
    from tensorfleet.training.data import Problem
    from tensorfleet.training.session import Session

Member = tuple[str, dict[str, bytes]]
"""A fitted member: its flavor and its files."""


def train(
    session: Session,
    algorithm: Algorithm,
    params: AutoParams,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Searches with the job's other ranks and returns the task's outcome; rank 0's has the model."""
    began = clock()
    import_optuna()
    session.listen_for_stop()
    with Meeting(session) as meeting, Guard(session) as guard:
        problem = load_problem(session, algorithm)
        exam = exam_of(problem, metric_for(problem.task, params.metric), params.folds, session.context.seed)
        families = _families(problem, params)
        session.timeline.mark("prepared")
        if meeting.rank == 0:
            print(
                f"auto: {problem.task} of '{problem.target}' by {exam.metric}: {len(problem.train)} rows in"
                f" {len(exam.folds)} folds, {problem.features.width} columns, {', '.join(families)}",
                flush=True,
            )
        search = Search(session, meeting, guard, exam, families, params, clock, began)
        search.run()
        members, found = _join(session, meeting, guard, exam, families, params, search)
        if meeting.rank:
            return {"metrics": {}, "evaluation": {}, "model": None}
        session.progress(0.95)
        return _outcome(session, exam, params, search, members, found)


def _families(problem: Problem, params: AutoParams) -> dict[str, Family]:
    """Those that this job tries; says which are left out, and why."""
    training = problem.features[problem.train]
    if not preprocessing.column_kinds(training):
        raise DataInvalid(f"no column is left to predict '{problem.target}' from")
    kept, left_out = families_for(
        problem.task, params.families, params.exclude, training.height, training.width
    )
    for name in ("xgboost", "lightgbm"):
        if name in kept:
            try:
                import_library(kept[name].algorithms[problem.task])
            except Exception as error:
                left_out[name] = said(error)
                del kept[name]
    for name, reason in left_out.items():
        print(f"{name} is left out: {reason}", flush=True)
    if not kept:
        raise DataInvalid(
            "auto has no family left to try: " + "; ".join(f"{n}: {r}" for n, r in left_out.items())
        )
    return kept


def _join(
    session: Session,
    meeting: Meeting,
    guard: Guard,
    exam: Exam,
    families: dict[str, Family],
    params: AutoParams,
    search: Search,
) -> tuple[dict[int, Member], float]:
    """The members of the ensemble by number, trained on all training rows, and what it is worth by the folds.

    The ranks share the members.  One that cannot be trained on all rows is taken out, and the others are chosen anew.
    """
    trained: dict[int, Member] = {}
    value, stop = 0.0, False
    while True:
        plan: dict[str, Any] = {"members": [], "stop": stop, "failed": ""}
        if meeting.rank == 0:
            best = ranked(search.candidates)
            weights, value = _weights(exam, best, params.ensemble_size) if best else ({}, 0.0)
            for one in search.candidates:
                one.weight = weights.get(one.number, 0.0)
            chosen = [one for one in best if one.weight]
            plan["members"] = [
                [one.number, one.family, one.hyperparameters] for one in chosen if one.number not in trained
            ]
            plan["failed"] = "" if chosen else "auto: no candidate could be trained on all rows"
            plan["done"] = len(search.candidates)
        plan = broadcast(meeting, plan)
        if plan["failed"]:
            raise DataInvalid(plan["failed"])
        if plan["stop"]:
            raise Stopped(plan["done"])
        if not plan["members"]:
            return {number: trained[number] for number in sorted(trained) if _weighted(search, number)}, value
        answers = gather(meeting, _trained(session, meeting, guard, exam, families, plan["members"]))
        for answer in answers or ():
            stop = stop or answer["stop"]
            trained |= {number: _unpacked(one) for number, one in answer["members"].items()}
            for number, reason in answer["reasons"].items():
                candidate = next(one for one in search.candidates if one.number == number)
                candidate.score, candidate.reason = None, f"on all rows {reason}"
        session.progress(SEARCH_SHARE + 0.08)


def _weighted(search: Search, number: int) -> bool:
    return any(one.number == number and one.weight for one in search.candidates)


def _weights(exam: Exam, best: list[Candidate], size: int) -> tuple[dict[int, float], float]:
    pool = {one.number: one.predictions for one in best if one.predictions is not None}
    return select(exam.metric, exam.truth, pool, size)


def _trained(
    session: Session,
    meeting: Meeting,
    guard: Guard,
    exam: Exam,
    families: dict[str, Family],
    members: list[Any],
) -> dict[str, Any]:
    """This rank's share of the members, as it is sent to rank 0."""
    import numpy as np

    done: dict[str, Any] = {"members": {}, "reasons": {}, "stop": False}
    for number, family, values in members[meeting.rank :: meeting.world_size]:
        algorithm = families[family].algorithms[exam.problem.task]
        try:
            fitted = guard.run(partial(auto_fitting.fit, exam.problem, algorithm, values, session.context))
            files = {path: np.frombuffer(data, dtype=np.uint8) for path, data in fitted.files().items()}
            done["members"][number] = {"flavor": fitted.flavor, "files": files}
        except Cut as cut:
            if not cut.why:
                done["stop"] = True
                break
            done["reasons"][number] = cut.why
        except Exception as error:
            done["reasons"][number] = said(error)
    return done


def _unpacked(sent: dict[str, Any]) -> Member:
    return str(sent["flavor"]), {path: data.tobytes() for path, data in sent["files"].items()}


def _outcome(
    session: Session,
    exam: Exam,
    params: AutoParams,
    search: Search,
    members: dict[int, Member],
    value: float,
) -> dict[str, Any]:
    problem, candidates = exam.problem, search.candidates
    by_number = {one.number: one for one in candidates}
    packed = [(flavor, by_number[number].weight, files) for number, (flavor, files) in members.items()]
    files = pack_ensemble(packed, exam.classes)
    model = _loaded(files)
    metrics, evaluation = evaluate(problem, *predictions(problem, model))
    metrics |= {f"cv_{exam.metric}": value}
    details = evaluation.setdefault(DETAILS, {})
    if (session.context.spec.get("evaluation") or {}).get("importance") == "permutation":
        details["importance"] = importance(problem, model, session.context.seed, permute=True)
    evaluation |= on_validation(problem, model)
    evaluation["auto"] = {
        "metric": exam.metric,
        "folds": len(exam.folds),
        "candidates": len(candidates),
        "failed": sum(one.score is None for one in candidates),
        "members": len(members),
        "seconds": round(search.spent_s, 3),
    }
    # With these a replay makes the same model, however fast its machine is.
    evaluation["replay"] = {
        "time_budget_s": None,
        "max_candidates": len(candidates),
        "skip": [one.number for one in candidates if one.score is None and not one.again],
    }
    lines = ranked(candidates) + [one for one in candidates if one.score is None]
    details["leaderboard"] = [one.told() for one in lines]
    print(
        f"ensemble of {len(members)} of {len(candidates)} candidates: {exam.metric} {value:.5g}", flush=True
    )
    print("held out: " + "  ".join(f"{name} {one:.4f}" for name, one in metrics.items()), flush=True)
    session.report(step=len(candidates), **metrics)
    flavors = [flavor for flavor, _ in members.values()]
    published = artifacts.publish_ensemble(session, problem, exam.classes, flavors, files)
    session.progress(1.0)
    return {"metrics": metrics, "evaluation": evaluation, "model": published}


def _loaded(files: dict[str, bytes]) -> Ensemble:
    """The model from its files: what is measured is what others will load."""
    with TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return load_ensemble(Path(folder), load_estimator)
