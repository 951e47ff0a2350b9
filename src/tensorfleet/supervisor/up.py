"""Runs the platform in the foreground: start, wait until it is ready, watch, stop cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import sys
import time
from collections.abc import Callable

from tensorfleet.errors import TensorFleetError
from tensorfleet.gateway.acme import check_installed
from tensorfleet.gateway.listen import described, listen
from tensorfleet.kit.files import write_atomic
from tensorfleet.monitor.wake import SUPERVISOR_SOCKET_NAME
from tensorfleet.settings import ADDRESS_FILE, Settings, default_home, ensure_home
from tensorfleet.supervisor.launchers import check_launcher
from tensorfleet.supervisor.lock import HomeLock
from tensorfleet.supervisor.roles import RunningRole, local_roles
from tensorfleet.trust.pair import context_of
from tensorfleet.trust.tls import curious_context
from tensorfleet.trust.web import pair_of, renew_own

STOP_S = 8.0
CATCH_UP_AFTER_S = 5.0
Say = Callable[[str], None]


def up(settings: Settings, say: Say) -> int:
    """Runs until SIGTERM or SIGINT.  `say` gets sentences for the person at the terminal.

    Raises:
        Conflict: a platform already runs on this home, or the port is taken.
        InvalidInput: what the launcher needs is not installed.
    """
    check_launcher(settings)
    token = ensure_home(settings)
    lock = HomeLock(settings.run_dir)
    lock.acquire()
    prepare_certificate(settings)
    listener = listen(settings.host, settings.port)
    about = described(settings, listener)
    url = about["url"]
    lock.describe(url=url)
    write_atomic(settings.home / ADDRESS_FILE, json.dumps(about).encode())
    try:
        asyncio.run(_supervise(settings, token, listener, url, say))
    finally:
        (settings.home / ADDRESS_FILE).unlink(missing_ok=True)
        listener.close()
    return 0


def prepare_certificate(settings: Settings) -> None:
    """Makes the gateway's certificate where the platform's own authority gives it, and looks at one that is in files.

    Raises:
        InvalidInput: it is no good; said here, it reaches whoever starts the platform.
    """
    pair = pair_of(settings)
    if settings.acme.domains:
        check_installed()
    if pair is None or settings.acme.domains:
        return
    if settings.tls.own:
        renew_own(settings)
    context_of(pair)


async def _supervise(settings: Settings, token: str, listener: socket.socket, url: str, say: Say) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    roles = [
        RunningRole(role, logs, lambda name, what: say(f"{name} {what}; see {logs / name}.log"))
        for role in local_roles(settings, token, listener)
    ]
    doorbell = _listen_for_wakes(settings, {role.role.name: role for role in roles})
    work = [asyncio.create_task(role.run()) for role in roles]
    ready = asyncio.create_task(_announce(settings, listener, url, say, catch_up=roles[-1].wake))
    try:
        await stop.wait()
        say("stopping")
    finally:
        ready.cancel()
        doorbell.close()
        for role in roles:
            role.stop()
        _, late = await asyncio.wait(work, timeout=STOP_S)
        for role in roles:
            role.stop(signal.SIGKILL)
        if late:
            await asyncio.wait(late)
        (settings.run_dir / SUPERVISOR_SOCKET_NAME).unlink(missing_ok=True)


def _listen_for_wakes(settings: Settings, roles: dict[str, RunningRole]) -> socket.socket:
    """A datagram with a role's name starts an on-demand role."""
    path = settings.run_dir / SUPERVISOR_SOCKET_NAME
    path.unlink(missing_ok=True)
    doorbell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    doorbell.bind(str(path))
    doorbell.setblocking(False)

    def rung() -> None:
        with contextlib.suppress(OSError):
            role = roles.get(doorbell.recv(64).decode("ascii", "replace"))
            if role is not None:
                role.wake()

    asyncio.get_running_loop().add_reader(doorbell, rung)
    return doorbell


async def _announce(
    settings: Settings, listener: socket.socket, url: str, say: Say, catch_up: Callable[[], None]
) -> None:
    """Says when jobs can be taken; then lets the tracking writer deliver what an earlier life left."""
    began = time.monotonic()
    while not await asyncio.to_thread(is_ready, listener.getsockname()[:2], encrypted=settings.encrypted):
        await asyncio.sleep(0.03)
        if time.monotonic() - began > 60:
            say(f"not ready after a minute; see {settings.home / 'logs'}")
            return
    say(f"ready at {url} after {time.monotonic() - began:.1f} s, {slots_of(settings)}, home {settings.home}")
    say(f"`{opening(settings)}` opens its page, and signs you in")
    await asyncio.sleep(CATCH_UP_AFTER_S)
    catch_up()


def opening(settings: Settings) -> str:
    """What to call for the page of the platform on this home."""
    own = settings.home.resolve() == default_home().resolve()
    return "tensorfleet open" if own else f"TENSORFLEET_HOME={settings.home} tensorfleet open"


def slots_of(settings: Settings) -> str:
    """What jobs run on, for people."""
    if settings.fleet.launcher == "ray":
        return f"agents on Ray ({settings.fleet.address})"
    return f"{settings.workers} worker slots"


def is_ready(address: tuple[str, int], *, encrypted: bool = False) -> bool:
    """Whether the gateway says that jobs can be taken.  Who it is has to be known already: nothing is proven or told here."""
    connection = (
        http.client.HTTPSConnection(*address, timeout=2, context=curious_context())
        if encrypted
        else http.client.HTTPConnection(*address, timeout=2)
    )
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """`python -m tensorfleet.supervisor.up`: what `up --detach` leaves running."""
    from tensorfleet.settings import load_settings

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    try:
        return up(load_settings(), say)
    except TensorFleetError as error:
        say(f"Error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
