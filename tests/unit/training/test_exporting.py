"""Models in further formats: the files say what the models say, and one that does not is not published."""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper

from tensorfleet.errors import InvalidInput
from tensorfleet.testing.frames import parquet_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, read_records, write_task
from tensorfleet.training import exporting, onnx_building, onnx_converters, registry
from tensorfleet.training.models import load_model
from tensorfleet.training.onnx_file import OnnxModel, checked, load_onnx
from tensorfleet.training.parity import compare
from tensorfleet.training.run import run_task


def _trained(folder, data, algorithm, formats=("onnx",), **spec):
    model = {"formats": list(formats)} | spec.pop("model", {})
    task = write_task(folder, data=data, data_format="parquet", algorithm=algorithm, model=model, **spec)
    assert run_task(task) == 0
    outcome = read_outcome(task)
    return outcome, model_folder(folder, outcome), task


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    """Numbers, gaps, a boolean, categories, dates and texts; the target follows from `size` and `colour`."""
    rows = range(120)
    words = ["a very good day", "such a bad thing", "some quiet old place"]
    return pl.DataFrame(
        {
            "size": [None if i % 17 == 0 else float(i % 10) + 5 * (i % 2) for i in rows],
            "flag": [i % 3 == 0 for i in rows],
            "colour": [None if i % 13 == 0 else ("red" if i % 2 else "blue") for i in rows],
            "day": [None if i % 9 == 0 else date(1999, 1, 1) + timedelta(days=91 * i) for i in rows],
            "when": [
                datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")) + timedelta(minutes=777 * i) for i in rows
            ],
            "note": [None if i % 19 == 0 else f"{words[i % 3]} Number{i}" for i in rows],
            "kind": ["odd" if i % 2 else "even" for i in rows],
        }
    )


@pytest.mark.parametrize(
    ("algorithm", "sample", "spec"),
    [
        ("logistic_regression", "wine", {}),
        ("random_forest", "wine", {"hyperparameters": {"n_estimators": 10}}),
        ("gradient_boosting", "diabetes", {"hyperparameters": {"n_estimators": 10}}),
        ("svm", "iris", {}),
        ("knn", "diabetes", {}),
        ("kmeans", "iris", {}),
        ("pca", "wine", {}),
        ("xgboost", "wine", {"hyperparameters": {"n_estimators": 5}}),
        ("xgboost", "breast_cancer", {"hyperparameters": {"n_estimators": 5}}),
        ("lightgbm", "diabetes", {"hyperparameters": {"n_estimators": 5}}),
    ],
)
def test_the_file_says_what_the_model_says(tmp_path, algorithm, sample, spec):
    frame = sample_frame(sample)
    outcome, folder, _ = _trained(tmp_path, parquet_bytes(frame), algorithm, **spec)
    (told,) = outcome["model"]["formats"]
    assert (told["file"], told["labels_differ"]) == ("model.onnx", 0)
    assert told["max_difference"] <= told["tolerance"] == 1e-4
    assert {"model.onnx": told["bytes"]}.items() <= {
        file["path"]: file["bytes"] for file in outcome["model"]["files"]
    }.items()
    model, other = load_model(folder), load_onnx(folder / "model.onnx")
    known = frame.select(column["name"] for column in model.columns)
    ours = model.predict(known)
    assert compare({"prediction": np.asarray(ours)}, {"prediction": other.predict(known)}).equal


@pytest.mark.parametrize("algorithm", ["logistic_regression", "random_forest", "lightgbm"])
def test_every_type_of_column_goes_into_the_file(tmp_path, table, algorithm):
    outcome, folder, _ = _trained(tmp_path, parquet_bytes(table), algorithm, target="kind")
    assert outcome["model"]["formats"][0]["file"] == "model.onnx"
    other = load_onnx(folder / "model.onnx")
    assert {one["name"]: one["type"] for one in other.inputs} == {
        "size": "tensor(float)",
        "flag": "tensor(float)",
        "colour": "tensor(string)",
        "day": "tensor(double)",
        "when": "tensor(double)",
        "note": "tensor(string)",
    }
    odd = pl.DataFrame(
        {
            "size": [1.0, None],
            "flag": [True, False],
            "colour": ["never seen", None],
            "day": [date(1968, 2, 29), date(2100, 12, 31)],
            "when": [datetime(1969, 12, 31, 23, 59, tzinfo=UTC), datetime(2024, 2, 29, 12, tzinfo=UTC)],
            "note": ["", "DAY thing"],
        }
    )
    model = load_model(folder)
    assert other.predict(odd).tolist() == model.predict(odd).tolist()
    assert np.allclose(other.predict_proba(odd), model.predict_proba(odd), atol=1e-4)


def test_a_network_becomes_both(tmp_path, table):
    spec = {"hyperparameters": {"epochs": 2, "hidden": [8]}, "target": "kind"}
    outcome, folder, _ = _trained(tmp_path, parquet_bytes(table), "mlp", ("onnx", "torch_export"), **spec)
    assert [one["file"] for one in outcome["model"]["formats"]] == ["model.onnx", "model.pt2"]
    model = load_model(folder)
    assert load_onnx(folder / "model.onnx").predict(table).tolist() == model.predict(table).tolist()

    import torch

    program = torch.export.load(folder / "model.pt2").module()
    x = torch.from_numpy(model.estimator.prepare.transform(table).astype(np.float32))
    assert np.allclose(program(x).detach().numpy(), model.predict_proba(table), atol=1e-4)
    assert program(x[:1]).shape == (1, 2)
    both = (folder / "model.onnx").read_bytes() + (folder / "model.pt2").read_bytes()
    assert b"site-packages" not in both  # no path of the machine that made them


def test_pictures_go_in_as_the_network_takes_them(tmp_path):
    frame = sample_frame("digits")[:200]
    outcome, folder, _ = _trained(
        tmp_path, parquet_bytes(frame), "cnn", hyperparameters={"epochs": 1, "widths": [4]}
    )
    assert outcome["model"]["formats"][0]["rows"] == 40
    model, frame = load_model(folder), frame.drop("target")
    other = load_onnx(folder / "model.onnx", model.estimator.prepare)
    assert other.inputs[0]["type"] == "tensor(uint8)"
    assert other.predict(frame).tolist() == model.predict(frame).tolist()


def test_equal_models_have_equal_files(tmp_path, table):
    def digest(name):
        outcome, _, _ = _trained(tmp_path / name, parquet_bytes(table), "knn", target="kind")
        return next(one["sha256"] for one in outcome["model"]["files"] if one["path"] == "model.onnx")

    assert digest("a") == digest("b")


def test_a_wrong_file_is_caught(tmp_path, monkeypatch):
    right = onnx_building.build_onnx

    def wrong(model, frame):
        made = onnx.load_model_from_string(right(model, frame))
        last = made.graph.node[-1]
        made.graph.node[-1].output[0] = "before"
        made.graph.initializer.append(helper.make_tensor("wrong", TensorProto.FLOAT, [], [1.01]))
        made.graph.node.append(helper.make_node("Mul", ["before", "wrong"], ["prediction"]))
        assert last.op_type == "Identity"
        return made.SerializeToString()

    monkeypatch.setattr(onnx_building, "build_onnx", wrong)
    outcome, folder, task = _trained(tmp_path, parquet_bytes(sample_frame("diabetes")), "ridge")
    (told,) = outcome["model"]["formats"]
    assert told["file"] is None
    assert "does not say what the model says: numbers differ by up to 0.01 on 89 rows" in told["reason"]
    assert not (folder / "model.onnx").exists()
    (record,) = read_records(task, "export_failed")
    assert record["message"].startswith("the model is not published as onnx: the file does not say")


def test_a_model_that_cannot_be_converted_is_published_all_the_same(tmp_path):
    outcome, folder, _ = _trained(
        tmp_path, parquet_bytes(sample_frame("iris")), "dbscan", hyperparameters={"eps": 0.5}
    )
    assert outcome["model"]["formats"] == [
        {"format": "onnx", "file": None, "reason": "skl2onnx has no ONNX for this estimator"}
    ]
    assert load_model(folder).predict(sample_frame("iris")).shape == (150,)


def test_without_the_packages_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    onnx_converters.register.cache_clear()
    outcome, _, _ = _trained(tmp_path, parquet_bytes(sample_frame("iris")), "knn")
    said = outcome["model"]["formats"][0]["reason"]
    assert (
        said
        == "skl2onnx is not installed on this worker; install it there with: pip install 'tensorfleet[onnx]'"
    )


def test_trees_without_end_are_not_converted(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_building, "MOST_NODES", 50)
    outcome, _, _ = _trained(tmp_path, parquet_bytes(sample_frame("wine")), "random_forest")
    assert "nodes; up to 50 are converted" in outcome["model"]["formats"][0]["reason"]


def test_the_example_is_of_held_out_rows_or_left_out(tmp_path):
    frame = sample_frame("iris").with_columns(pl.int_range(150).cast(pl.Float64).alias("number"))
    outcome, folder, _ = _trained(tmp_path / "a", parquet_bytes(frame), "knn", (), target="target")
    example = json.loads((folder / "input_example.json").read_text())
    held_out = [sample["row"] for sample in outcome["evaluation"]["samples"][:5]]
    assert [row[example["columns"].index("number")] for row in example["data"]] == held_out

    model = {"example": False}
    outcome, folder, _ = _trained(
        tmp_path / "b", parquet_bytes(frame), "knn", (), target="target", model=model
    )
    assert not (folder / "input_example.json").exists()
    assert "saved_input_example_info" not in json.loads((folder / "MLmodel").read_text())


def test_torch_export_is_for_networks():
    (error,) = exporting.check_formats(registry.ALGORITHMS["knn"], ["onnx", "torch_export"])
    assert (error.field, "is for networks" in error.message) == ("model.formats", True)
    assert exporting.check_formats(registry.ALGORITHMS["mlp"], ["torch_export"]) == []


@pytest.mark.parametrize(
    ("expected", "found", "equal"),
    [
        ([1.0, 2.0], [1.0, 2.0001], True),
        ([1.0, 2.0], [1.0, 2.1], False),
        ([1e9, 2e9], [1e9, 2e9 + 1e4], True),
        ([1e-9, 2e-9], [1e-9, 3e-9], False),
        ([np.nan, np.inf], [np.nan, np.inf], True),
        ([1.0, np.nan], [1.0, 1.0], False),
        ([np.inf, 1.0], [np.inf, 2.0], False),
        ([0.0, 0.0], [0.0, 0.0], True),
        ([1.0, 2.0], [1.0], False),
    ],
)
def test_numbers_may_differ_by_a_share_of_the_largest(expected, found, equal):
    told = compare({"prediction": np.array(expected)}, {"prediction": np.array(found)})
    assert told.equal is equal


def test_labels_have_to_be_the_same():
    right = {"label": np.array(["a", "b"]), "probabilities": np.array([[0.6, 0.4], [0.4, 0.6]])}
    told = compare(right, {**right, "label": np.array(["a", "a"], dtype=object)})
    assert (told.equal, told.labels_differ) == (False, 1)
    assert not compare(right, {"label": right["label"]}).equal


def _model(**graph) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("x", "y"))
    nodes = graph.pop("nodes", None) or [helper.make_node("Add", ["x", "w"], ["y"])]
    weight = graph.pop("weight", None) or helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    made = helper.make_graph(nodes, "g", [x], [y], [weight])
    return helper.make_model(made, opset_imports=[helper.make_operatorsetid("", 20)], ir_version=10)


def _elsewhere(name="w") -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def test_a_file_of_anyone_that_names_other_files_is_refused():
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=_elsewhere("c"))],
        "inner",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])],
    )
    nested = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    for made in (_model(weight=_elsewhere()), _model(nodes=[nested])):
        with pytest.raises(InvalidInput, match="in another file"):
            OnnxModel(made.SerializeToString())


def test_other_files_of_anyone_are_refused():
    foreign = helper.make_node("Launch", ["x"], ["y"], domain="com.example")
    with pytest.raises(InvalidInput, match=r"asks for 'Launch' of 'com\.example'"):
        checked(_model(nodes=[foreign]).SerializeToString())
    with pytest.raises(InvalidInput, match="no ONNX file"):
        checked(b"\xff\xff\xff\xff")
    with pytest.raises(InvalidInput, match="at most 10 are read"):
        checked(_model().SerializeToString(), most_bytes=10)
    short = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    short.dims[0] = 2**40
    with pytest.raises(InvalidInput, match="ONNX Runtime does not take the file"):
        OnnxModel(_model(weight=short).SerializeToString())


def test_wrong_rows_are_told(tmp_path):
    _, folder, _ = _trained(tmp_path, parquet_bytes(sample_frame("iris")), "naive_bayes")
    made = onnx.load_model_from_string((folder / "model.onnx").read_bytes())
    helper.set_model_props(made, {"tensorfleet.columns": json.dumps(["sepal length (cm)"])})
    with pytest.raises(InvalidInput, match="cannot predict these rows"):
        OnnxModel(made.SerializeToString()).predict(sample_frame("iris"))
