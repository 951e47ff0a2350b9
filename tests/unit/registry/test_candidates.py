from __future__ import annotations

from typing import Any

import pytest

from tensorfleet.errors import InvalidInput
from tensorfleet.registry.candidates import candidate_of_job, check_prefix, folder_uri
from tensorfleet.registry.folders import parse_signature
from tensorfleet.registry.model import TrackedJob, check_alias, check_model_name
from tensorfleet.testing.tracking import START, model_result


def job(result: dict[str, Any] | None, **spec: Any) -> TrackedJob:
    return TrackedJob(
        id="j-1",
        name="wine forest",
        workspace="lab",
        kind="train",
        workers=1,
        attempt=2,
        spec=spec,
        inputs={"dataset": {"name": "wine", "version": 2}},
        result=result,
        metrics={"accuracy": 0.9},
        created_at=START,
        started_at=START,
        run_id="run",
        model_version=None,
    )


def test_a_job_with_a_model_becomes_a_candidate() -> None:
    candidate = candidate_of_job(
        job(model_result("j-1", 2), model_name="wine"), "s3://b/p/?endpoint=http://e&region=r"
    )
    assert candidate is not None
    assert (candidate.name, candidate.source) == ("lab~wine", "s3://b/p/models/j-1/2")
    assert candidate.key == {"tensorfleet.job_id": "j-1", "tensorfleet.attempt": "2"}
    assert candidate.tags["tensorfleet.dataset"] == "wine@2"
    assert candidate.tags["tensorfleet.flavor"] == "sklearn"
    version = candidate.to_version(7, START)
    assert (version.model_id, version.job_id, version.workspace) == ("wine/7", "j-1", "lab")
    assert version.tags == candidate.tags | candidate.key


@pytest.mark.parametrize("result", [None, {}, {"model": None}])
def test_a_job_without_a_model_does_not(result: dict[str, Any] | None) -> None:
    assert candidate_of_job(job(result, model_name="wine"), "file:///o") is None


def test_a_job_without_a_model_name_does_not() -> None:
    assert candidate_of_job(job(model_result("j-1")), "file:///o") is None


@pytest.mark.parametrize(
    "model", ["text", {"prefix": 3}, {"files": []}, {"prefix": "models/a/1", "files": [{}]}]
)
def test_a_result_of_another_shape_is_refused(model: Any) -> None:
    with pytest.raises(InvalidInput):
        candidate_of_job(job({"model": model}, model_name="wine"), "file:///o")


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "models",
        "models/",
        "models//1",
        "models/../1",
        "models/./1",
        "/models/1",
        "code/1",
        "models/\0",
        "models/a\\b",
        "models/" + "a" * 500,
    ],
)
def test_prefixes_that_are_no_model_folders_are_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput, match="is not a model folder"):
        check_prefix(prefix)


def test_a_folder_uri_is_what_mlflow_loads() -> None:
    assert folder_uri("file:///home/objects", "models/j-1/1") == "file:///home/objects/models/j-1/1"


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", "a:b", "../a", ".a", "a" * 101, "a\n", "ä"])
def test_model_names_that_mlflow_refuses_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is not a model name"):
        check_model_name(name)


@pytest.mark.parametrize("alias", ["", "latest", "Latest", "v1", "V22", "a b", "a/b", "a" * 101])
def test_aliases_that_mlflow_refuses_are_refused(alias: str) -> None:
    with pytest.raises(InvalidInput, match="alias"):
        check_alias(alias)


def test_good_names_pass() -> None:
    assert check_model_name("wine forest-2.1_b") == "wine forest-2.1_b"
    assert check_alias("production-v2") == "production-v2"


def test_a_signature_is_read_from_an_mlmodel() -> None:
    assert parse_signature(b"signature:\n  inputs: '[1]'\n  outputs: null\n", "models/a/1") == {"inputs": [1]}
    assert parse_signature(b"flavors: {}\n", "models/a/1") is None


@pytest.mark.parametrize(
    "text",
    [
        b"signature: [",
        b"[]",
        b"signature:\n  inputs: '['\n",
        b"\xff",
        b"!!python/object/apply:os.system ['x']",
    ],
)
def test_an_mlmodel_that_cannot_be_read_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        parse_signature(text, "models/a/1")
