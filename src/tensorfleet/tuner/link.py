"""A nudge for the orchestrator, without waiting for its answer."""

from __future__ import annotations

import grpc

from tensorfleet.trust.channels import open_channel
from tensorfleet.trust.identity import Credentials, Identity
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub

_TIMEOUT_S = 2.0
_OPTIONS = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]


class Link:
    """Best effort: an orchestrator that is away finds the work in the database when it comes back.

    Args:
        addresses: of all that may lead, separated by commas; those that stand by refuse.
        identity: what it shows to those on other machines.
    """

    def __init__(self, addresses: str, token: str, identity: Identity | None = None) -> None:
        self._addresses = [one.strip() for one in addresses.split(",")]
        self._identity = identity
        self._own: Credentials | None = None
        self._channels: list[grpc.Channel] = []
        self._metadata = (("authorization", f"Bearer {token}"),)

    def wake(self) -> None:
        """Returns at once; never fails."""
        self._refresh()
        for channel in self._channels:
            stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
            stub.Wake.future(pb.WakeRequest(), metadata=self._metadata, timeout=_TIMEOUT_S)

    def _refresh(self) -> None:
        """A new certificate gets new channels."""
        own = self._identity.current if self._identity is not None else None
        if not self._channels or own is not self._own:
            self.close()
            self._own, self._channels = own, [open_channel(one, _OPTIONS, own) for one in self._addresses]

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
