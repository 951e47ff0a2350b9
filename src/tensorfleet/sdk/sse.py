# Made of sdk/aio/sse.py by `make sdk`: change that file. c1cb7fcf147a
"""A stream of Server-Sent Events that survives broken connections."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

from tensorfleet.errors import Unavailable
from tensorfleet.kit.retry import delays
from tensorfleet.sdk.decoder import ServerEvent, SseDecoder, decoded
from tensorfleet.sdk.problems import Silence
from tensorfleet.sdk.transport import Transport


def follow(
    transport: Transport,
    path: str,
    *,
    after: int = 0,
    quiet_s: float = 30.0,
    patience_s: float = 60.0,
    params: Mapping[str, list[str]] | None = None,
) -> Generator[tuple[str, dict[str, Any]] | None]:
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
            with closing(_connection(transport, path, last, quiet_s, params)) as events:
                for event in events:
                    waits = delays(patience_s)
                    if event is None:
                        yield None
                        continue
                    number = int(event.id) if event.id.isdecimal() else None
                    if event.event == "denied":
                        break  # if it is for good, connecting again says so
                    if event.event == "end":
                        yield "end", decoded(event)
                        return
                    if number is not None and number <= last:
                        continue
                    last = last if number is None else number
                    yield event.event, decoded(event)
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


def _connection(
    transport: Transport, path: str, last: int, quiet_s: float, params: Mapping[str, list[str]] | None
) -> Generator[ServerEvent | None]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last:
        headers["Last-Event-ID"] = str(last)
    decoder = SseDecoder()
    with transport.open(path, headers=headers, params=params, read_s=quiet_s) as response:
        for chunk in response.iter_bytes():
            events: list[ServerEvent | None] = [*decoder.feed(chunk)]
            yield from events or [None]
