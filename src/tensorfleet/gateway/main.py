"""Starts the gateway: binds its port, says where it is, serves."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn

from tensorfleet.gateway.acme import Ordering, check_installed
from tensorfleet.gateway.app import build_app
from tensorfleet.gateway.connections import Connection
from tensorfleet.gateway.hardening import for_hosts
from tensorfleet.gateway.listen import described, listen
from tensorfleet.gateway.tls import Presented, redirecting
from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.logs import configure_logging
from tensorfleet.settings import ADDRESS_FILE, Settings, ensure_home
from tensorfleet.trust.web import pair_of, renew_own


def main(settings: Settings, listener: socket.socket | None = None) -> int:
    """Serves until SIGTERM or SIGINT, on `listener` when the supervisor gives one."""
    configure_logging("gateway")
    token = ensure_home(settings)
    presented = presented_by(settings)
    if listener is None:
        listener = listen(settings.host, settings.port)
        write_atomic(settings.home / ADDRESS_FILE, json.dumps(described(settings, listener)).encode())
    config = uvicorn.Config(
        build_app(settings, token),
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        http=Connection,
        ws="none",
        proxy_headers=bool(settings.web.proxies),
        forwarded_allow_ips=[str(network) for network in settings.web.proxies],
        lifespan="on",
        ssl_context_factory=None if presented is None else lambda _config, _default: presented.context(),
    )
    if presented is None:
        uvicorn.Server(config).run(sockets=[listener])
    else:
        _Encrypted(config, presented, _redirect(settings, listener)).run(sockets=[listener])
    return 0


def presented_by(settings: Settings) -> Presented | None:
    """What the gateway shows itself with; None where it speaks plain HTTP.

    Raises:
        InvalidInput: the files of the settings are no good.
    """
    pair = pair_of(settings)
    if pair is None:
        return None
    if settings.acme.domains:
        return Presented(pair, ordering_of(settings).look)
    if not settings.tls.own:
        return Presented(pair)
    renew_own(settings)
    return Presented(pair, partial(renew_own, settings))


def ordering_of(settings: Settings) -> Ordering:
    """What orders the certificate, and knows the answers to challenges.

    Raises:
        InvalidInput: the library for it is not installed.
    """
    check_installed()
    pair = pair_of(settings)
    assert pair is not None
    return Ordering(settings.acme, pair)


def _redirect(settings: Settings, listener: socket.socket) -> _Beside | None:
    """The server of plain HTTP, if there is to be one."""
    if settings.redirect_port is None:
        return None
    port = settings.tls.public_port or listener.getsockname()[1]
    answers = ordering_of(settings).answer if settings.acme.domains else lambda _path: None
    hosts = (*settings.web.hosts, *settings.acme.domains) if settings.web.hosts else ()
    app = for_hosts(redirecting(port, answers), hosts)
    config = uvicorn.Config(
        app,
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        http=Connection,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return _Beside(config, listen(settings.host, settings.redirect_port))


class _Beside(uvicorn.Server):
    """A server that leaves signals to another one of its process."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self.listener = listener

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Encrypted(uvicorn.Server):
    """The gateway, its certificate as it is renewed, and the port of plain HTTP beside it."""

    def __init__(self, config: uvicorn.Config, presented: Presented, beside: _Beside | None) -> None:
        super().__init__(config)
        self._presented = presented
        self._beside = beside

    async def serve(self, sockets: list[Any] | None = None) -> None:
        work = [asyncio.create_task(self._presented.watch())]
        if self._beside is not None:
            work.append(asyncio.create_task(self._beside.serve([self._beside.listener])))
        try:
            await super().serve(sockets)
        finally:
            if self._beside is not None:
                self._beside.should_exit = True
                await work.pop()
            work[0].cancel()
            await asyncio.gather(*work, return_exceptions=True)
