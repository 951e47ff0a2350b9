"""The API's description is whole: names that stay, schemas, problems, limits, right examples, links that lead somewhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tensorfleet.gateway import openapi_parts as parts
from tensorfleet.gateway.openapi_links import LINKS
from tensorfleet.testing.description import MARK, PAGE, describe_api, operations, reference

PINNED = Path(__file__).parent / "operations.txt"
Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe_api()


@pytest.fixture(scope="module")
def every(document: dict[str, Any]) -> list[Operation]:
    return list(operations(document))


def test_operations_keep_their_names(every: list[Operation]) -> None:
    """Generated clients call them so.  A new one is added to the file; one that goes or changes needs the deprecation policy."""
    found = sorted(f"{operation['operationId']} {method} {path}" for method, path, operation in every)
    assert found == PINNED.read_text().splitlines()
    assert max(Counter(operation["operationId"] for _, _, operation in every).values()) == 1


def test_every_operation_says_what_it_does(document: dict[str, Any], every: list[Operation]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    silent = [
        f"{method} {path}"
        for method, path, operation in every
        if operation["summary"].istitle() or len(operation["summary"]) < 8 or len(operation["summary"]) > 140
    ]
    assert not silent, "without a docstring, or one whose first sentence is long"
    assert {tag for _, _, operation in every for tag in operation.get("tags", [None])} <= tags


def test_every_answer_has_a_schema(every: list[Operation]) -> None:
    vague = [
        f"{code} of {method} {path}"
        for method, path, operation in every
        for code, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
        if not content.get("schema") or content["schema"] == {"type": "object", "additionalProperties": True}
    ]
    assert not vague


def test_every_refusal_is_a_problem(every: list[Operation]) -> None:
    for method, path, operation in every:
        refusals = {code: answer for code, answer in operation["responses"].items() if code >= "400"}
        for code, answer in refusals.items():
            if path.startswith("/health") and code == "503":
                continue  # says the same as when all is well
            assert list(answer["content"]) == ["application/problem+json"], f"{code} of {method} {path}"
        if operation["security"]:
            assert {"401", "403"} <= refusals.keys(), f"{method} {path}"
        if "{" in path:
            assert "404" in refusals, f"{method} {path}"


def test_parameters_have_limits(every: list[Operation]) -> None:
    endless = [
        f"{parameter['name']} of {method} {path}"
        for method, path, operation in every
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and not _limited(parameter["schema"])
    ]
    assert not endless


def _limited(schema: dict[str, Any]) -> bool:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    ends = (
        "maximum",
        "exclusiveMaximum",
        "maxLength",
        "maxItems",
        "enum",
        "pattern",
        "format",
        "const",
        "$ref",
    )
    return all(kind.get("type") == "boolean" or any(end in kind for end in ends) for kind in kinds)


def test_examples_are_what_the_schemas_say(document: dict[str, Any], every: list[Operation]) -> None:
    checked = 0
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for example in schema.get("examples", ()):
            checked += _check(document, {"$ref": f"#/components/schemas/{name}"}, example, name)
    for method, path, operation in every:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            given = [one["value"] for one in content.get("examples", {}).values()]
            given += [content["example"]] if "example" in content else []
            for example in given:
                checked += _check(document, content["schema"], example, f"{method} {path}")
    assert checked >= 15


def _check(document: dict[str, Any], schema: dict[str, Any], example: Any, what: str) -> int:
    validator = Draft202012Validator({**schema, "components": document["components"]})
    wrong = [error.message for error in validator.iter_errors(example)]
    assert not wrong, f"{what}: {wrong}"
    return 1


def test_a_wrong_example_is_found(document: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="job_id"):
        _check(document, {"$ref": "#/components/schemas/JobRead"}, {"name": "iris"}, "a job")


def test_links_lead_to_operations_with_such_parameters(every: list[Operation]) -> None:
    known = {operation["operationId"]: operation for _, _, operation in every}
    for (name, code), links in LINKS.items():
        assert code in known[name]["responses"], (name, code)
        assert known[name]["responses"][code]["links"].keys() == {link.operation for link in links}
        for link in links:
            taken = {parameter["name"] for parameter in known[link.operation].get("parameters", ())}
            assert link.parameters.keys() <= taken, (name, link)
            assert link.body is None or "requestBody" in known[link.operation], (name, link)


def test_examples_and_bodies_are_of_operations_that_there_are(every: list[Operation]) -> None:
    known = {operation["operationId"]: operation for _, _, operation in every}
    assert all("requestBody" in known[name] for name in parts.BODY_EXAMPLES)


def test_the_page_has_a_place_for_the_reference() -> None:
    assert MARK in (Path(__file__).parents[3] / "docs" / PAGE).read_text()


def test_the_reference_has_every_operation(document: dict[str, Any], every: list[Operation]) -> None:
    page = reference(document)
    for method, path, operation in every:
        assert f"### `{method} {path}` {{ #{operation['operationId']} }}" in page
    assert "| `limit` | query: integer, from 1, to 1000, default 50 |" in page
