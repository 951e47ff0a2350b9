"""How much each hyperparameter matters, by Optuna's fANOVA: in a process of its own, so that its libraries stay there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tensorfleet.errors import Unavailable

TIMEOUT_S = 120.0


def importance(tune: dict[str, Any], trials: list[dict[str, Any]]) -> dict[str, float]:
    """A weight for each hyperparameter of completed trials, `{params, value}` each; they add up to 1.

    Raises:
        Unavailable: it could not be computed here.
    """
    command = [sys.executable, "-m", "tensorfleet.tuner.importance"]
    given = json.dumps({"tune": tune, "trials": trials})
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"importance was not computed within {TIMEOUT_S:.0f} s; ask again") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unavailable(f"importance cannot be computed: {last[:300]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def compute(tune: dict[str, Any], trials: list[dict[str, Any]]) -> dict[str, float]:
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    from tensorfleet.tuning.distributions import distribution_of, inward
    from tensorfleet.tuning.space import parse_space

    space = parse_space(tune["space"])
    distributions = {name: distribution_of(one) for name, one in space.items()}
    study = optuna.create_study(direction=tune["objective"][0]["direction"])
    for trial in trials:
        params = {name: inward(value) for name, value in trial["params"].items()}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=trial["value"])
        )
    weights = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {name: float(weights.get(name, 0.0)) for name in space}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(compute(asked["tune"], asked["trials"]), sys.stdout)
