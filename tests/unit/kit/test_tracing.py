from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tensorfleet.kit import logs, tracing
from tensorfleet.kit.tracing import Span

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Span]:
    """What would be sent: nothing is."""
    found: list[Span] = []

    class Kept:
        put = staticmethod(found.append)

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(tracing, "_sender", Kept())
    return found


@pytest.mark.parametrize(
    "parent", [None, "", "00-zz-11-01", CALLER + "x", f"00-{'0' * 32}-b7ad6b7169203331-01"]
)
def test_a_parent_that_makes_no_sense_begins_a_trace(parent: str | None) -> None:
    ids = tracing.ids_of(tracing.child_of(parent))

    assert len(ids["trace_id"]) == 32
    assert ids["trace_id"] != "0" * 32


def test_a_child_goes_on_in_the_trace() -> None:
    child = tracing.child_of(CALLER)

    assert child.startswith(f"00-{TRACE}-")
    assert child != CALLER


def test_a_span_around_a_block_is_the_current_one_inside(told: list[Span]) -> None:
    with tracing.spanning("work", CALLER, service="here") as attributes:
        inside = tracing.current.get()
        attributes["answer"] = 42
    (span,) = told

    assert (span.traceparent, span.parent, span.service) == (inside, CALLER, "here")
    assert span.attributes == {"answer": 42}
    assert tracing.current.get() is None


def test_a_block_that_raises_is_told_as_failed(told: list[Span]) -> None:
    with pytest.raises(ZeroDivisionError), tracing.spanning("work", None):
        raise ZeroDivisionError

    assert told[0].failed == "ZeroDivisionError"


def test_a_trace_that_its_caller_does_not_want_is_not_told(told: list[Span]) -> None:
    with tracing.spanning("work", CALLER[:-1] + "0"):
        pass

    assert told == []


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/x"}, "https://c/x"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "file:///etc/passwd"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_where_spans_go(variables: dict[str, str], url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "TRACES_ENDPOINT"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert tracing.collector() == url


def test_spans_are_encoded_as_the_protocol_says() -> None:
    mine = tracing.child_of(CALLER)
    marks = {"late\ud800": 2.5, "early": 1.5}
    span = Span(
        "work",
        mine,
        CALLER,
        1.0,
        3.0,
        "here",
        "server",
        "boom",
        {"n": 1, "f": 0.5, "b": True, "s": "x"},
        marks,
    )
    request = ExportTraceServiceRequest.FromString(tracing.encode([span]))
    (group,) = request.resource_spans
    (found,) = group.scope_spans[0].spans

    assert group.resource.attributes[0].value.string_value == "here"
    assert found.trace_id.hex() == TRACE
    assert found.parent_span_id.hex() == "b7ad6b7169203331"
    assert (found.start_time_unix_nano, found.end_time_unix_nano) == (10**9, 3 * 10**9)
    assert [event.name for event in found.events] == ["early", "late?"]
    assert (found.status.code, found.status.message) == (2, "boom")
    assert [one.value.WhichOneof("value") for one in found.attributes] == [
        "int_value", "double_value", "bool_value", "string_value",
    ]  # fmt: skip


@pytest.fixture
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TENSORFLEET_LOG_FORMAT", "json")
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_json_logs_name_the_job_and_the_trace(
    own_logging: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own
    logs.configure_logging("gateway")
    token = tracing.current.set(CALLER)
    structlog.get_logger().info("a job came", job="j-1")
    tracing.current.reset(token)
    logging.getLogger("some.library").warning("it %s", "creaks")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())

    assert (ours["job_id"], ours["trace_id"], ours["role"]) == ("j-1", TRACE, "gateway")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("it creaks", "some.library", "warning")
