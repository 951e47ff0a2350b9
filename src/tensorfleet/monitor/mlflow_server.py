"""MLflow's own server and page, started only when somebody asks for them."""

from __future__ import annotations

import os
import sys

from tensorfleet.adapters.mlflow_store import mlflow_environment, mlflow_url, prepare_store
from tensorfleet.errors import InvalidInput
from tensorfleet.settings import Settings


def mlflow_server_command(settings: Settings, port: int) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of `mlflow server` on our store, on loopback, with one worker.

    Raises:
        InvalidInput: the store is a tracking server already.
        Unavailable: the store is away.
    """
    url = mlflow_url(settings.mlflow)
    if url.startswith("http"):
        raise InvalidInput(f"MLflow runs already, at {url}; open that address")
    prepare_store(url)
    artifacts = f"{settings.objects.partition('?')[0].rstrip('/')}/mlflow"
    options = {
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": "1",
        "--default-artifact-root": artifacts,
    }
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        *(text for option in options.items() for text in option),
    ]
    # The address goes by the environment: it may hold a password, and every user sees command lines.
    own = {
        "MLFLOW_BACKEND_STORE_URI": url,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }
    return command, {**os.environ, **mlflow_environment(url), **own}
