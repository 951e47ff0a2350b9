"""Spans for an OpenTelemetry collector, over OTLP/HTTP.  Nothing is done, and nothing imported, unless a collector is named.

A span is told when it has ended, under an id that was drawn before: whoever begins something hands on its `traceparent`
(W3C Trace Context) with messages that are sent anyway, and may die and come back before it ends.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import structlog

SEND_EVERY_S = 1.0
SEND_LIMIT_S = 5.0
MOST_WAITING = 4096
_BATCH = 512
_PARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
Value = str | int | float | bool

log = structlog.get_logger(__name__)
current: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""The span in which the running code works, as a traceparent."""


@dataclass(frozen=True)
class Span:
    """One that has ended.  Instants are seconds since 1970."""

    name: str
    traceparent: str
    parent: str | None
    start: float
    end: float
    service: str = "tensorfleet"
    kind: str = "internal"
    failed: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    marks: Mapping[str, float] = field(default_factory=dict)
    """What happened in between, and when."""


def child_of(parent: str | None) -> str:
    """The traceparent of a new span; a parent that makes no sense begins a new trace."""
    known = _PARENT.fullmatch(parent or "")
    trace = known.group(1) if known and set(known.group(1)) != {"0"} else secrets.token_hex(16)
    flags = known.group(3) if known else "01"
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def ids_of(traceparent: str | None) -> dict[str, str]:
    """`trace_id` and `span_id`, for logs; nothing when there is none."""
    known = _PARENT.fullmatch(traceparent or "")
    return {"trace_id": known.group(1), "span_id": known.group(2)} if known else {}


def collector() -> str | None:
    """Where spans go, by OpenTelemetry's own variables; None for nowhere."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    exact = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    base = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    url = exact or (f"{base.rstrip('/')}/v1/traces" if base else None)
    return url if url and url.startswith(("http://", "https://")) else None


def enabled() -> bool:
    return collector() is not None


@contextmanager
def spanning(name: str, parent: str | None, **about: Any) -> Iterator[dict[str, Any]]:
    """A span around a block, which may add to the `attributes` that it is given; an exception marks it as failed."""
    mine, start = child_of(parent), time.time()
    attributes: dict[str, Any] = {}
    token = current.set(mine)
    failed: str | None = None
    try:
        yield attributes
    except BaseException as error:
        failed = type(error).__name__
        raise
    finally:
        current.reset(token)
        name = str(attributes.pop("name", name))
        failed = attributes.pop("failed", failed)
        tell(Span(name, mine, parent, start, time.time(), failed=failed, attributes=attributes, **about))


def tell(span: Span) -> None:
    """Hands a span over to be sent; never blocks and never fails."""
    global _sender
    url = collector()
    if url is None or ids_of(span.traceparent) == {} or int(span.traceparent[-2:], 16) & 1 == 0:
        return  # the one who began the trace does not want to see it
    if _sender is None:
        _sender = Sender(url)
        atexit.register(close)
    _sender.put(span)


def close() -> None:
    """Sends what waits, and ends."""
    global _sender
    if _sender is not None:
        _sender.close()
        _sender = None


class Sender:
    """A thread that sends what came since; what a collector does not take in time is lost, not kept."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: deque[Span] = deque(maxlen=MOST_WAITING)
        self._ended = threading.Event()
        self._well = True
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def put(self, span: Span) -> None:
        self._waiting.append(span)

    def close(self) -> None:
        self._ended.set()
        self._thread.join(2 * SEND_LIMIT_S)

    def _run(self) -> None:
        while not self._ended.wait(SEND_EVERY_S):
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                self._send(encode(batch))
            except Exception as error:  # whatever is wrong with it, nobody's work waits for that
                if self._well:
                    log.warning("the collector takes no spans", problem=str(error), lost=len(batch))
                self._well = False
                return
            self._well = True

    def _send(self, body: bytes) -> None:
        import urllib.request  # brings in TLS: only for those who send

        headers = {"Content-Type": "application/x-protobuf", **_headers()}
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - the scheme was checked
        with urllib.request.urlopen(request, timeout=SEND_LIMIT_S) as answer:  # noqa: S310
            answer.read()


def encode(spans: Sequence[Span]) -> bytes:
    """An ExportTraceServiceRequest."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    for service in sorted({span.service for span in spans}):
        group = request.resource_spans.add()
        _attribute(group.resource.attributes, {"service.name": service})
        scope = group.scope_spans.add()
        scope.scope.name = "tensorfleet"
        for span in spans:
            if span.service == service:
                _fill(scope.spans.add(), span)
    encoded: bytes = request.SerializeToString()
    return encoded


def _fill(into: Any, span: Span) -> None:
    ids, parent = ids_of(span.traceparent), ids_of(span.parent)
    into.trace_id = bytes.fromhex(ids["trace_id"])
    into.span_id = bytes.fromhex(ids["span_id"])
    if parent and parent["trace_id"] == ids["trace_id"]:
        into.parent_span_id = bytes.fromhex(parent["span_id"])
    into.name = _text(span.name)
    into.kind = _KINDS[span.kind]
    into.start_time_unix_nano = _nanoseconds(span.start)
    into.end_time_unix_nano = max(_nanoseconds(span.end), into.start_time_unix_nano)
    _attribute(into.attributes, span.attributes)
    for name, at in sorted(span.marks.items(), key=lambda mark: mark[1]):
        into.events.add(name=_text(name), time_unix_nano=_nanoseconds(at))
    if span.failed is not None:
        into.status.code = 2
        into.status.message = span.failed


def _text(value: Any) -> str:
    # Own code names its marks: half a character must not cost the whole batch.
    return str(value).encode("utf-8", "replace").decode()


def _nanoseconds(instant: float) -> int:
    return max(0, int(instant * 1e9))


def _attribute(into: Any, attributes: Mapping[str, Value]) -> None:
    for key, value in attributes.items():
        found = into.add(key=key).value
        if isinstance(value, bool):
            found.bool_value = value
        elif isinstance(value, int):
            found.int_value = value
        elif isinstance(value, float):
            found.double_value = value
        else:
            found.string_value = _text(value)


def _headers() -> dict[str, str]:
    text = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or os.environ.get(
        "OTEL_EXPORTER_OTLP_HEADERS", ""
    )
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


_sender: Sender | None = None
