"""Cards of models: facts of the job, text of users as text, and where each is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.adapters.objectstore import open_object_store
from tensorfleet.errors import InvalidInput, NotFound
from tensorfleet.monitor.keepsakes import Keepsakes, pictures_of
from tensorfleet.objects.ports import ObjectStore
from tensorfleet.registry.candidates import candidate_of_job, formats_of
from tensorfleet.registry.card import render_card, with_version
from tensorfleet.registry.model import ModelVersion, TrackedJob
from tensorfleet.registry.service import RegistryService
from tensorfleet.registry.store import SqlRegistryStore
from tensorfleet.testing.tracking import START, insert_job, model_result, new_database

FORMATS = [
    {"format": "onnx", "file": "model.onnx", "rows": 36, "labels_differ": 0, "max_difference": 6e-7, "tolerance": 1e-4},
    {"format": "torch_export", "file": None, "reason": "no | network"},
]  # fmt: skip
EVALUATION: dict[str, Any] = {
    "held_out_rows": 36,
    "split": {"by": "group", "column": "cask", "rows": {"train": 142, "test": 36}},
    "labels": ["a", "b"],
    "confusion": [[20, 1], [0, 15]],
    "per_class": [{"class": "a", "precision": 1.0, "recall": 0.95238, "f1": 0.97561, "support": 21}],
    "cross_validation": {"folds": 3, "metrics": {"accuracy": {"mean": 0.9, "std": 0.01}}},
    "validation": {"accuracy": 0.8},
    "details": {"importance": {"by": "impurity", "columns": [{"column": "ash", "importance": 0.7}]}},
}


def job(**said: Any) -> TrackedJob:
    result = model_result("j-1")
    result["model"]["formats"] = FORMATS
    result |= {"evaluation": EVALUATION, "provenance": "abc1"}
    spec = {"algorithm": "random_forest", "model_name": "wine", "seed": 7, "model": said}
    dataset = {"name": "wine", "version": 2, "digest": "ab" * 32, "rows": 178}
    metrics = {"accuracy": 0.97, "cv_accuracy": 0.9}
    return TrackedJob(
        "j-1", "wine forest", "lab", "train", 1, 2, spec, {"dataset": dataset}, result, metrics, START, START, "r", None
    )  # fmt: skip


def test_it_has_the_facts() -> None:
    document = {
        "hyperparameters": {"n_estimators": 100},
        "environment": {"python": "3.11.7", "tensorfleet": "0.1.0", "packages": ["scikit-learn==1.9.1"]},
        "code": {"git": {"commit": "c0ffee"}},
    }
    card = render_card(job(intended_use="Teaching."), document)
    for line in (
        "# wine",
        "## Intended use\n\nTeaching.",
        "| algorithm | random_forest |",
        "| dataset | wine@2 |",
        "| split | group of cask: 142 train, 36 test |",
        "| n_estimators | 100 |",
        "| metric | held out | validation | cross-validated |",
        "| accuracy | 0.97 | 0.8 | 0.9 ± 0.01 |",
        "| a | 1 | 0.95238 | 0.97561 | 21 |",
        "| truth, predicted as | a | b |",
        "| b | 0 | 15 |",
        "| ash | 0.7 |",
        "| ash | double |",
        "| onnx | model.onnx | the same on 36 rows: numbers differ by 6e-07, 0.0001 is allowed |",
        "| torch_export | not published | no \\| network |",
        "| job | j-1, attempt 2 |",
        "| seed | 7 |",
        "| commit | c0ffee |",
        "| packages | scikit-learn 1.9.1 |",
        "| document | abc1 |",
    ):
        assert line in card, line
    assert "cv_accuracy" not in card
    assert "## Limitations" not in card


def test_what_a_user_wrote_is_text() -> None:
    said = "<script>x</script> [a](javascript:b) | *c* &lt; `d` $e$\n\n# no heading\n\n1. no list\n\n--- \x00\x1b[31m"
    card = render_card(job(description=said))
    text = card.split("## Description\n\n")[1].split("\n\n## ")[0]
    assert "<" not in text
    assert text.splitlines() == [
        "&lt;script&gt;x&lt;/script&gt; \\[a\\](javascript:b) \\| \\*c\\* &amp;lt; \\`d\\` \\$e\\$",
        "",
        "\\# no heading",
        "",
        "1\\. no list",
        "",
        "\\--- \\[31m",
    ]


def test_a_job_of_which_little_is_known_has_one_too() -> None:
    bare = replace(job(), spec={}, inputs={}, result={"model": {"prefix": "models/j-1/1"}}, metrics={})
    assert render_card(bare).startswith("# wine forest\n\n## Model\n")


@pytest.mark.parametrize(
    "result",
    [
        {"model": "text"},
        {"evaluation": [1]},
        {"evaluation": {"labels": ["a"], "confusion": [[1], [2]]}},
        {"evaluation": {"per_class": [{}]}},
        {"model": {"formats": [{"format": "onnx"}]}},
        {"model": {"files": [{"bytes": "many"}]}},
    ],
)
def test_what_a_task_made_up_is_refused(result: dict[str, Any], objects: ObjectStore) -> None:
    odd = replace(job(), result={**(job().result or {}), **result})
    with pytest.raises(InvalidInput, match="cannot be shown as a card"):
        render_card(odd)
    Keepsakes(objects).leave(Tracking(), odd, "run", registered=True)  # type: ignore[arg-type]


def test_the_formats_go_with_the_version() -> None:
    candidate = candidate_of_job(job(), "file:///o")
    assert candidate is not None
    assert formats_of(candidate.tags) == FORMATS
    assert (
        formats_of({})
        == formats_of({"tensorfleet.formats": "{"})
        == formats_of({"tensorfleet.formats": "7"})
        == []
    )


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_object_store(f"file://{tmp_path}/objects")


@pytest.fixture
def service(tmp_path: Path, objects: ObjectStore) -> Iterator[RegistryService]:
    database = new_database(f"sqlite:///{tmp_path}/db")
    insert_job(database, "j-1", result=model_result("j-1"))
    store = SqlRegistryStore(database)
    tags = {"tensorfleet.prefix": "models/j-1/1"}
    for number, job_id in ((1, "j-1"), (2, None)):
        version = ModelVersion("wine", number, "lab", job_id, "run", "file:///o/x", START, ("best",), tags)
        store.record_version(version, START, tell_job=False)
    yield RegistryService(store, objects, "file:///o", lambda: None)
    database.close()


def test_it_is_read_from_the_folder_else_made_from_the_job(
    service: RegistryService, objects: ObjectStore
) -> None:
    assert service.card("wine", "1").startswith("# wine, version 1 (best)\n\n## Model\n")
    with pytest.raises(NotFound, match=r"has no card; put a card\.md into its folder"):
        service.card("wine", "2")
    objects.put("models/j-1/1/card.md", b"# any\n\nkept")
    assert service.card("wine", "2") == "# wine, version 2 (best)\n\nkept"
    objects.put("models/j-1/1/card.md", b"x" * (4 * 1024**2 + 1))
    with pytest.raises(InvalidInput, match="more than"):
        service.card("wine", "2")


class Tracking:
    """Takes files, or refuses them."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.files: dict[str, bytes] = {}

    def log_files(self, run_id: str, files: dict[str, bytes]) -> None:
        if self.problem:
            raise self.problem
        self.files |= files


def test_a_completed_job_leaves_its_card_and_its_pictures(objects: ObjectStore) -> None:
    tracking: Any = Tracking()
    Keepsakes(objects).leave(tracking, job(), "run", registered=True)
    card = objects.get("models/j-1/1/card.md").decode()
    version = ModelVersion("wine", 1, "lab", "j-1", "run", "x", START)
    assert with_version(card, version).startswith("# wine, version 1\n")
    assert sorted(tracking.files) == ["plots/confusion.svg", "plots/importance.svg"]
    assert tracking.files == pictures_of(job())


def test_what_goes_wrong_with_them_holds_up_nothing(objects: ObjectStore) -> None:
    refusing: Any = Tracking(InvalidInput("no"))
    Keepsakes(objects).leave(refusing, job(), "run", registered=True)
    broken = replace(job(), result={**(job().result or {}), "evaluation": {"labels": ["a"], "confusion": 7}})
    Keepsakes(objects).leave(refusing, broken, "run", registered=False)
    trial = replace(job(), inputs={"study": {"id": "j-0", "trial": 1}})
    tracking: Any = Tracking()
    Keepsakes(objects).leave(tracking, trial, "run", registered=False)
    assert tracking.files == {}
