"""Every scikit-learn entry gives exactly what the library gives alone; plug-ins join the catalogue, broken ones do no harm."""

import importlib
import sys

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tensorfleet.errors import InvalidInput
from tensorfleet.testing.frames import parquet_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, write_task
from tensorfleet.training import registry
from tensorfleet.training.algorithm import SklearnAlgorithm
from tensorfleet.training.models import load_model, load_skops
from tensorfleet.training.run import run_task
from tensorfleet.training.skops_file import dump_skops

SEED = 7


def scaled(model):
    return make_pipeline(StandardScaler(), model)


CLASSIFIERS = {
    "logistic_regression": scaled(LogisticRegression(max_iter=1000)),
    "ridge": scaled(RidgeClassifier(random_state=SEED)),
    "decision_tree": DecisionTreeClassifier(random_state=SEED),
    "extra_trees": ExtraTreesClassifier(random_state=SEED),
    "random_forest": RandomForestClassifier(random_state=SEED),
    "gradient_boosting": HistGradientBoostingClassifier(early_stopping=False, random_state=SEED),
    "svm": scaled(SVC(random_state=SEED)),
    "knn": scaled(KNeighborsClassifier()),
    "naive_bayes": GaussianNB(),
}
REGRESSORS = {
    "linear_regression": scaled(LinearRegression()),
    "ridge": scaled(Ridge(random_state=SEED)),
    "lasso": scaled(Lasso(random_state=SEED)),
    "elastic_net": scaled(ElasticNet(random_state=SEED)),
    "decision_tree": DecisionTreeRegressor(random_state=SEED),
    "extra_trees": ExtraTreesRegressor(random_state=SEED),
    "random_forest": RandomForestRegressor(random_state=SEED),
    "gradient_boosting": HistGradientBoostingRegressor(early_stopping=False, random_state=SEED),
    "svm": scaled(SVR()),
    "knn": scaled(KNeighborsRegressor()),
}


def train(folder, dataset, **task):
    """The outcome and the loaded model of a job on a sample."""
    data = parquet_bytes(sample_frame(dataset))
    task_dir = write_task(folder, data=data, data_format="parquet", **task)
    code = run_task(task_dir)
    outcome = read_outcome(task_dir)
    assert code == 0, outcome
    return outcome, load_model(model_folder(folder, outcome))


def split(dataset, stratified):
    frame = sample_frame(dataset)
    X, y = frame.drop("target"), frame["target"].to_numpy()
    return train_test_split(X, y, test_size=0.2, random_state=SEED, stratify=y if stratified else None)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("dataset", ["iris", "breast_cancer"])
def test_a_classifier_is_the_librarys_own(tmp_path, name, dataset):
    _, ours = train(tmp_path, dataset, algorithm=name)
    X, X_test, y, _ = split(dataset, stratified=True)
    theirs = CLASSIFIERS[name].fit(X, y)
    assert np.array_equal(ours.predict(X_test), theirs.predict(X_test))
    if hasattr(theirs, "predict_proba"):
        assert np.array_equal(ours.predict_proba(X_test), theirs.predict_proba(X_test))


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_is_the_librarys_own(tmp_path, name):
    _, ours = train(tmp_path, "diabetes", algorithm=name)
    X, X_test, y, _ = split("diabetes", stratified=False)
    assert np.array_equal(ours.predict(X_test), REGRESSORS[name].fit(X, y).predict(X_test))


@pytest.mark.parametrize(("dataset", "kind"), [("iris", SGDClassifier), ("diabetes", SGDRegressor)])
def test_descent_is_the_librarys_own_on_the_rows_in_our_order(tmp_path, dataset, kind):
    _, ours = train(tmp_path, dataset, algorithm="sgd", hyperparameters={"epochs": 4})
    X, X_test, y, _ = split(dataset, stratified=kind is SGDClassifier)
    scaler = StandardScaler().fit(X)
    loss = {"loss": "log_loss"} if kind is SGDClassifier else {}
    theirs = kind(shuffle=False, random_state=SEED, **loss)
    more = {"classes": np.unique(y)} if kind is SGDClassifier else {}
    for epoch in range(1, 5):
        order = np.random.default_rng([SEED, epoch]).permutation(len(y))
        theirs.partial_fit(scaler.transform(X)[order], y[order], **more)
    assert np.array_equal(ours.predict(X_test), theirs.predict(scaler.transform(X_test)))


def test_no_supervised_entry_is_left_out():
    entries = [one for one in registry.BUILT_IN if isinstance(one, SklearnAlgorithm) and one.supervised]
    tested = {
        "classification": {*CLASSIFIERS, "sgd"},
        "regression": {*REGRESSORS, "sgd"},
    }
    for task, names in tested.items():
        assert {one.name for one in entries if task in one.tasks} == names


# ---- without a target ------------------------------------------------------------------------------------------------


def rows_of(dataset):
    return sample_frame(dataset).drop("target").to_numpy()


def test_kmeans_is_the_librarys_own(tmp_path):
    outcome, ours = train(
        tmp_path, "wine", algorithm="kmeans", target="target", hyperparameters={"n_clusters": 3}
    )
    X = rows_of("wine")
    theirs = scaled(KMeans(3, random_state=SEED)).fit(X)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    z = theirs[0].transform(X)
    expected = {
        "clusters": 3.0,
        "noise_share": 0.0,
        "inertia": theirs[-1].inertia_,
        "silhouette": silhouette_score(z, theirs[-1].labels_),
        "adjusted_rand": adjusted_rand_score(sample_frame("wine")["target"], theirs[-1].labels_),
    }
    assert outcome["metrics"] == pytest.approx(expected)
    assert outcome["metrics"]["adjusted_rand"] > 0.85
    evaluation = outcome["evaluation"]
    assert evaluation["rows"] == sum(one["rows"] for one in evaluation["clusters"]) == 178
    assert (ours.task, ours.target, ours.classes) == ("clustering", None, None)
    assert "target" not in [column["name"] for column in ours.columns]
    assert outcome["model"]["signature"]["outputs"] == [{"type": "long"}]


def test_dbscan_is_the_librarys_own_and_places_new_rows(tmp_path):
    hyperparameters = {"eps": 0.6, "min_samples": 4}
    outcome, ours = train(
        tmp_path, "iris", algorithm="dbscan", target="target", hyperparameters=hyperparameters
    )
    X = rows_of("iris")
    theirs = scaled(DBSCAN(**hyperparameters)).fit(X)
    labels = theirs[-1].labels_
    assert outcome["metrics"]["clusters"] == len(set(labels) - {-1})
    assert outcome["metrics"]["noise_share"] == pytest.approx((labels == -1).mean())
    assert outcome["metrics"]["noise_share"] > 0
    z, cores = theirs[0].transform(X), theirs[-1].core_sample_indices_
    distances = np.linalg.norm(z[:, None] - z[cores][None], axis=2)
    nearest = np.where(distances.min(axis=1) <= 0.6, labels[cores][distances.argmin(axis=1)], -1)
    assert np.array_equal(ours.predict(X), nearest)
    assert np.array_equal(ours.predict(X)[cores], labels[cores])
    assert ours.predict(X[:1] + 100).tolist() == [-1]


def test_pca_is_the_librarys_own(tmp_path):
    outcome, ours = train(
        tmp_path, "digits", algorithm="pca", target="target", hyperparameters={"n_components": 0.9}
    )
    X = rows_of("digits")
    theirs = scaled(PCA(0.9, random_state=SEED)).fit(X)
    assert np.array_equal(ours.predict(X), theirs.transform(X))
    ratios = theirs[-1].explained_variance_ratio_
    assert outcome["metrics"]["components"] == len(ratios) < 64
    assert outcome["metrics"]["explained_variance"] == pytest.approx(ratios.sum())
    assert outcome["evaluation"]["explained_variance_ratio"] == pytest.approx(ratios.tolist())


def test_the_isolation_forest_is_the_librarys_own(tmp_path):
    outcome, ours = train(tmp_path, "breast_cancer", algorithm="isolation_forest", target="target")
    X = rows_of("breast_cancer")
    theirs = IsolationForest(random_state=SEED).fit(X)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    assert outcome["metrics"]["anomaly_share"] == pytest.approx((theirs.predict(X) == -1).mean())
    assert outcome["metrics"]["roc_auc"] > 0.6
    strangest = outcome["evaluation"]["strangest"][0]
    assert strangest["score"] == pytest.approx(theirs.score_samples(X).min())


UNSUPERVISED = [one.name for one in registry.BUILT_IN if not one.supervised]


@pytest.mark.parametrize("algorithm", UNSUPERVISED)
def test_no_target_is_needed_and_every_type_of_column_is_taken(tmp_path, mixed, algorithm):
    hyper = {"dbscan": {"eps": 3.0}}.get(algorithm, {})
    task = {"data": parquet_bytes(mixed), "data_format": "parquet", "algorithm": algorithm}
    task_dir = write_task(tmp_path, hyperparameters=hyper, **task)
    assert run_task(task_dir) == 0, read_outcome(task_dir)
    outcome = read_outcome(task_dir)
    assert outcome["evaluation"]["target"] is None
    assert "adjusted_rand" not in outcome["metrics"]
    model = load_model(model_folder(tmp_path, outcome))
    assert "kind" in [column["name"] for column in model.columns]
    shown = outcome["evaluation"]["samples"]
    again = model.predict(mixed[[one["row"] for one in shown]])
    if algorithm == "pca":
        assert np.allclose(again[:, :10], [one["predicted"] for one in shown])
    elif algorithm != "dbscan":  # a row at the edge of two clusters may belong to either
        assert again.tolist() == [one["predicted"] for one in shown]


def test_a_split_without_a_target_is_told(tmp_path):
    task = {"data": parquet_bytes(sample_frame("iris")), "data_format": "parquet", "algorithm": "pca"}
    task_dir = write_task(tmp_path, split={"test": 0.3}, **task)
    assert run_task(task_dir) == 1
    assert read_outcome(task_dir)["message"].startswith("split: pca learns from all rows")


@pytest.mark.parametrize(
    ("algorithm", "hyperparameters", "cls", "message"),
    [
        ("kmeans", {"n_clusters": 151}, "user_error", "n_clusters is 151, but there are 150 rows"),
        ("pca", {"n_components": 5}, "user_error", "n_components is 5, but 150 rows of 4 columns have 4 at most"),
        ("kmeans", {"target_column": "x"}, "user_error", "there is no such hyperparameter"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_data_is_told(tmp_path, algorithm, hyperparameters, cls, message):
    data = parquet_bytes(sample_frame("iris"))
    task = {"data": data, "data_format": "parquet", "target": "target", "algorithm": algorithm}
    task_dir = write_task(tmp_path, hyperparameters=hyperparameters, **task)
    assert run_task(task_dir) == 1
    outcome = read_outcome(task_dir)
    assert outcome["class"] == cls
    assert message in outcome["message"]


def test_centres_that_do_not_fit_are_refused():
    model = KMeans(2, n_init=1).fit(np.eye(4))
    assert load_skops(dump_skops(model)).predict(np.eye(4)).tolist() == model.labels_.tolist()
    model.cluster_centers_ = model.cluster_centers_[:, :2].copy()
    with pytest.raises(InvalidInput, match="centres of clusters that do not fit"):
        load_skops(dump_skops(scaled(model)))


def test_cores_that_do_not_fit_are_refused():
    from tensorfleet.training.estimators import DensityClusters

    model = DensityClusters(0.1, 1).fit(np.eye(4))
    assert load_skops(dump_skops(model)).predict(np.eye(4)).tolist() == [0, 1, 2, 3]
    model.core_labels_ = model.core_labels_[:2]
    with pytest.raises(InvalidInput, match="do not fit together"):
        load_skops(dump_skops(model))


# ---- plug-ins --------------------------------------------------------------------------------------------------------

PLUGIN = """
from tensorfleet.training.algorithm import CLASSIFICATION, Params, SklearnAlgorithm

class DummyParams(Params):
    strategy: str = "most_frequent"

def estimator(task, params, seed, cpus):
    from sklearn.dummy import DummyClassifier
    return DummyClassifier(**params)

def entry(name):
    return SklearnAlgorithm(name=name, summary="Says the same of all", tasks=(CLASSIFICATION,), params=DummyParams,
        estimator=estimator)

ONE = entry("always_the_same")
SEVERAL = (entry("dummy_a"), entry("knn"))
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A distribution with these entry points is installed while the test runs, and the catalogue was read with it."""

    def install(points, code=PLUGIN):
        site = tmp_path / "site"
        info = site / "dummy_plugin-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dummy-plugin\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[tensorfleet.algorithms]\n" + "\n".join(points) + "\n")
        (site / "dummy_plugin.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))
        importlib.reload(registry)
        return registry.ALGORITHMS

    yield install
    monkeypatch.undo()
    sys.modules.pop("dummy_plugin", None)
    importlib.reload(registry)


def test_a_package_adds_algorithms(tmp_path, installed):
    found = installed(["one = dummy_plugin:ONE", "more = dummy_plugin:SEVERAL"])
    assert {"always_the_same", "dummy_a"} < set(found)
    assert found["knn"].summary == "What the nearest training rows say"  # a built-in keeps its name
    assert "always_the_same" in [one["name"] for one in registry.catalogue()]
    (error,) = registry.validate("always_the_same", {"strategi": 1})
    assert "did you mean 'strategy'?" in error.message
    outcome, model = train(tmp_path, "iris", algorithm="always_the_same")
    assert outcome["metrics"]["accuracy"] == pytest.approx(1 / 3)
    assert set(model.predict(sample_frame("iris"))) == {0}


@pytest.mark.parametrize(
    ("point", "code"),
    [
        ("x = dummy_plugin:ONE", "raise RuntimeError('broken on import')"),
        ("x = dummy_plugin:MISSING", PLUGIN),
        ("x = dummy_plugin:ONE", "ONE = 7"),
        ("x = dummy_plugin:ONE", "ONE = ['knn']"),
        ("x = nowhere:ONE", PLUGIN),
    ],
)
def test_a_broken_package_is_said_and_left_out(installed, caplog, point, code):
    before = set(registry.ALGORITHMS)
    assert set(installed([point], code)) == before
    assert "cannot be loaded" in caplog.text
