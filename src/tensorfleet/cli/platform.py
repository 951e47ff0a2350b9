"""The commands that start and stop processes of the platform."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from tensorfleet.errors import Conflict, TensorFleetError, Unavailable

Home = Annotated[
    Path | None, typer.Option(help="Where state lives.  [default: TENSORFLEET_HOME or ~/.tensorfleet]")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.  [default: 8080]")]
READY_S = 60.0
DOWN_S = 20.0


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(up)
    app.command()(down)
    app.command()(demo)
    for role in (gateway, orchestrator, agent, monitor, tuner):
        app.command(rich_help_panel="One role, for containers")(role)


def up(
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(help="Tasks that may run at a time.  [default: 2]")] = None,
    launcher: Annotated[
        str | None, typer.Option(help="What starts agents: local or ray.  [default: local]")
    ] = None,
    home: Home = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Leave it running in the background.")
    ] = False,
    tls: Annotated[
        bool, typer.Option("--tls", help="Speak HTTPS, with a certificate of the platform's own authority.")
    ] = False,
) -> None:
    """Start the platform on this machine."""
    fleet = {"launcher": launcher} if launcher else None
    if tls:  # for the processes that are started too
        os.environ["TENSORFLEET_TLS__OWN"] = "true"
    settings = _settings(home=home, host=host, port=port, workers=workers, fleet=fleet)
    if detach:
        _detach(settings)
        return
    from tensorfleet.supervisor.up import up as run

    raise typer.Exit(run(settings, _say))


def down(home: Home = None) -> None:
    """Stop the platform that runs on this home."""
    from tensorfleet.settings import Settings, default_home

    # Without the home's settings file: a mistake in it must not keep anybody from stopping.
    settings = Settings.model_construct(home=home or default_home())
    from tensorfleet.supervisor.lock import HomeLock

    lock = HomeLock(settings.run_dir)
    holder = lock.holder()
    if holder is None:
        _say("nothing runs on this home")
        return
    os.kill(holder["pid"], signal.SIGTERM)
    deadline = time.monotonic() + DOWN_S
    while lock.holder() is not None:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"process {holder['pid']} does not stop; its logs are in {settings.home / 'logs'}"
            )
        time.sleep(0.05)
    _say("stopped")


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the platform running at the end.")] = False,
) -> None:
    """Train two models on real data in a temporary home, watch them, and see predictions."""
    from tensorfleet.cli.demo import run_demo

    raise typer.Exit(run_demo(keep))


def gateway(host: Host = None, port: Port = None, home: Home = None) -> None:
    """Serve the API."""
    _run_role("gateway", home=home, host=host, port=port)


def orchestrator(home: Home = None) -> None:
    """Schedule jobs and lead agents."""
    _run_role("orchestrator", home=home)


def monitor(home: Home = None) -> None:
    """Write what happens to MLflow."""
    from tensorfleet.monitor import writer

    raise typer.Exit(writer.main(_role_settings(home=home)))


def tuner(home: Home = None) -> None:
    """Conduct studies: propose trials and submit them as jobs."""
    from tensorfleet.tuner import main as role

    raise typer.Exit(role.main(_role_settings(home=home)))


def agent(
    workers: Annotated[int | None, typer.Option(help="Tasks that may run at a time.  [default: 2]")] = None,
    home: Home = None,
    join: Annotated[
        str, typer.Option(metavar="ADDRESS", help="host:port of the authority of the platform to join.")
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="TENSORFLEET_JOIN_TOKEN", help="What `tensorfleet trust invite` printed.")
    ] = "",
) -> None:
    """Run tasks for an orchestrator."""
    settings = _role_settings(home=home, workers=workers)
    from tensorfleet.supervisor import trusting

    if join:
        trusting.join(settings, join, token)
    settings = trusting.as_joined(settings)
    from tensorfleet.adapters.leased import LEASED
    from tensorfleet.agent.__main__ import main as run
    from tensorfleet.settings import ensure_home
    from tensorfleet.supervisor.alone import own_address
    from tensorfleet.supervisor.roles import agent_config

    config = replace(
        agent_config(settings, ensure_home(settings)),
        host=own_address(settings.orchestrator),
        metrics=settings.metrics.address_of("agent"),
    )
    os.environ["TENSORFLEET_AGENT_CONFIG"] = trusting.with_certificate(settings, config).to_json()
    _become_clean(store_keys=config.objects_url != LEASED)
    raise typer.Exit(run())


def _become_clean(*, store_keys: bool) -> None:
    """Goes on as the same program without the secrets that it was started with: its tasks could read them in /proc."""
    from tensorfleet.kit.environ import without_secrets

    told = "TENSORFLEET_AGENT_CONFIG"
    env = {**without_secrets(os.environ, store_keys=store_keys), told: os.environ[told]}
    if env != os.environ:
        sys.stdout.flush()
        os.execve(sys.executable, (sys.executable, "-m", "tensorfleet.agent"), env)  # noqa: S606 - ourselves


def _run_role(role: str, **overrides: Any) -> None:
    from tensorfleet.supervisor.role import run_role

    raise typer.Exit(run_role(role, _role_settings(**overrides)))


def _role_settings(**overrides: Any) -> Any:
    from tensorfleet.supervisor.alone import adopt_token

    settings = _settings(**overrides)
    adopt_token(settings)
    return settings


def _settings(**overrides: Any) -> Any:
    from tensorfleet.settings import load_settings

    return load_settings(**overrides)


def _say(text: str) -> None:
    sys.stderr.write(f"tensorfleet: {text}\n")
    sys.stderr.flush()


def _detach(settings: Any) -> None:
    """Starts the supervisor in a session of its own and returns when it is ready, or says why it is not."""
    process, log = start_detached(settings)
    url = wait_until_ready(settings, process, log)
    from tensorfleet.settings import default_home

    stop = (
        "tensorfleet down" if settings.home == default_home() else f"tensorfleet down --home {settings.home}"
    )
    from tensorfleet.supervisor.up import opening, slots_of

    _say(f"ready at {url}, {slots_of(settings)}, home {settings.home}; stop it with `{stop}`")
    _say(f"`{opening(settings)}` opens its page, and signs you in")


def start_detached(settings: Any, *, tied: bool = False) -> tuple[subprocess.Popen[bytes], Path]:
    """Starts the supervisor in the background; returns it and its log.  `tied`: it ends when this process is killed."""
    from tensorfleet.settings import ensure_home
    from tensorfleet.supervisor.lock import HomeLock
    from tensorfleet.supervisor.roles import end_with_parent

    ensure_home(settings)
    holder = HomeLock(settings.run_dir).holder()
    if holder is not None:
        raise Conflict(
            f"TensorFleet already runs on this home at {holder.get('url', '?')} (process {holder.get('pid')})"
        )
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    log = logs / "supervisor.log"
    env = {
        **os.environ,
        "TENSORFLEET_HOME": str(settings.home.resolve()),
        "TENSORFLEET_HOST": settings.host,
        "TENSORFLEET_PORT": str(settings.port),
        "TENSORFLEET_WORKERS": str(settings.workers),
        "TENSORFLEET_FLEET__LAUNCHER": settings.fleet.launcher,
    }
    command = [sys.executable, "-m", "tensorfleet.supervisor.up"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            start_new_session=True,
            preexec_fn=end_with_parent if tied else None,  # noqa: PLW1509 - one call, no lock
            cwd=settings.home,
        )
    return process, log


def wait_until_ready(settings: Any, process: subprocess.Popen[bytes], log: Path) -> str:
    """The platform's URL once it takes jobs.

    Raises:
        TensorFleetError: it ended, or is not ready in time; with the last words of its log.
    """
    from urllib.parse import urlsplit

    from tensorfleet.supervisor.lock import HomeLock
    from tensorfleet.supervisor.up import is_ready

    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            last = log.read_text().strip().splitlines()[-1:] or ["it said nothing"]
            raise TensorFleetError(f"the platform did not start: {last[0].removeprefix('Error: ')}")
        url = (HomeLock(settings.run_dir).holder() or {}).get("url")
        if url:
            parts = urlsplit(url)
            if is_ready((parts.hostname or "", parts.port or 0), encrypted=parts.scheme == "https"):
                return str(url)
        time.sleep(0.03)
    raise Unavailable(
        f"the platform is not ready after {READY_S:.0f} s{_perhaps(settings)}; its logs are in {settings.home / 'logs'}"
    )


def _perhaps(settings: Any) -> str:
    if settings.fleet.launcher == "ray":
        return ", as no agent has come up; look whether the Ray cluster is there with `ray status`"
    return ""
