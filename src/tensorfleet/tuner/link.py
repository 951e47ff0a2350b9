"""A nudge for the orchestrator, without waiting for its answer."""

from __future__ import annotations

import grpc

from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

_TIMEOUT_S = 2.0


class Link:
    """Best effort: an orchestrator that is away finds the work in the database when it comes back.

    Args:
        addresses: of all that may lead, separated by commas; those that stand by refuse.
    """

    def __init__(self, addresses: str, token: str) -> None:
        options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
        self._channels = [grpc.insecure_channel(one.strip(), options=options) for one in addresses.split(",")]
        self._metadata = (("authorization", f"Bearer {token}"),)

    def wake(self) -> None:
        """Returns at once; never fails."""
        for channel in self._channels:
            stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
            stub.Wake.future(pb.WakeRequest(), metadata=self._metadata, timeout=_TIMEOUT_S)

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
