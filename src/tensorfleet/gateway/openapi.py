"""The API's description at /api/openapi.json: what FastAPI finds out itself, and what all routes have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from tensorfleet.access.policy import RULES, Matcher, Where
from tensorfleet.gateway import openapi_parts as parts
from tensorfleet.gateway.openapi_links import LINKS, Link
from tensorfleet.jobs.batch import MOST_ITEMS
from tensorfleet.jobs.schemas import JobSpec

ABOUT = """Train, register and watch models on a fleet of workers.

Errors are `application/problem+json` (RFC 9457); programs match on `code`.  Lists are pages: send `next_cursor` back as
`cursor`.  Times are RFC 3339, UTC.  What is deprecated says so in the headers `Deprecation` and `Sunset`.
"""
PROBLEM_TYPE = "application/problem+json"
_REF = "#/components/schemas/{model}"
_WRITES = ("post", "put", "patch", "delete")
_METHODS = ("get", *_WRITES)


class ProblemField(BaseModel):
    """One field that is wrong."""

    field: str = Field(examples=["resources.workers"])
    message: str
    code: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(examples=["urn:tensorfleet:not_found"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="what happened, the value, and what to do, for a person")
    code: str = Field(description="stable, for programs", examples=["not_found"])
    errors: list[ProblemField] = Field(
        default_factory=list, description="the fields that are wrong, if it is about fields"
    )


class JobOfBatch(JobSpec):
    """A job, with a key of its own if it likes."""

    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)


class JobBatch(BaseModel):
    """Several jobs."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[JobOfBatch], Field(min_length=1, max_length=MOST_ITEMS)]


_BODIES: dict[str, tuple[type[BaseModel], dict[str, dict[str, Any]]]] = {
    "submit_job": (JobSpec, parts.JOB_EXAMPLES),
    "plan_job": (JobSpec, parts.JOB_EXAMPLES),
    "submit_jobs": (JobBatch, parts.BATCH_EXAMPLES),
}
"""Of the routes that read their bodies themselves."""


def operation_id(route: APIRoute) -> str:
    """The name of the route's function: it stays when the path changes, and generated clients use it."""
    return route.name


class DescribedApi(FastAPI):
    """An application that describes itself as below; the document is made once, when it is first asked for."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = document(self)
        return self.openapi_schema


def document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=ABOUT,
        routes=app.routes,
        tags=[{"name": name, "description": about} for name, about in parts.TAGS.items()],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = found["components"]["schemas"]
    _add_schemas(schemas)
    found["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "a key, a session's token, or the token of the home",
        }
    }
    matcher = Matcher(RULES)
    for path, method, operation in operations(found):
        _complete(operation, path, method, matcher)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return found


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation of a document: its path, its method in small letters, itself."""
    for path, item in found["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _add_schemas(schemas: dict[str, Any]) -> None:
    models: list[type[BaseModel]] = [Problem, JobSpec, JobBatch]
    _, made = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    for name, schema in made["$defs"].items():
        assert schemas.setdefault(name, schema) == schema, f"two schemas are called {name}"
    for name, example in parts.SCHEMA_EXAMPLES.items():
        schemas[name]["examples"] = [example]  # FastAPI would take the nulls out of them


def _complete(operation: dict[str, Any], path: str, method: str, matcher: Matcher) -> None:
    name = operation["operationId"]
    rule, _, _ = matcher.find(method.upper(), path)
    guarded = rule is None or rule.where is not Where.OPEN
    operation["security"] = [{"token": []}] if guarded else []
    _summarise(operation, rule.permission.value if rule is not None and rule.permission else None)
    if name in _BODIES:
        operation["requestBody"] = _body(*_BODIES[name])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if name in parts.BODY_EXAMPLES and "examples" not in content and "$ref" in str(content.get("schema")):
            content["example"] = parts.BODY_EXAMPLES[name]
    for parameter in operation.get("parameters", ()):
        _exemplify(parameter)
    _answer_conditionally(operation)
    _answer_with_problems(operation, _problems(operation, path, method, guarded))
    _link(operation, name)


def _summarise(operation: dict[str, Any], permission: str | None) -> None:
    """The first sentence is the summary; the permission that it takes stands at the end of the rest."""
    about = operation.get("description", operation.get("summary", "")).strip()
    first, _, _ = about.partition(". ")
    operation["summary"] = first.partition("\n")[0].rstrip(".")
    needs = f"Needs the permission `{permission}`." if permission else ""
    text = "\n\n".join(part for part in (about, needs) if part)
    operation["description"] = text


def _body(model: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


def _exemplify(parameter: dict[str, Any]) -> None:
    example = parts.PARAMETER_EXAMPLES.get(parameter["name"])
    if example is not None and parameter["in"] == "path":
        parameter.setdefault("example", example)


def _problems(operation: dict[str, Any], path: str, method: str, guarded: bool) -> set[int]:
    """What a route of this kind may answer, beside what it says of itself."""
    found = {429, 503} if path.startswith("/api/") else {429}
    if guarded:
        found |= {401, 403}
    parameters = operation.get("parameters", ())
    if "{" in path or any(one["name"] == "workspace" for one in parameters):
        found.add(404)
    if parameters:
        found.add(431)
    if parameters or "requestBody" in operation:
        found.add(422)
    if "requestBody" in operation:
        found |= {400, 408, 413}
    if method in _WRITES:
        found.add(507)
    return found


def _answer_with_problems(operation: dict[str, Any], statuses: set[int]) -> None:
    answers = operation["responses"]
    for status in statuses:
        answers.setdefault(str(status), {})
    if "422" in answers and 422 in statuses:
        answers["422"] = {}
    for code, answer in list(answers.items()):
        for content in answer.get("content", {}).values():
            _only_reference(content)
        if int(code) >= 400 and "content" not in answer:
            answers[code] = problem_answer(int(code))
    operation["responses"] = dict(sorted(answers.items()))


def problem_answer(status: int) -> dict[str, Any]:
    about = parts.PROBLEMS[status]
    headers = {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in parts.PROBLEM_HEADERS.get(status, {}).items()
    }
    answer: dict[str, Any] = {
        "description": about,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
    return answer | ({"headers": headers} if headers else {})


def _only_reference(content: dict[str, Any]) -> None:
    """FastAPI puts the model that a route names beside what it knows of the function's own return type."""
    schema = content.get("schema") or {}
    if "$ref" in schema:
        content["schema"] = {"$ref": schema["$ref"]}


def _answer_conditionally(operation: dict[str, Any]) -> None:
    """A route that may answer 304 takes If-None-Match, and sends the ETag that belongs there."""
    if "304" not in operation["responses"]:
        return
    etag = {"ETag": {"description": "for If-None-Match", "schema": {"type": "string"}}}
    for code in ("200", "304"):
        operation["responses"][code].setdefault("headers", {}).update(etag)
    parameters = operation.setdefault("parameters", [])
    parameters.append(
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "an ETag that this call has answered with before",
            "schema": {"type": "string"},
        }
    )


def _link(operation: dict[str, Any], name: str) -> None:
    for code, answer in operation["responses"].items():
        links = {link.operation: _link_of(link) for link in LINKS.get((name, code), ())}
        if links:
            answer["links"] = links


def _link_of(link: Link) -> dict[str, Any]:
    shown: dict[str, Any] = {"operationId": link.operation}
    if link.parameters:
        shown["parameters"] = link.parameters
    if link.body is not None:
        shown["requestBody"] = link.body
    return shown
