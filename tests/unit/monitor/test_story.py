from __future__ import annotations

import math
from typing import Any

import pytest

from tensorfleet.jobs.model import Event
from tensorfleet.monitor import story
from tensorfleet.registry.model import Point, TrackedJob
from tensorfleet.testing.tracking import START, metrics_event


def job(**changes: Any) -> TrackedJob:
    values: dict[str, Any] = {
        "id": "j-1",
        "name": "digits",
        "workspace": "lab",
        "kind": "train",
        "workers": 4,
        "attempt": 1,
        "spec": {"algorithm": "mlp", "hyperparameters": {}},
        "inputs": {},
        "result": None,
        "metrics": {},
        "created_at": START,
        "started_at": None,
        "run_id": None,
        "model_version": None,
    }
    return TrackedJob(**{**values, **changes})


def test_nested_hyperparameters_become_dotted_params() -> None:
    nested = {"a": {"b": {"c": 1}}, "list": [1, 2], "none": None, "empty": {}, "flag": True, "text": "x"}
    assert story.flatten(nested) == {
        "a.b.c": "1",
        "list": "[1, 2]",
        "none": "null",
        "empty": "{}",
        "flag": "true",
        "text": "x",
    }


def test_params_leave_out_what_the_job_does_not_say() -> None:
    assert story.params_of(job()) == {"algorithm": "mlp", "workers": "4"}


def test_a_run_starts_when_its_job_did_or_when_it_was_first_heard_of() -> None:
    assert story.run_of(job(started_at=START), START.replace(year=2030)).started_at == START
    assert story.run_of(job(), START).started_at == START


def test_a_run_belongs_to_the_experiment_of_its_workspace() -> None:
    run = story.run_of(
        job(run_id="0123", spec={"entrypoint": "train.py", "labels": {"team": "vision"}}), START
    )
    assert (run.experiment, run.name, run.run_id, run.dataset) == ("lab", "digits", "0123", None)
    assert run.tags["mlflow.source.name"] == "train.py"
    assert run.tags["label.team"] == "vision"


def test_the_dataset_is_the_version_that_the_job_was_given() -> None:
    given = {"name": "digits", "version": 3, "digest": "ab", "format": "csv", "target": None, "rows": 5}
    dataset = story.dataset_of(job(inputs={"dataset": given}))
    assert dataset is not None
    assert (dataset.name, dataset.version, dataset.digest, dataset.rows) == ("digits", 3, "ab", 5)
    assert dataset.source == {"format": "csv"}


def test_points_keep_their_instants_and_steps() -> None:
    event = Event(1, "j-1", "metrics", START, metrics_event(1, 2))
    first_ms = round((START.timestamp() + 1) * 1000)
    assert story.points_of(event) == [
        Point("loss", 0.5, first_ms, 1),
        Point("loss", 1 / 3, first_ms + 1000, 2),
    ]


def test_points_of_other_ranks_have_a_heading() -> None:
    event = Event(1, "j-1", "metrics", START, metrics_event(0, 1, rank=3))
    assert story.points_of(event)[0].name == "rank3/loss"


def test_a_metric_without_a_value_is_not_a_number() -> None:
    event = Event(1, "j-1", "metrics", START, {"points": [{"step": 0, "at": 1.5, "values": {"loss": None}}]})
    (point,) = story.points_of(event)
    assert math.isnan(point.value)
    assert point.at_ms == 1500


@pytest.mark.parametrize(
    "data", [{}, {"points": 3}, {"points": [{}]}, {"points": [{"step": "x", "at": 1, "values": {"a": 1}}]}]
)
def test_malformed_points_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        story.points_of(Event(1, "j-1", "metrics", START, data))


def test_final_metrics_are_finite() -> None:
    assert story.final_metrics(job(metrics={"a": 1, "b": None, "c": math.nan, "d": math.inf})) == {"a": 1.0}
