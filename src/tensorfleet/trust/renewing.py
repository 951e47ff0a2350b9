"""Keeps an identity's certificate fresh while its process runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from tensorfleet.errors import TensorFleetError
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.trust import client
from tensorfleet.trust.identity import Credentials, Identity

MOST_S = 60.0
LEAST_S = 0.2
log = structlog.get_logger()


@contextmanager
def kept_fresh(identity: Identity | None) -> Iterator[None]:
    """Renews the identity's certificate in the background meanwhile; does nothing where there is none."""
    if identity is None:
        yield
        return
    renewer = Renewer(identity)
    renewer.start()
    try:
        yield
    finally:
        renewer.close()


class Renewer:
    """A thread that asks for the next certificate when half of a life is over, and again until it gets it."""

    def __init__(
        self,
        identity: Identity,
        renew: Callable[[Credentials], Credentials] = client.renew,
        clock: Clock = utc_now,
    ) -> None:
        self._identity = identity
        self._renew = renew
        self._clock = clock
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="renewer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def look(self) -> bool:
        """Renews if it is time; whether it did."""
        own = self._identity.current
        if not own.due(self._clock()):
            return False
        try:
            self._identity.save(self._renew(own))
        except (TensorFleetError, OSError) as error:
            left_s = own.expires_at - self._clock().timestamp()
            log.warning("the certificate was not renewed", detail=str(error), valid_for_s=round(left_s))
            return False
        log.info("the certificate was renewed", name=own.name)
        return True

    def _run(self) -> None:
        while not self._end.wait(self._pause_s()):
            self.look()

    def _pause_s(self) -> float:
        own = self._identity.current
        return min(MOST_S, max(LEAST_S, (own.expires_at - own.given_at) / 20))

    def close(self) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(1.0)  # it may wait for an authority that is away, and ends with the process
