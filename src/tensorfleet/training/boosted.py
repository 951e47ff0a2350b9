"""Gradient boosting by XGBoost or LightGBM, on all ranks of the job together.

Every rank grows the same trees: the libraries add up what the ranks count on their own rows.  What is between two rounds is in
`boosted_rounds`, what is a library's own in `boosted_xgboost` and `boosted_lightgbm`.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput, Unavailable
from tensorfleet.training import artifacts, memory
from tensorfleet.training.algorithm import CLASSIFICATION, Algorithm
from tensorfleet.training.boosted_data import BoostingData, load_rows
from tensorfleet.training.boosted_model import BoostedModel, open_booster, pack_boosted
from tensorfleet.training.boosted_rounds import Rounds
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.evaluation import DETAILS, evaluate, on_validation, predictions
from tensorfleet.training.importance import importance
from tensorfleet.training.meeting import GONE_GRACE_S, Meeting
from tensorfleet.training.template_imports import KEPT_OUT, without

if TYPE_CHECKING:
    from tensorfleet.training.algorithms.boosted import BoostedParams
    from tensorfleet.training.session import Session


@dataclass(frozen=True)
class Work:
    """What a library trains on.

    Attributes:
        params: the hyperparameters.
        threads: how many it may use.
    """

    data: BoostingData
    params: BoostedParams
    rounds: Rounds
    meeting: Meeting
    seed: int
    threads: int


def train(session: Session, algorithm: Algorithm, params: BoostedParams) -> dict[str, Any]:
    """Trains with the job's other ranks and returns the task's outcome; rank 0's has the model."""
    context = session.context
    import_library(algorithm)
    with Meeting(session) as meeting:
        problem = load_problem(session, algorithm)
        ends_early = params.early_stopping_rounds is not None
        if ends_early:
            problem = problem.with_validation(context.seed, params.validation_fraction)
        data = load_rows(problem, context, ends_early)
        session.timeline.mark("prepared")
        rounds = Rounds(session, meeting, algorithm.name, params, squared=problem.task != CLASSIFICATION)
        print(
            f"{algorithm.name}: {problem.task} of '{problem.target}', {data.train.x.shape[1]} columns,"
            f" {len(data.train.y)} training rows here, {context.world_size} rank{'s' * (context.world_size > 1)}",
            flush=True,
        )
        began = time.perf_counter()
        work = Work(data, params, rounds, meeting, context.seed, max(1, int(context.cpus)))
        booster = boost(algorithm, work)
        print(f"{rounds.done} rounds in {time.perf_counter() - began:.3f} s", flush=True)
        outcome = _outcome(session, problem, algorithm, data, booster) if context.rank == 0 else None
        meeting.broadcast(b"done")  # a rank that left before would look lost to the others
    return outcome or {"metrics": {}, "evaluation": {}, "model": None}


def import_library(algorithm: Algorithm) -> None:
    """Imports the library that does the work.

    It comes in with the task: 25 ms and 20 MB where it is needed, instead of for all.  Without pandas and pyarrow, which it would
    import where they are there, and which take ten times as long.

    Raises:
        InvalidInput: it is not installed on this worker.
    """
    try:
        with without(KEPT_OUT):
            importlib.import_module(algorithm.name)
    except (ModuleNotFoundError, OSError) as error:
        raise InvalidInput(
            f"{algorithm.library} cannot be used on this worker ({str(error).splitlines()[0]});"
            f" install it there with: pip install 'tensorfleet[{algorithm.name}]'"
        ) from error


def boost(algorithm: Algorithm, work: Work) -> bytes:
    """The booster's bytes, of the best round where training ends early."""
    backend = importlib.import_module(f"tensorfleet.training.boosted_{algorithm.name}")
    if work.rounds.over and work.rounds.booster is not None:
        return bytes(backend.cut(work.rounds.booster, work.rounds.best))
    try:
        return bytes(backend.boost(work))
    except Unavailable:
        time.sleep(GONE_GRACE_S)
        raise
    except backend.ERROR as error:
        if memory.ran_out(error):
            raise MemoryError(str(error)) from error
        said = str(error).strip().splitlines()
        reason = next((line.strip() for line in reversed(said) if line.strip()), type(error).__name__)
        if work.meeting.world_size > 1:
            time.sleep(GONE_GRACE_S)
            raise Unavailable(f"{algorithm.library} stopped on this rank: {reason}") from error
        raise DataInvalid(f"{algorithm.name} cannot be trained on this data: {reason}") from error


def _outcome(
    session: Session, problem: Problem, algorithm: Algorithm, data: BoostingData, booster: bytes
) -> dict[str, Any]:
    model = BoostedModel(open_booster(algorithm.name, booster), data.prepare, data.classes)
    metrics, evaluation = evaluate(problem, *predictions(problem, model))
    if (session.context.spec.get("evaluation") or {}).get("importance") == "permutation":
        found = importance(problem, model, session.context.seed, permute=True)
        evaluation.setdefault(DETAILS, {})["importance"] = found
    evaluation |= on_validation(problem, model)
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    files = pack_boosted(algorithm.name, booster, data)
    published = artifacts.publish_boosted(session, problem, model.classes_, algorithm.name, files, model)
    return {"metrics": metrics, "evaluation": evaluation, "model": published}
