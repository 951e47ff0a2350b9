"""`python -m tensorfleet.supervisor.role NAME`: one role, without the weight of the command line."""

from __future__ import annotations

import os
import socket
import sys

from tensorfleet.settings import Settings, load_settings

MONITOR_IDLE_S = 60.0
MONITOR_NICENESS = 10
"""It copies to MLflow what has happened; nobody's training waits for a core because of that."""
TUNER_IDLE_S = 60.0


def run_role(name: str, settings: Settings) -> int:
    """Runs a role until it is told to stop; returns its exit code."""
    if name == "orchestrator":
        from tensorfleet.orchestrator import main as orchestrator
        from tensorfleet.supervisor.launchers import build_launcher

        return orchestrator.main(settings, build_launcher)
    if name == "gateway":
        from tensorfleet.gateway import main as gateway

        descriptor = os.environ.get("TENSORFLEET_LISTEN_FD")
        return gateway.main(settings, socket.socket(fileno=int(descriptor)) if descriptor else None)
    if name == "monitor":
        from tensorfleet.monitor import writer

        os.nice(MONITOR_NICENESS)
        stays = settings.metrics.monitor or settings.notify
        return writer.main(settings, exit_when_idle_s=None if stays else MONITOR_IDLE_S)
    if name == "tuner":
        from tensorfleet.tuner import main as tuner

        return tuner.main(settings, exit_when_idle_s=None if settings.metrics.tuner else TUNER_IDLE_S)
    raise ValueError(f"there is no role {name}")


if __name__ == "__main__":
    sys.exit(run_role(sys.argv[1], load_settings()))
