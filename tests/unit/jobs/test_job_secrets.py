"""The field `secrets` of a job: names of variables and secrets, checked when it is submitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tensorfleet.errors import FieldError, NotPermitted, SpecInvalid
from tensorfleet.jobs.schemas import JobSpec, parse_spec
from tensorfleet.jobs.service import JobService

BASE = {"name": "j", "algorithm": "svm", "dataset": "iris"}


def spec_of(secrets: Any) -> JobSpec:
    return parse_spec({**BASE, "secrets": secrets})


def test_both_ways_of_writing_mean_the_same() -> None:
    assert spec_of({"HF_TOKEN": "hf-token"}).secrets == {"HF_TOKEN": "hf-token"}
    assert spec_of(["HF_TOKEN", "WANDB"]).secrets == {"HF_TOKEN": "HF_TOKEN", "WANDB": "WANDB"}
    assert spec_of({}).secrets == spec_of([]).secrets == parse_spec(BASE).secrets == {}


def test_a_stored_spec_is_read_as_it_was() -> None:
    stored = spec_of({"HF_TOKEN": "hf-token"}).model_dump(mode="json")
    assert parse_spec(stored).secrets == {"HF_TOKEN": "hf-token"}


@pytest.mark.parametrize(
    ("secrets", "says"),
    [
        ({"A": "planted+value/=="}, "tensorfleet secrets set"),
        ({"A": "planted value"}, "no name of a secret"),
        ({"A": 17}, "names of variables"),
        ({1: "planted"}, "names of variables"),
        (["planted", 3], "names of variables"),
        ("planted", "names of variables"),
        (None, "names of variables"),
        ({"A": ["planted"]}, "names of variables"),
        ({"1A": "x"}, "environment variable"),
        ({"A=B": "x"}, "environment variable"),
        ({"PATH": "x"}, "have already"),
        ({"LD_PRELOAD": "x"}, "have already"),
        ({"PYTHONPATH": "x"}, "have already"),
        ({"TENSORFLEET_TOKEN": "x"}, "have already"),
        ({"MASTER_ADDR": "x"}, "have already"),
        ({f"V{n}": "x" for n in range(21)}, "may have 20"),
    ],
)
def test_what_will_not_do_is_told_at_its_field_without_repeating_it(secrets: Any, says: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        spec_of(secrets)
    [error] = caught.value.errors
    assert error.field == "secrets"
    assert says in error.message
    assert "planted" not in caught.value.detail


class Inputs:
    def check_algorithm(self, spec: JobSpec) -> Sequence[FieldError]:
        return []

    check_capacity = check_algorithm

    def most_accumulation(self, spec: JobSpec) -> int:
        return 1

    def dataset(self, reference: str, workspace: str) -> dict[str, Any]:
        return {"name": reference, "columns": []}

    def check_secrets(self, spec: JobSpec) -> Sequence[FieldError]:
        return [FieldError(f"secrets.{name}", "there is none", "not_found") for name in spec.secrets]


class Rights:
    def readable(self) -> None:
        return None

    def check_write(self, workspace: str) -> None:
        return

    def check_secrets(self, workspace: str) -> None:
        raise NotPermitted(f"no secrets of {workspace}")


def service(rights: Any = None) -> JobService:
    nothing: Any = None
    return JobService(nothing, nothing, Inputs(), nothing, lambda: None, rights=rights)


def test_a_secret_that_is_not_there_is_told_at_submission() -> None:
    with pytest.raises(SpecInvalid) as caught:
        service().prepare({**BASE, "secrets": {"A": "x"}}, None)
    assert [error.field for error in caught.value.errors] == ["secrets.A"]


def test_who_may_not_use_secrets_cannot_submit_a_job_with_some() -> None:
    with pytest.raises(NotPermitted, match="no secrets of default"):
        service(Rights()).prepare({**BASE, "secrets": {"A": "x"}}, None)
