"""Starts the gateway: binds its port, says where it is, serves."""

from __future__ import annotations

import json
import os
import socket

import uvicorn

from tensorfleet.gateway.app import build_app
from tensorfleet.gateway.connections import Connection
from tensorfleet.gateway.listen import listen, url_of
from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.logs import configure_logging
from tensorfleet.settings import ADDRESS_FILE, Settings, ensure_home


def main(settings: Settings, listener: socket.socket | None = None) -> int:
    """Serves until SIGTERM or SIGINT, on `listener` when the supervisor gives one."""
    configure_logging("gateway")
    token = ensure_home(settings)
    if listener is None:
        listener = listen(settings.host, settings.port)
        address = {"url": url_of(listener), "pid": os.getpid()}
        write_atomic(settings.home / ADDRESS_FILE, json.dumps(address).encode())
    config = uvicorn.Config(
        build_app(settings, token),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        http=Connection,
        ws="none",
        proxy_headers=bool(settings.web.proxies),
        forwarded_allow_ips=[str(network) for network in settings.web.proxies],
        lifespan="on",
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0
