"""The parts of `auto` that decide: metrics, the choice of an ensemble, what is tried next; models that may come from anyone."""

import json

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline

from tensorfleet.errors import InvalidInput
from tensorfleet.jobs import leaderboard
from tensorfleet.training import auto_scoring
from tensorfleet.training.algorithm import CLASSIFICATION, REGRESSION
from tensorfleet.training.auto_candidates import ROUND, Candidate, Proposer
from tensorfleet.training.auto_families import families_for
from tensorfleet.training.ensemble import load_ensemble, pack_ensemble
from tensorfleet.training.models import load_estimator
from tensorfleet.training.skops_file import dump_skops
from tensorfleet.tuning.space import Choice

RANDOM = np.random.default_rng(3)
TRUTH = RANDOM.integers(0, 3, 200)
CHANCES = RANDOM.dirichlet([1, 1, 1], 200)
X = RANDOM.normal(size=(60, 3))


@pytest.mark.parametrize(
    ("metric", "truth", "predicted", "expected"),
    [
        ("log_loss", TRUTH, CHANCES, metrics.log_loss(TRUTH, CHANCES)),
        ("accuracy", TRUTH, CHANCES, metrics.accuracy_score(TRUTH, CHANCES.argmax(axis=1))),
        ("balanced_accuracy", TRUTH, CHANCES, metrics.balanced_accuracy_score(TRUTH, CHANCES.argmax(axis=1))),
        ("f1_macro", TRUTH, CHANCES, metrics.f1_score(TRUTH, CHANCES.argmax(axis=1), average="macro")),
        ("roc_auc", TRUTH, CHANCES, metrics.roc_auc_score(TRUTH, CHANCES, multi_class="ovr")),
        ("rmse", X[:, 0], X[:, 1], metrics.root_mean_squared_error(X[:, 0], X[:, 1])),
        ("mae", X[:, 0], X[:, 1], metrics.mean_absolute_error(X[:, 0], X[:, 1])),
        ("r2", X[:, 0], X[:, 1], metrics.r2_score(X[:, 0], X[:, 1])),
    ],
)
def test_metrics_are_scikit_learns(metric, truth, predicted, expected):
    assert auto_scoring.measure(metric, truth, predicted) == pytest.approx(expected)


def test_an_ensemble_takes_what_makes_up_for_each_other():
    truth = np.zeros(100)
    high, low, far = np.full(100, 1.0), np.full(100, -1.0), np.full(100, 9.0)
    assert auto_scoring.select("rmse", truth, {4: high, 7: low, 9: far}, 5) == ({4: 0.5, 7: 0.5}, 0.0)
    assert auto_scoring.select("rmse", truth, {4: high, 7: low, 9: far}, 1) == ({4: 1.0}, 1.0)
    assert auto_scoring.select("rmse", truth, {4: high, 9: far}, 10) == ({4: 1.0}, 1.0)


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "roc_auc"])
def test_an_ensemble_is_never_worse_than_its_best_member(metric):
    pool = {number: RANDOM.dirichlet([1, 1, 1], 200) for number in range(6)}
    alone = max(auto_scoring.gain(metric, auto_scoring.measure(metric, TRUTH, one)) for one in pool.values())
    weights, value = auto_scoring.select(metric, TRUTH, pool, 15)
    mean = sum(weight * pool[number] for number, weight in weights.items())
    assert auto_scoring.measure(metric, TRUTH, mean) == pytest.approx(value)
    assert auto_scoring.gain(metric, value) >= alone
    assert sum(weights.values()) == pytest.approx(1)


def test_what_is_tried_is_within_its_ranges_and_valid():
    for task in (CLASSIFICATION, REGRESSION):
        kept, _ = families_for(task, None, (), 1000, 10)
        for name, family in kept.items():
            for values in family.first:
                family.algorithms[task].params(**values)
                for key, value in values.items():
                    space = family.space[key]
                    fits = (
                        value in space.values
                        if isinstance(space, Choice)
                        else space.low <= value <= space.high
                    )
                    assert fits, (name, key)
            assert set(family.space) <= set(family.algorithms[task].params.model_fields)


def test_neighbours_are_not_looked_for_among_too_many_rows():
    kept, left_out = families_for(CLASSIFICATION, None, (), 1_000_000, 10)
    assert "knn" not in kept
    assert "1000000 rows" in left_out["knn"]
    assert list(families_for(CLASSIFICATION, ["knn", "linear"], ["linear"], 100, 5)[0]) == ["knn"]


def play(seed, rounds, skip=(), order=1):
    """A search whose candidates are as good as their numbers are large, told in any order."""
    families, _ = families_for(CLASSIFICATION, None, (), 1000, 10)
    proposer = Proposer(families, "accuracy", seed, skip)
    known: list[Candidate] = []
    for start in range(0, rounds * ROUND, ROUND):
        for one in proposer.round(start, known[::order]):
            if one.reason is None:
                one.score = one.number / 100
            known.append(one)
    return known


def test_a_search_follows_from_its_seed_and_results_alone():
    first = play(7, 8)
    assert first == play(7, 8, order=-1)
    assert first != play(8, 8)
    assert [one.number for one in first] == list(range(8 * ROUND))
    assert len({(one.family, str(one.hyperparameters)) for one in first}) == len(first), (
        "nothing is tried twice"
    )
    assert first[:8] == play(9, 8)[:8], "what is always tried first"


def test_a_round_looks_at_those_before_it_only():
    families, _ = families_for(CLASSIFICATION, None, (), 1000, 10)
    proposer = Proposer(families, "accuracy", 7, ())
    known = play(7, 7)
    asked = proposer.round(6 * ROUND, known)
    assert [(one.number, one.hyperparameters) for one in asked] == [
        (one.number, one.hyperparameters) for one in known[6 * ROUND :]
    ]
    assert len({one.family for one in asked}) == ROUND, "a round looks at several families"


def test_good_families_are_looked_at_more_often():
    families, _ = families_for(CLASSIFICATION, None, (), 1000, 10)
    proposer = Proposer(families, "accuracy", 7, ())
    known = play(7, 5)
    for one in known:
        one.score = 0.9 if one.family == "knn" else 0.1
    asked = [one.family for start in range(20, 220, ROUND) for one in proposer.round(start, known)]
    assert asked.count("knn") > 1.5 * asked.count("gradient_boosting")
    assert set(asked) == set(families)


def test_a_replay_leaves_out_what_it_is_told_to():
    known = play(7, 6, skip=[2, 22])
    assert [one.number for one in known if one.reason] == [2, 22]
    assert not any(one.again for one in known if one.reason)


def packed(estimators, weights=(0.25, 0.75), classes=None):
    members = [
        ("sklearn", weight, {"model.skops": dump_skops(Pipeline([("model", one)]))})
        for weight, one in zip(weights, estimators, strict=True)
    ]
    return pack_ensemble(members, classes)


def written(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_an_ensemble_says_the_weighted_mean(tmp_path):
    lines = [LinearRegression().fit(X, X[:, 0] * slope) for slope in (4.0, 8.0)]
    model = load_ensemble(written(tmp_path / "numbers", packed(lines)), load_estimator)
    assert np.allclose(model.predict(X), 7 * X[:, 0])
    assert not hasattr(model, "predict_proba")
    kinds = np.array(["no", "yes"])
    classifiers = [LogisticRegression(C=c).fit(X, kinds[(X[:, 0] > 0).astype(int)]) for c in (0.01, 100)]
    model = load_ensemble(written(tmp_path / "kinds", packed(classifiers, classes=kinds)), load_estimator)
    expected = 0.25 * classifiers[0].predict_proba(X) + 0.75 * classifiers[1].predict_proba(X)
    assert np.allclose(model.predict_proba(X), expected)
    assert model.predict(X).tolist() == kinds[expected.argmax(axis=1)].tolist()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda told: told["members"].clear(), "0 members"),
        (lambda told: told.update(members=told["members"] * 150), "300 members"),
        (lambda told: told["members"][0].update(flavor="ensemble"), "member of 'ensemble'"),
        (lambda told: told["members"][0].update(flavor="../../etc"), "member of '../../etc'"),
        (lambda told: told["members"][0].update(weight=float("nan")), "weights"),
        (lambda told: told["members"][0].update(weight=-0.5), "weights"),
        (lambda told: told["members"][1].update(weight=1e300), "weights"),
        (lambda told: told.update(classes=[0, 1]), "something else"),
    ],
)
def test_an_ensemble_that_was_tampered_with_is_refused(tmp_path, spoil, message):
    files = packed([LinearRegression().fit(X, X[:, 0]) for _ in range(2)])
    told = json.loads(files["ensemble.json"])
    spoil(told)
    files["ensemble.json"] = json.dumps(told).encode()
    with pytest.raises(InvalidInput, match=message):
        load_ensemble(written(tmp_path, files), load_estimator)


@pytest.mark.parametrize("classes", [["no", "maybe"], ["yes", "no"], ["no", "yes", "maybe"], None, "ny"])
def test_members_that_know_other_classes_are_refused(tmp_path, classes):
    kinds = np.array(["no", "yes"])
    members = [LogisticRegression().fit(X, kinds[(X[:, 0] > 0).astype(int)]) for _ in range(2)]
    files = packed(members, classes=kinds)
    told = json.loads(files["ensemble.json"]) | {"classes": classes}
    files["ensemble.json"] = json.dumps(told).encode()
    with pytest.raises(InvalidInput, match="something else"):
        load_ensemble(written(tmp_path, files), load_estimator)


def test_a_leaderboard_is_made_of_sound_records_only():
    def line(number, score, **more):
        return {"candidate": {"number": number, "score": score, "metric": "rmse", **more}}

    odd = [
        {},
        {"candidate": 5},
        {"candidate": {"number": 1}},
        line(True, 0.1),
        line(3, "0.1"),
        line(3, float("nan")),
        line(4, 0.1) | {"candidate": {str(n): n for n in range(500)}},
    ]
    assert not any(leaderboard.is_sound(one) for one in odd)
    told = [line(0, 3.0), line(1, None, reason="no"), line(2, 1.0), line(0, 2.0), *odd]
    assert [(one["number"], one["score"]) for one in leaderboard.of_events(told)] == [
        (2, 1.0),
        (0, 2.0),
        (1, None),
    ]
