"""Errors as `application/problem+json` (RFC 9457): one table from class to status stands in `errors.py`."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tensorfleet.errors import MOST_FIELDS, FieldError, InvalidInput, TensorFleetError, TooManyRequests
from tensorfleet.kit.visible import visible

log = structlog.get_logger()
_MOST_DETAIL, _MOST_TEXT = 4000, 500
"""Characters that are said of what was sent; it may be as long as a body."""
_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
}


def problem(
    status: int, code: str, title: str, detail: str, errors: list[dict[str, str]] | None = None
) -> JSONResponse:
    body: dict[str, Any] = {
        "type": f"urn:tensorfleet:{code}",
        "title": title,
        "status": status,
        "detail": visible(detail, _MOST_DETAIL),
        "code": code,
    }
    if errors:
        body["errors"] = [{key: visible(text, _MOST_TEXT) for key, text in one.items()} for one in errors]
    headers = (
        {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "1"} if status == 503 else None
    )
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def from_error(error: TensorFleetError) -> JSONResponse:
    fields = [field.to_dict() for field in error.errors] if isinstance(error, InvalidInput) else None
    answer = problem(error.http_status, error.code, error.title, error.detail, fields)
    if isinstance(error, TooManyRequests):
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.wait_s)))
    return answer


def add_problem_handlers(app: FastAPI) -> None:
    @app.exception_handler(TensorFleetError)
    async def ours(_request: Request, error: TensorFleetError) -> JSONResponse:
        return from_error(error)

    @app.exception_handler(RequestValidationError)
    async def wrong_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            FieldError(
                ".".join(str(part)[:100] for part in found["loc"][1:]) or str(found["loc"][0]),
                found["msg"][:_MOST_TEXT],
                found["type"],
            )
            for found in islice(error.errors(), MOST_FIELDS)
        ]
        return from_error(
            InvalidInput("; ".join(f"{field.field}: {field.message}" for field in fields), fields)
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        detail = (
            f"there is nothing at {request.method} {request.url.path}"
            if error.status_code in (404, 405)
            else str(error.detail)
        )
        answer = problem(
            error.status_code,
            _CODES.get(error.status_code, "http_error"),
            "Not found" if error.status_code == 404 else "Refused",
            detail,
        )
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
        """Nobody reads this; it is counted, and it is no fault of ours."""
        return problem(400, "cut_off", "Cut off", "the connection ended before the body did")

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", method=request.method, path=request.url.path, exc_info=error)
        return problem(
            500,
            "internal",
            "Internal error",
            "something went wrong on our side; the gateway's log has the details",
        )
