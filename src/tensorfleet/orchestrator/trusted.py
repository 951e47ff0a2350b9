"""Who may speak to the orchestrator from other machines: each call is looked at, and those that may go on no longer are cut."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import lru_cache
from typing import Any

import grpc
import structlog

from tensorfleet.errors import NotPermitted, TensorFleetError
from tensorfleet.kit.addresses import split_address
from tensorfleet.kit.clock import Clock
from tensorfleet.settings import Settings
from tensorfleet.trust import client
from tensorfleet.trust.authority import Authority
from tensorfleet.trust.certificates import load_certificate, peer_of
from tensorfleet.trust.endpoint import Endpoint
from tensorfleet.trust.home import authority_here, authority_of, told
from tensorfleet.trust.identity import Identity
from tensorfleet.trust.roles import Peer, may_call

LOOK_S = 1.0
log = structlog.get_logger()


def caller(context: Any) -> Peer | None:
    """Who calls, by the certificate of its connection; None where there is none, on a socket of this machine."""
    shown = context.auth_context().get("x509_pem_cert")
    return _peer(shown[0]) if shown else None


@lru_cache(maxsize=4096)
def _peer(pem: bytes) -> Peer | None:
    try:
        return peer_of(load_certificate(pem.decode()))
    except (NotPermitted, ValueError):
        return None


class RequireCertificate(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Lets a call through when its caller's certificate is still good and its role may call this."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.revoked: frozenset[str] = frozenset()
        """Serials that are refused."""
        self._streams: dict[asyncio.Task[Any], Peer] = {}

    def cut(self) -> None:
        """Ends the streams of those who would be refused now."""
        for task, peer in list(self._streams.items()):
            objection = self._objection(peer)
            if objection:
                log.warning("a connection is cut", role=peer.role, name=peer.name, why=objection)
                task.cancel()

    def _objection(self, peer: Peer) -> str:
        if peer.serial in self.revoked:
            return f"the certificate of {peer.name} is revoked"
        if peer.expires_at <= self._clock():
            return f"the certificate of {peer.name} has expired"
        return ""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        codecs = (handler.request_deserializer, handler.response_serializer)
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._stream(method, handler.stream_stream), *codecs)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), *codecs)
        return grpc.unary_unary_rpc_method_handler(self._single(method, handler.unary_unary), *codecs)

    async def _admit(self, method: str, context: Any) -> Peer:
        peer = caller(context)
        if peer is None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "not_authenticated: show a certificate")
            raise AssertionError
        objection = self._objection(peer)
        if objection:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"not_authenticated: {objection}")
        if not may_call(peer.role, method):
            detail = f"not_permitted: the role {peer.role} may not call {method.rpartition('/')[2]}"
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, detail)
        return peer

    def _single(self, method: str, handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def admitted(request: Any, context: Any) -> Any:
            await self._admit(method, context)
            return await handle(request, context)

        return admitted

    def _stream(self, method: str, handle: Callable[..., Any]) -> Callable[..., Any]:
        async def generated(request: Any, context: Any) -> AsyncIterator[Any]:
            peer = await self._admit(method, context)
            try:
                with self._cuttable(peer):
                    async for message in handle(request, context):
                        yield message
            except asyncio.CancelledError:
                await self._explain(peer, context)
                raise

        async def written(request: Any, context: Any) -> None:
            peer = await self._admit(method, context)
            try:
                with self._cuttable(peer):
                    await handle(request, context)
            except asyncio.CancelledError:
                await self._explain(peer, context)
                raise

        return generated if inspect.isasyncgenfunction(handle) else written

    async def _explain(self, peer: Peer, context: Any) -> None:
        objection = self._objection(peer)
        if objection:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"not_authenticated: {objection}")

    @contextlib.contextmanager
    def _cuttable(self, peer: Peer) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self._streams[task] = peer
        try:
            yield
        finally:
            self._streams.pop(task, None)


async def keep_trust(settings: Settings, identity: Identity, guard: RequireCertificate, clock: Clock) -> None:
    """Until it is cancelled: serves the authority where it is of this home, and does what it says."""
    authority: Authority | None = None
    endpoint: Endpoint | None = None
    try:
        while True:
            try:
                if authority is None and authority_here(settings):
                    authority = await asyncio.to_thread(authority_of, settings, clock)
                if authority is not None and endpoint is None:
                    endpoint = await _serve(settings, authority, clock)
                if endpoint is not None:
                    await asyncio.to_thread(endpoint.refresh)
                guard.revoked = await asyncio.to_thread(_follow, authority, identity, clock)
            except (TensorFleetError, OSError) as error:
                log.warning("the authority is away; what is known of it goes on to hold", detail=str(error))
            guard.cut()
            await asyncio.sleep(LOOK_S)
    finally:
        if endpoint is not None:
            await endpoint.close()


async def _serve(settings: Settings, authority: Authority, clock: Clock) -> Endpoint | None:
    """None while another orchestrator of this home has the port."""
    endpoint = await asyncio.to_thread(Endpoint, authority, told(settings), clock)
    where = settings.listen if not settings.listen.startswith("unix:") else settings.authority
    try:
        await endpoint.start(split_address(where)[0], split_address(settings.authority)[1])
    except OSError as error:
        log.debug("the authority's port is taken", address=settings.authority, detail=str(error))
        return None
    return endpoint


def _follow(authority: Authority | None, identity: Identity, clock: Clock) -> frozenset[str]:
    """Renews the orchestrator's own certificate when it is time or the root is another; returns what is revoked."""
    own = identity.current
    if authority is not None:
        revoked, roots = authority.ledger.revoked(clock()), authority.roots()
    else:
        revoked, roots = client.news(own)
    if own.due(clock()) or own.roots != roots:
        identity.save(authority.own(own.role, own.name) if authority is not None else client.renew(own))
    return revoked
