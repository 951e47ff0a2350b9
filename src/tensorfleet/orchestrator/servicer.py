"""gRPC in front of the engine: messages in, work submitted, answers out."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog

from tensorfleet.errors import InvalidInput, NotFound
from tensorfleet.jobs.schemas import job_to_dict
from tensorfleet.jobs.service import JobService
from tensorfleet.orchestrator import handlers
from tensorfleet.orchestrator.audited import AuditedCalls
from tensorfleet.orchestrator.lending import Lending
from tensorfleet.orchestrator.room import Orchestrator
from tensorfleet.orchestrator.sessions import Session
from tensorfleet.wire import codec
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorServicer

log = structlog.get_logger()


class RequireToken(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Every call but the health checks has to bring the token."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        if handler_call_details.method.startswith("/grpc.health."):
            return await continuation(handler_call_details)
        metadata = dict(handler_call_details.invocation_metadata)
        given = metadata.get("authorization", "")
        if hmac.compare_digest(str(given).encode(), self._expected):
            return await continuation(handler_call_details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


class LeaderOnly(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """While this orchestrator stands by, every call but the health checks is sent away, to be tried at the next address."""

    def __init__(self) -> None:
        self.leads = False

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        if self.leads or handler_call_details.method.startswith("/grpc."):
            return await continuation(handler_call_details)
        return grpc.unary_unary_rpc_method_handler(_stand_by)


async def _stand_by(request: Any, context: grpc.aio.ServicerContext) -> None:
    await context.abort(grpc.StatusCode.UNAVAILABLE, "standby: this orchestrator does not lead")


async def _refuse(request: Any, context: grpc.aio.ServicerContext) -> None:
    await context.abort(
        grpc.StatusCode.UNAUTHENTICATED, "not_authenticated: send the token as 'authorization: Bearer ...'"
    )


async def _only_itself(context: grpc.aio.ServicerContext, worker_id: str) -> None:
    """An agent whose connection has a certificate speaks for the worker of that name alone."""
    name = _agent(context)
    if name is not None and name != worker_id:
        detail = f"not_permitted: the certificate is for worker {name}, not for {worker_id[:64]}"
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, detail)


def _agent(context: grpc.aio.ServicerContext) -> str | None:
    if "x509_pem_cert" not in context.auth_context():
        return None
    from tensorfleet.orchestrator.trusted import caller

    peer = caller(context)
    return peer.name if peer else ""


class OrchestratorService(OrchestratorServicer):
    """The service of `tensorfleet.proto`.  It raises errors; `sound.SoundAnswers` makes statuses of them."""

    def __init__(self, room: Orchestrator, jobs: JobService, lending: Lending, calls: AuditedCalls) -> None:
        self._room = room
        self._lending = lending
        self._jobs = jobs
        self._calls = calls

    async def CreateTrainingJob(self, request: pb.CreateTrainingJobRequest, context: Any) -> pb.Job:  # noqa: N802
        async with self._calls.told("jobs.submit", context):
            try:
                data = json.loads(request.spec_json)
            except (ValueError, RecursionError) as error:
                raise InvalidInput(f"spec_json is not JSON: {error}") from error
            job, _ = await asyncio.to_thread(self._jobs.submit, data, request.idempotency_key or None)
        self._room.wake()
        return codec.job(job_to_dict(job))

    async def GetJobStatus(self, request: pb.GetJobStatusRequest, context: Any) -> pb.Job:  # noqa: N802
        return await self._answer(lambda: self._jobs.get(request.job_id))

    async def CancelJob(self, request: pb.CancelJobRequest, context: Any) -> pb.Job:  # noqa: N802
        async with self._calls.told("jobs.cancel", context, request.job_id):
            answer = await self._answer(lambda: self._jobs.request(request.job_id, "cancel"))
        self._room.wake()
        return answer

    async def _answer(self, call: Callable[[], Any]) -> pb.Job:
        return codec.job(job_to_dict(await asyncio.to_thread(call)))

    async def Wake(self, request: pb.WakeRequest, context: Any) -> pb.WakeResponse:  # noqa: N802
        self._room.wake()
        return pb.WakeResponse()

    async def AssignTask(self, request: pb.AssignTaskRequest, context: Any) -> pb.AssignTaskResponse:  # noqa: N802
        await _only_itself(context, request.hello.worker_id)
        await self._room.join(request.hello)
        await self._room.started(request.hello.worker_id, request.hello.held)
        messages = await self._room.open_commands(request.hello.worker_id)
        return pb.AssignTaskResponse(
            start=[message.start for message in messages if message.HasField("start")],
            stop=[message.stop for message in messages if message.HasField("stop")],
        )

    async def ReportProgress(self, request: pb.Chunk, context: Any) -> pb.ChunkTaken:  # noqa: N802
        taken = await self._room.take_chunk(request, _agent(context))
        if taken is None:
            raise NotFound(f"there is no lease {request.lease}, or no stream '{request.stream[:40]}'")
        return pb.ChunkTaken(lease=request.lease, stream=request.stream, next=taken)

    async def ReportTaskCompletion(self, request: pb.TaskOutcome, context: Any) -> pb.TaskReleased:  # noqa: N802
        worker_id = _agent(context)
        await self._room.engine.submit(
            lambda tx, now: handlers.finish_any(
                tx, request.lease, handlers.parse_outcome(request.outcome_json), now, worker_id
            )
        )
        return pb.TaskReleased(lease=request.lease)

    async def AskForObjects(self, request: pb.ObjectQuestion, context: Any) -> pb.ObjectAnswer:  # noqa: N802
        question = (request.lease, request.question_json, request.data)
        return pb.ObjectAnswer(answer_json=await self._lending.answer(_agent(context), *question))

    async def Attach(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.AgentMessage], context: Any
    ) -> AsyncIterator[pb.OrchestratorMessage]:
        first = await anext(aiter(request_iterator), None)
        if first is None or not first.HasField("hello"):
            raise InvalidInput("the first message of an agent is hello")
        await _only_itself(context, first.hello.worker_id)
        session = await self._room.attach(first.hello)
        reader = asyncio.create_task(self._read(request_iterator, session))
        try:
            while (message := await session.outgoing.get()) is not None:
                yield message
        finally:
            reader.cancel()
            self._room.sessions.leave(session)
            log.info("agent left", worker=session.worker_id)

    async def _read(self, messages: AsyncIterator[pb.AgentMessage], session: Session) -> None:
        try:
            async for message in messages:
                self._room.receive(session, message)
        except grpc.RpcError:
            pass
        except Exception:
            log.exception("a message of an agent could not be taken", worker=session.worker_id)
        finally:
            session.close()
