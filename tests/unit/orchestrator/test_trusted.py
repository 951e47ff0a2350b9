"""Who is let through by their certificate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from tensorfleet.orchestrator.trusted import RequireCertificate
from tensorfleet.trust.authority import Authority
from tensorfleet.trust.certificates import load_certificate, peer_of, split_pem

BEGIN = datetime(2030, 1, 1, 12, tzinfo=UTC)
CALLS = "/tensorfleet.v1.Orchestrator/"


class Refused(Exception):
    pass


class Context:
    """A call's, with a certificate that TLS has believed."""

    def __init__(self, pem: str | None) -> None:
        self._pem = pem

    def auth_context(self) -> dict[str, list[bytes]]:
        return (
            {"x509_pem_cert": [self._pem.encode()]}
            if self._pem
            else {"transport_security_type": [b"insecure"]}
        )

    async def abort(self, code: grpc.StatusCode, detail: str) -> None:
        raise Refused(f"{code.name} {detail}")


class Room:
    def __init__(self, folder: Path) -> None:
        self.now = BEGIN
        self.authority = Authority(folder, "h:1", timedelta(hours=1), lambda: self.now)
        self.guard = RequireCertificate(lambda: self.now)

    def certificate(self, role: str, name: str = "x") -> str:
        return split_pem(self.authority.own(role, name).certificate)[0]

    async def handler(self, method: str, kind: str, handle: Any) -> Any:
        made = getattr(grpc, f"{kind}_rpc_method_handler")(handle)

        async def inner(details: Any) -> Any:
            return made

        found = await self.guard.intercept_service(inner, SimpleNamespace(method=CALLS + method))
        return getattr(found, kind)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


async def _answer(request: Any, context: Any) -> str:
    return "done"


async def _for_ever(request: Any, context: Any) -> AsyncIterator[str]:
    yield "welcome"
    await asyncio.Event().wait()


async def test_a_call_needs_a_certificate_that_may(room: Room) -> None:
    wake = await room.handler("Wake", "unary_unary", _answer)
    pem = room.certificate("gateway")
    assert await wake(None, Context(pem)) == "done"
    with pytest.raises(Refused, match=r"UNAUTHENTICATED.*show a certificate"):
        await wake(None, Context(None))
    with pytest.raises(Refused, match=r"PERMISSION_DENIED.*agent may not call Wake"):
        await wake(None, Context(room.certificate("agent")))
    room.guard.revoked = frozenset({peer_of(load_certificate(pem)).serial})
    with pytest.raises(Refused, match=r"UNAUTHENTICATED.*revoked"):
        await wake(None, Context(pem))


async def test_a_connection_does_not_outlive_its_certificate(room: Room) -> None:
    wake = await room.handler("Wake", "unary_unary", _answer)
    pem = room.certificate("gateway")
    room.now += timedelta(hours=1)
    with pytest.raises(Refused, match=r"UNAUTHENTICATED.*expired"):
        await wake(None, Context(pem))


@pytest.mark.parametrize("why", ["revoked", "expired"])
async def test_streams_of_those_who_may_no_longer_are_cut(room: Room, why: str) -> None:
    attach = await room.handler("Attach", "stream_stream", _for_ever)
    pems = [room.certificate("agent", name) for name in ("w-1", "w-2")]
    heard: list[str] = []

    async def listen(pem: str) -> None:
        async for message in attach(None, Context(pem)):
            heard.extend([message])

    listeners = [asyncio.create_task(listen(pem)) for pem in pems]
    while len(heard) < 2:
        await asyncio.sleep(0)
    room.guard.cut()
    if why == "revoked":
        room.guard.revoked = frozenset({peer_of(load_certificate(pems[0])).serial})
    else:
        room.now += timedelta(hours=1)
    room.guard.cut()
    with pytest.raises(Refused, match=rf"UNAUTHENTICATED.*{why}"):
        await listeners[0]
    if why == "revoked":
        assert not listeners[1].done()
        listeners[1].cancel()
    with pytest.raises(asyncio.CancelledError if why == "revoked" else Refused):
        await listeners[1]


async def test_a_caller_that_hangs_up_is_no_cut(room: Room) -> None:
    attach = await room.handler("Attach", "stream_stream", _for_ever)
    stream = attach(None, Context(room.certificate("agent")))
    assert await anext(stream) == "welcome"
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
