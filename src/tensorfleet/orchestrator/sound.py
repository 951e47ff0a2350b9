"""Whatever is sent, the answer is a status that says something: ours for our own errors, never a bare UNKNOWN."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

from tensorfleet.errors import TensorFleetError

STATUS = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    507: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
log = structlog.get_logger()


class _Unreadable:
    """In the place of a message that is none."""

    def __init__(self, detail: str) -> None:
        self.detail = detail


class SoundAnswers(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Stands nearest to the service."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith("/tensorfleet."):
            return handler
        codecs = (_tolerant(handler.request_deserializer), handler.response_serializer)
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(_stream(handler.stream_stream), *codecs)
        return grpc.unary_unary_rpc_method_handler(_single(handler.unary_unary), *codecs)


def _tolerant(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError as error:
            return _Unreadable(str(error)[:200])

    return read


def _single(handle: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answered(request: Any, context: Any) -> Any:
        if isinstance(request, _Unreadable):
            await _refuse_unreadable(context, request)
        try:
            return await handle(request, context)
        except Exception as error:
            await _explain(context, error)
            raise

    return answered


def _stream(handle: Callable[[Any, Any], AsyncIterator[Any]]) -> Callable[[Any, Any], AsyncIterator[Any]]:
    async def answered(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        readable = _Readable(requests)
        try:
            async for message in handle(readable, context):
                yield message
        except Exception as error:
            await _explain(context, error)
            raise
        if readable.broken is not None:
            await _refuse_unreadable(context, readable.broken)

    return answered


class _Readable:
    """The messages of a stream up to the first that is none."""

    def __init__(self, messages: AsyncIterator[Any]) -> None:
        self._messages = aiter(messages)
        self.broken: _Unreadable | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self.broken is not None:
            raise StopAsyncIteration
        message = await anext(self._messages)
        if isinstance(message, _Unreadable):
            self.broken = message
            raise StopAsyncIteration
        return message


async def _refuse_unreadable(context: Any, message: _Unreadable) -> None:
    await context.abort(
        grpc.StatusCode.INVALID_ARGUMENT, f"invalid_input: the message cannot be read: {message.detail}"
    )


async def _explain(context: Any, error: Exception) -> None:
    """Ends the call with a status for the error; returns if it has ended itself."""
    if isinstance(error, TensorFleetError):
        status = STATUS.get(error.http_status, grpc.StatusCode.INTERNAL)
        await context.abort(status, f"{error.code}: {error.detail}"[:4000])
    if not isinstance(error, grpc.aio.AbortError | grpc.RpcError):
        log.exception("a call failed", exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, "internal: the orchestrator's log says why")
