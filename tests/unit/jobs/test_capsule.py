"""What a job was made of as one document, and the name of each thing that changed."""

import copy

import pytest

from tensorfleet.jobs import capsule

SPEC = {
    "name": "digits",
    "algorithm": None,
    "entrypoint": "train.py",
    "args": ["5"],
    "code": {"digest": "c" * 64, "git": {"commit": "abc", "dirty": False}},
    "dataset": "digits",
    "hyperparameters": {"epochs": 5},
    "seed": 7,
    "resources": {"workers": 2, "cpus": 1.0},
    "labels": {"team": "vision"},
}
DATASET = {"name": "digits", "version": 3, "digest": "d" * 64, "format": "csv", "rows": 10, "target": "label"}
FOUND = {
    "environment": {"python": "3.11.7", "packages": ["numpy==2.4.0", "torch==2.13.0"]},
    "machine": {"cpu": "Xeon", "cores": 2, "workers": 2},
}


def document(**changes):
    spec = {**copy.deepcopy(SPEC), **changes.get("spec", {})}
    dataset = {**DATASET, **changes.get("dataset", {})}
    found = {name: {**value, **changes.get(name, {})} for name, value in FOUND.items()}
    return capsule.describe(spec, dataset, changes.get("hyperparameters", {"epochs": 5, "lr": 0.1}), found)


CHANGES = [
    ({"spec": {"code": {"digest": "e" * 64, "git": {"commit": "abc", "dirty": False}}}}, "code", "digest"),
    (
        {"spec": {"code": {"digest": "c" * 64, "git": {"commit": "fff", "dirty": False}}}},
        "code",
        "git.commit",
    ),
    ({"spec": {"args": ["6"]}}, "code", "args"),
    ({"spec": {"entrypoint": "other.py"}}, "code", "entrypoint"),
    ({"environment": {"packages": ["numpy==2.4.1", "torch==2.13.0"]}}, "environment", "packages.numpy"),
    ({"environment": {"packages": ["numpy==2.4.0"]}}, "environment", "packages.torch"),
    ({"environment": {"python": "3.12.1"}}, "environment", "python"),
    ({"spec": {"requirements": ["pandas"]}}, "environment", "requirements"),
    ({"dataset": {"version": 4}}, "dataset", "version"),
    ({"dataset": {"digest": "f" * 64}}, "dataset", "digest"),
    ({"spec": {"target_column": "other"}}, "dataset", "target"),
    ({"spec": {"split": {"by": "time"}}}, "split", "by"),
    ({"hyperparameters": {"epochs": 6, "lr": 0.1}}, "hyperparameters", "epochs"),
    ({"spec": {"seed": 8}}, "seed", "seed"),
    ({"machine": {"cpu": "EPYC"}}, "machine", "cpu"),
    ({"machine": {"workers": 1}}, "machine", "workers"),
    ({"spec": {"resources": {"workers": 2, "cpus": 2.0}}}, "spec", "resources.cpus"),
]


@pytest.mark.parametrize(
    ("change", "part", "field"), CHANGES, ids=[f"{part}.{field}" for _, part, field in CHANGES]
)
def test_the_changed_thing_is_named_and_nothing_else(change, part, field):
    changed = capsule.differences(document(), document(**change))
    assert [one["part"] for one in changed] == [part]
    assert [one["field"] for one in changed[0]["fields"]] == [field]
    assert changed[0]["fields"][0]["a"] != changed[0]["fields"][0]["b"]


def test_names_change_nothing():
    renamed = {"spec": {"name": "other", "model_name": "m", "labels": {}, "priority": "high"}}
    assert capsule.differences(document(), document(**renamed)) == []


def test_what_never_ran_is_unknown():
    never = capsule.describe(SPEC, DATASET, {"epochs": 5, "lr": 0.1}, {})
    assert capsule.differences(document(), never) == [
        {"part": "environment", "unknown": ["b"]},
        {"part": "machine", "unknown": ["b"]},
    ]


def test_the_name_of_a_document_is_that_of_its_content():
    digest, data = capsule.encode(document())
    assert capsule.encode(dict(reversed(document().items()))) == (digest, data)
    assert capsule.encode(document(spec={"seed": 8}))[0] != digest
    assert capsule.key_of(digest) == f"provenance/{digest}.json"


def test_metrics_and_files():
    found = capsule.metrics_change({"loss": 2.0, "old": 1.0}, {"loss": 1.5, "new": None})
    assert found["loss"] == {"a": 2.0, "b": 1.5, "change": -0.5}
    assert found["old"] == {"a": 1.0, "b": None, "change": None}
    files = capsule.files_compared({"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "3"})
    assert [one["equal"] for one in files] == [True, False, False]
