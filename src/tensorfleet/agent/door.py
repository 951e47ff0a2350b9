"""Where the tasks of this machine ask for objects, when agents have no keys of the store; the agent passes it on.

Each task speaks over a socket file of the agent, and shows a secret of its lease: it is answered for that lease alone, and for
as long as it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import structlog

from tensorfleet.adapters.leased import SOCKET_LIMIT_BYTES, leased_url
from tensorfleet.errors import InvalidInput, NotPermitted, TensorFleetError, Unavailable
from tensorfleet.objects.desk import SMALL_BYTES

ANSWER_LIMIT_S = 60.0
_LINE_LIMIT_BYTES = 4 * 1024**2
Ask = Callable[[int, str, bytes], Awaitable[str]]
"""Asks the orchestrator about a lease: the question and its bytes, and the answer.

Raises:
    grpc.RpcError: it is away, or refuses.
    Unavailable: there is no link to it now.
"""
log = structlog.get_logger()


class Door:
    """`ask` reaches the orchestrator."""

    def __init__(self, work_dir: Path, ask: Ask) -> None:
        self._ask = ask
        self._leases: dict[str, int] = {}
        self._own_folder = len(str(work_dir.resolve() / "objects.sock").encode()) > SOCKET_LIMIT_BYTES
        folder = Path(tempfile.mkdtemp(prefix="tensorfleet-")) if self._own_folder else work_dir.resolve()
        self.path = folder / "objects.sock"

    def admit(self, lease: int) -> str:
        """From now on its task is answered; returns the URL at which it finds its objects."""
        secret = secrets.token_hex(16)
        self._leases[secret] = lease
        return leased_url(secret, self.path)

    def dismiss(self, lease: int) -> None:
        self._leases = {secret: other for secret, other in self._leases.items() if other != lease}

    async def run(self) -> None:
        """Answers until it is cancelled."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(
            self._serve, self.path, limit=_LINE_LIMIT_BYTES, start_serving=False
        )
        self.path.chmod(0o600)
        try:
            async with server:
                await server.serve_forever()
        finally:
            self.path.unlink(missing_ok=True)
            if self._own_folder:
                shutil.rmtree(self.path.parent, ignore_errors=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                writer.write((await self._answer(reader)).encode() + b"\n")
                await writer.drain()
        except (OSError, EOFError, TimeoutError):
            pass  # the task has gone, or asks again
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> str:
        try:
            lease, question, data = await self._heard(reader)
            return await self._ask(lease, question, data)
        except TensorFleetError as error:
            return _refusal(error)
        except grpc.RpcError as error:
            return _refusal(_translate(error))

    async def _heard(self, reader: asyncio.StreamReader) -> tuple[int, str, bytes]:
        try:
            question = json.loads(await reader.readline())
            lease = self._leases.get(str(question.pop("secret", "")))
            size = int(question.pop("sent", 0))
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise InvalidInput("a question about objects is a line with a JSON object") from error
        if lease is None:
            raise NotPermitted("this task has ended, or never was one of this agent")
        if not 0 <= size <= SMALL_BYTES:
            raise InvalidInput(f"a question brings at most {SMALL_BYTES} bytes, not {size}")
        return lease, json.dumps(question), await reader.readexactly(size)


def _refusal(error: TensorFleetError) -> str:
    said: dict[str, Any] = {"code": error.code, "detail": error.detail}
    return json.dumps({"error": said})


def _translate(error: grpc.RpcError) -> TensorFleetError:
    code = error.code() if isinstance(error, grpc.aio.AioRpcError) else None
    if code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED):
        return NotPermitted("the orchestrator does not take this agent's word for its tasks")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Unavailable("the orchestrator is of an earlier version, which lends no objects; update it")
    return Unavailable("the orchestrator is away")
