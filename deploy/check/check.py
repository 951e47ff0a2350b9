"""Builds the images and runs a job in containers of deploy/compose, without any image registry (`make deploy-check`).

Needs root on Debian with podman, buildah, runc, debootstrap and docker-compose.  The base image is a Debian of the same release
under the name that the Dockerfile asks for; PostgreSQL, Redis, S3 and nginx are Debian's.  They share its network.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "deploy/compose"
BASE = "docker.io/library/python:3.11-slim-bookworm"
ROLES = ("gateway", "orchestrator", "agent", "monitor", "tuner", "mlflow")
STAND_INS = ("postgres", "redis", "nginx", "s3")
NEEDED = ("podman", "buildah", "runc", "debootstrap", "docker-compose")
PROJECT = "tensorfleet-check"
URL = "http://127.0.0.1:8000"
READY_S = 180.0
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
JOB = {
    "name": "in-containers",
    "algorithm": "mlp",
    "dataset": "digits",
    "hyperparameters": {"epochs": 3},
    "resources": {"workers": 2},
}


class Engine:
    """podman and buildah on a store of their own, which is kept between runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._where = [
            "--root",
            f"{folder}/store",
            "--runroot",
            f"{folder}/run",
            "--storage-driver",
            "overlay",
        ]

    def buildah(self, *arguments: str) -> str:
        return _run("buildah", *self._where, *arguments)

    def podman(self, *arguments: str) -> str:
        return _run(*self.podman_command(), *arguments)

    def podman_command(self) -> list[str]:
        engine = ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        return ["podman", *self._where, *engine]

    def has(self, image: str) -> bool:
        return bool(self.buildah("images", "--quiet", "--filter", f"reference={image}").strip())

    def make_base(self) -> None:
        if self.has(BASE):
            return
        root = self.folder / "rootfs"
        if not (root / "usr/bin/python3").exists():
            shutil.rmtree(root, ignore_errors=True)
            extra = "--include=python3,python3-venv,ca-certificates"
            _run("debootstrap", "--variant=minbase", extra, "bookworm", str(root))
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", "--quiet", container, str(root), "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)

    def build(self, file: Path, context: Path, target: str, image: str) -> None:
        command = ["build", "--layers", "--isolation", "chroot", "--network", "host", "--pull=never"]
        if "SSL_CERT_FILE" in os.environ:
            command += ["--volume", f"{os.environ['SSL_CERT_FILE']}:{CERTIFICATES}:ro"]
            command += ["--env", f"SSL_CERT_FILE={CERTIFICATES}", "--env", f"PIP_CERT={CERTIFICATES}"]
            command += ["--env", f"NODE_EXTRA_CA_CERTS={CERTIFICATES}"]
        wheels = os.environ.get("UV_FIND_LINKS", "")
        if Path(wheels).is_dir() and wheels:
            command += ["--volume", f"{wheels}:{wheels}:ro", "--build-arg", f"UV_FIND_LINKS={wheels}"]
        self.buildah(*command, "--target", target, "--tag", image, "--file", str(file), str(context))

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """The engine's socket, which docker-compose talks to."""
        socket = self.folder / "engine.sock"
        socket.unlink(missing_ok=True)
        command = [*self.podman_command(), "system", "service", "--time=0", f"unix://{socket}"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as service:
            try:
                _wait_until(socket.exists, 20, "podman's socket")
                yield f"unix://{socket}"
            finally:
                service.terminate()


def compose_file(folder: Path) -> Path:
    """deploy/compose/compose.yaml on the machine's own network, with all names on loopback, and with secrets of its own."""
    secrets = folder / "secrets"
    shutil.rmtree(secrets, ignore_errors=True)
    _run(str(COMPOSE / "secrets.sh"), str(secrets))
    text = (COMPOSE / "compose.yaml").read_text()
    text = re.sub(r"(?<![\w/])(?:\./)?secrets/", f"{secrets}/", text)
    loaded: dict[str, Any] = yaml.safe_load(text)
    names = [f"{name}:127.0.0.1" for name in loaded["services"]]
    for service in loaded["services"].values():
        for key in ("networks", "ports", "logging"):
            service.pop(key, None)
        service |= {"network_mode": "host", "extra_hosts": names}
        service["ulimits"] = {"nofile": {"soft": 1024, "hard": 4096}, "nproc": 1000}
    # Its other catalogues would take a port of ours here, where all have the machine's.
    loaded["services"]["s3"]["command"] += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    del loaded["networks"]
    path = folder / "compose.yaml"
    path.write_text(yaml.safe_dump(loaded))
    return path


def run_job(token: str) -> dict[str, Any]:
    """Submits the job through nginx and waits for its end, as a user does with the command line."""
    env = {**os.environ, "TENSORFLEET_URL": URL, "TENSORFLEET_TOKEN": token}
    tensorfleet = str(Path(sys.executable).with_name("tensorfleet"))

    def call(*arguments: str, given: str | None = None) -> str:
        done = subprocess.run(
            [tensorfleet, *arguments], input=given, env=env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"tensorfleet {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    folder = Path(os.environ["TMPDIR"]) if "TMPDIR" in os.environ else Path("/tmp")  # noqa: S108
    path = folder / f"{PROJECT}-job.json"
    path.write_text(json.dumps(JOB))
    job = call("submit", str(path)).split()[0]
    call("jobs", "logs", "--follow", job)
    path.unlink()
    return dict(json.loads(call("jobs", "show", job, "--json")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".venv/deploy-check", help="kept between runs")
    folder: Path = parser.parse_args().folder.resolve()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.getuid() != 0:
        print(f"deploy-check needs root and: apt-get install {' '.join(missing or NEEDED)}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    engine = Engine(folder)
    with _timed("base image"):
        engine.make_base()
    for name in STAND_INS:
        with _timed(f"image of {name}"):
            engine.build(
                ROOT / "deploy/check/Dockerfile", ROOT / "deploy/check", name, f"localhost/check/{name}"
            )
    for role in ROLES:
        with _timed(f"image of {role}"):
            engine.build(ROOT / "deploy/docker/Dockerfile", ROOT, role, f"localhost/tensorfleet/{role}:dev")
    file = compose_file(folder)
    with engine.serving() as socket:
        return _in_containers(engine, socket, file)


def _in_containers(engine: Engine, socket: str, file: Path) -> int:
    env = {name.upper() + "_IMAGE": f"localhost/check/{name}" for name in STAND_INS}
    env |= {
        "TENSORFLEET_IMAGE": "localhost/tensorfleet",
        "DOCKER_HOST": socket,
        "COMPOSE_HTTP_TIMEOUT": "300",
    }
    compose = [
        "docker-compose",
        "--project-name",
        PROJECT,
        "--project-directory",
        str(COMPOSE),
        "--file",
        str(file),
    ]
    try:
        with _timed("containers started"):
            _run(*compose, "up", "--detach", env=env)
        with _timed("ready for jobs"):
            _wait_until(lambda: _answers("/health/ready"), READY_S, "the platform")
        with _timed("bucket made"):  # by a store that first has to choose its leader
            _wait_until(lambda: _ended_well(engine, f"{PROJECT}_bucket_1"), READY_S, "the bucket")
        with _timed("a job of two ranks"):
            job = run_job((engine.folder / "secrets/token").read_text())
        print(f"job {job['job_id']}: {job['status']}, {json.dumps(job['metrics'])}")
        _check_containers(engine)
        with _timed("a second agent joined"):
            _run(*compose, "up", "--detach", "--no-recreate", "--scale", "agent=2", env=env)
            _wait_until(lambda: len(_given(engine, "agent")) == 2, READY_S, "the second agent")
        _check_trust(engine)
        return 0 if job["status"] == "completed" else 1
    except BaseException:
        print(_run(*compose, "logs", "--tail", "30", env=env))
        raise
    finally:
        with _timed("containers stopped"):
            _run(*compose, "down", "--volumes", "--timeout", "60", env=env)


def _check_containers(engine: Engine) -> None:
    """What the Dockerfile promises of every role, seen in the running containers."""
    for role in ROLES:
        name = f"{PROJECT}_{role}_1"
        user = engine.podman("exec", name, "id", "-u").strip()
        assert user == "10001", f"{role} runs as user {user}"
        touched = subprocess.run(
            [*engine.podman_command(), "exec", name, "touch", "/opt/tensorfleet/x"],
            capture_output=True,
            check=False,
        )
        assert touched.returncode != 0, f"the root of {role} can be written"
    print("all roles run as user 10001 on a read-only root")


_ASK = """
import grpc, sys
from pathlib import Path
from tensorfleet.trust.channels import open_channel
from tensorfleet.trust.identity import Identity
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub
own = Identity(Path(sys.argv[1])).current if sys.argv[1:] else None
try:
    OrchestratorStub(open_channel("orchestrator:50051", (), own)).Wake(pb.WakeRequest(), timeout=10)
    print("OK")
except grpc.RpcError as error:
    print(error.code().name)
"""
"""Wakes the orchestrator as whoever has the identity in a folder; without one not encrypted."""


def _given(engine: Engine, role: str) -> list[str]:
    """The names of a role that have a certificate, as the orchestrator's authority says."""
    listed = engine.podman("exec", f"{PROJECT}_orchestrator_1", "tensorfleet", "trust", "list", "--json")
    return [one["name"] for one in json.loads(listed) if one["role"] == role and one["state"] == "valid"]


def _check_trust(engine: Engine) -> None:
    """Nobody speaks to the orchestrator without a certificate, and nobody with the certificate of another role."""
    home = "/var/lib/tensorfleet/home"
    for role, folder, expected in (
        ("gateway", f"{home}/pki/gateway", "OK"),
        ("tuner", f"{home}/pki/tuner", "OK"),
        ("agent", f"{home}/agent", "PERMISSION_DENIED"),
        ("agent", "", "UNAVAILABLE"),
    ):
        command = ["exec", f"{PROJECT}_{role}_1", "python", "-c", _ASK, *([folder] if folder else [])]
        found = engine.podman(*command).strip()
        assert found == expected, f"a call of {role} with '{folder}' ended with {found}, not {expected}"
    for role in ("gateway", "tuner", "orchestrator"):
        assert len(_given(engine, role)) == 1, f"{role} has no certificate of its own"
    print("orchestrator, gateway, tuner and two agents have certificates, and nobody else is let in")


def _ended_well(engine: Engine, container: str) -> bool:
    state = engine.podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", container)
    return state.split() == ["exited", "0"]


def _answers(path: str) -> bool:
    try:
        with urllib.request.urlopen(URL + path, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _wait_until(condition: Any, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} is not there after {seconds:.0f} s")
        time.sleep(0.2)


@contextlib.contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def _run(*command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:8])} ... failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
