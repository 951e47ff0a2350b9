"""Server-Sent Events: the parser of the wire format, and a stream that survives broken connections."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tensorfleet.errors import Internal, Unavailable
from tensorfleet.kit.clock import parse_rfc3339
from tensorfleet.kit.retry import delays
from tensorfleet.sdk.transport import Silence, Transport

MAX_EVENT_CHARS = 32 * 1024**2
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class ServerEvent:
    """One event as it came: `id` is the last id seen so far, "" before the first."""

    event: str
    data: str
    id: str = ""


@dataclass(frozen=True)
class Event:
    """One entry of a job's history: `kind` such as `metrics`, `log`, `job.completed`."""

    id: int
    job_id: str
    kind: str
    at: datetime
    data: dict[str, Any]

    @classmethod
    def from_dict(cls, item: dict[str, Any]) -> Event:
        return cls(
            int(item["id"]), item["job_id"], item["kind"], parse_rfc3339(item["at"]), item.get("data") or {}
        )


class SseDecoder:
    """Bytes in, whole events out, after the WHATWG rules; an event without the empty line behind it is lost.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest = ""
        self._skip_newline = False
        self._event = ""
        self._data: list[str] = []
        self._size = 0
        self._id = ""

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that `chunk` completes.

        Raises:
            Internal: one event is larger than any that a server of ours sends.
        """
        text = self._decode.decode(chunk)
        if not text:
            return []
        if self._skip_newline and text[0] == "\n":
            text = text[1:]
        self._skip_newline = text.endswith("\r")
        lines = _LINE_END.split(self._rest + text)
        self._rest = lines.pop()
        events = [event for line in lines if (event := self._line(line)) is not None]
        if self._size + len(self._rest) > MAX_EVENT_CHARS:
            raise Internal(f"the server sent an event of more than {MAX_EVENT_CHARS // 1024**2} MiB")
        return events

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> ServerEvent | None:
        found = ServerEvent(self._event or "message", "\n".join(self._data), self._id) if self._data else None
        self._event, self._data, self._size = "", [], 0
        return found


def follow(
    transport: Transport, path: str, *, after: int = 0, quiet_s: float = 30.0, patience_s: float = 60.0
) -> Iterator[tuple[str, dict[str, Any]] | None]:
    """Yields `(event, data)` from `path`; after a break it connects again with the id of the last event.

    No event comes twice and none is left out.  None is yielded at each keep-alive, silence and break, so that
    the reader can look at the clock.  It ends after the event `end`.

    Args:
        after: the id of the last event that the reader has.
        quiet_s: an open connection that brings nothing for so long is replaced.
        patience_s: how long to wait for a server that does not come back.

    Raises:
        Unavailable: the server stayed away for `patience_s`.
        NotFound: there is no such stream.
    """
    last = after
    waits = delays(patience_s)
    while True:
        reason = "the server closed the stream"
        try:
            for event in _connection(transport, path, last, quiet_s):
                waits = delays(patience_s)
                if event is None:
                    yield None
                    continue
                number = int(event.id) if event.id.isdecimal() else None
                if event.event == "end":
                    yield "end", _decoded(event)
                    return
                if number is not None and number <= last:
                    continue
                last = last if number is None else number
                yield event.event, _decoded(event)
        except Silence:
            waits = delays(patience_s)
        except Unavailable as error:
            reason = error.detail
        yield None
        delay = next(waits, None)
        if delay is None:
            raise Unavailable(
                f"the events stopped at {last} and did not come back in {patience_s:.0f} s: {reason}"
            )
        transport.sleep(delay)


def _connection(transport: Transport, path: str, last: int, quiet_s: float) -> Iterator[ServerEvent | None]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last:
        headers["Last-Event-ID"] = str(last)
    decoder = SseDecoder()
    with transport.open(path, headers=headers, read_s=quiet_s) as response:
        for chunk in response.iter_bytes():
            events: list[ServerEvent | None] = [*decoder.feed(chunk)]
            yield from events or [None]


def _decoded(event: ServerEvent) -> dict[str, Any]:
    try:
        data = json.loads(event.data)
    except ValueError as error:
        raise Internal(f"event {event.id} of the stream is not JSON") from error
    if not isinstance(data, dict):
        raise Internal(f"event {event.id} of the stream is not an object")
    return data
