"""The authority's own port: whoever wants to join asks here, and who has a certificate gets the next one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import ssl
from typing import Any

import structlog
from cryptography import x509

from tensorfleet.errors import InvalidInput, NotPermitted, TensorFleetError
from tensorfleet.kit.clock import Clock
from tensorfleet.trust.authority import NAME, Authority
from tensorfleet.trust.certificates import peer_of
from tensorfleet.trust.identity import Credentials
from tensorfleet.trust.roles import AGENT, AUTHORITY, ORCHESTRATOR, Peer
from tensorfleet.trust.tls import refresh, server_context

QUESTION_LIMIT_BYTES = 64 * 1024
PATIENCE_S = 10.0
AT_ONCE = 64
log = structlog.get_logger()


class Endpoint:
    """Serves one question a connection: a line of JSON, answered by a line of JSON.

    `roots`, `join` and `enter` need no certificate, all else does.

    Args:
        told: what a machine that joins has to know for its work; nothing secret.
    """

    def __init__(self, authority: Authority, told: dict[str, Any], clock: Clock) -> None:
        self._authority = authority
        self._told = told
        self._clock = clock
        self._own = authority.own(AUTHORITY, AUTHORITY)
        self._context = server_context(self._own)
        self._server: asyncio.Server | None = None
        self._places = asyncio.Semaphore(AT_ONCE)
        self._open: set[asyncio.Task[Any]] = set()

    async def start(self, host: str, port: int) -> None:
        """Raises OSError when somebody else listens there."""
        self._server = await asyncio.start_server(
            self._serve,
            host,
            port,
            ssl=self._context,
            limit=QUESTION_LIMIT_BYTES,
            ssl_handshake_timeout=PATIENCE_S,
        )

    def refresh(self) -> None:
        """Called now and then: shows a new certificate when half of the own one's life is over or the root is another."""
        if self._own.due(self._clock()) or self._own.roots != self._authority.roots():
            self._own = self._authority.own(AUTHORITY, AUTHORITY)
            refresh(self._context, self._own)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            async with self._places, asyncio.timeout(PATIENCE_S):
                line = await reader.readline()
                tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
                shown = tls.getpeercert(binary_form=True)
                answer = await asyncio.to_thread(self._answer, line, shown)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError) as error:
            log.info(
                "a question to the authority was not answered", detail=str(error) or type(error).__name__
            )
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _answer(self, line: bytes, shown: bytes | None) -> dict[str, Any]:
        try:
            question = json.loads(line)
            if not isinstance(question, dict):
                raise InvalidInput("a question is a JSON object")
            return {"ok": self._carry_out(question, self._peer(shown))}
        except TensorFleetError as error:
            log.warning("the authority refused", detail=error.detail)
            return {"error": {"code": error.code, "detail": error.detail}}
        except (ValueError, RecursionError):
            return {"error": {"code": InvalidInput.code, "detail": "the question is not JSON"}}

    def _peer(self, shown: bytes | None) -> Peer | None:
        if shown is None:
            return None
        peer = peer_of(x509.load_der_x509_certificate(shown))
        if peer.expires_at <= self._clock():
            raise NotPermitted(f"the certificate of {peer.name} has expired; join again")
        if peer.serial in self._authority.ledger.revoked(self._clock()):
            raise NotPermitted(f"the certificate of {peer.name} is revoked")
        return peer

    def _carry_out(self, question: dict[str, Any], peer: Peer | None) -> dict[str, Any]:
        op, request = question.get("op"), str(question.get("request"))
        if op == "roots":
            roots, role = self._authority.roots(), str(question.get("role"))
            return {
                "roots": roots,
                "proofs": self._authority.known_by(role, str(question.get("drawn")), roots),
            }
        if op == "enter":
            role, proof = str(question.get("role")), str(question.get("proof"))
            given = self._authority.enter(role, request, proof)
            log.info("a machine has joined by a secret", role=given.role, name=given.name)
            return _grant(given)
        if op == "join":
            given = self._authority.join(str(question.get("secret")), request)
            log.info("a machine has joined", role=given.role, name=given.name)
            return _grant(given) | {"told": self._told}
        if peer is None:
            raise NotPermitted(
                "this needs a certificate; join first, with `tensorfleet trust invite`'s token"
            )
        if op == "renew":
            return _grant(self._authority.renew(peer, request))
        if peer.role == ORCHESTRATOR and op == "news":
            revoked = self._authority.ledger.revoked(self._clock())
            return {"revoked": sorted(revoked), "roots": self._authority.roots()}
        if peer.role == ORCHESTRATOR and op == "vouch":
            name = str(question.get("name"))
            if question.get("role") != AGENT or not NAME.fullmatch(name):
                raise NotPermitted("an orchestrator vouches for agents alone")
            return _grant(self._authority.vouch(AGENT, name, request))
        raise NotPermitted(f"the role {peer.role} may not ask for that")


def _grant(given: Credentials) -> dict[str, Any]:
    return {"credentials": dataclasses.asdict(given)}
