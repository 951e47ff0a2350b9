"""Server-Sent Events: the parser of the wire format."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import Any

from tensorfleet.errors import Internal

MAX_EVENT_CHARS = 32 * 1024**2
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class ServerEvent:
    """One event as it came: `id` is the last id seen so far, "" before the first."""

    event: str
    data: str
    id: str = ""


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


def decoded(event: ServerEvent) -> dict[str, Any]:
    """What it carries, an object of JSON."""
    try:
        data = json.loads(event.data)
    except ValueError as error:
        raise Internal(f"event {event.id} of the stream is not JSON") from error
    if not isinstance(data, dict):
        raise Internal(f"event {event.id} of the stream is not an object")
    return data
