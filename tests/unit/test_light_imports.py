"""Light processes start light: what they import brings in no heavy library."""

from __future__ import annotations

import subprocess
import sys

import pytest

LEARNING = {"torch", "sklearn", "mlflow", "polars", "pyarrow", "pandas", "skops", "ray", "optuna"}
SERVING = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic"}


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("tensorfleet.agent.agent, tensorfleet.agent.template, tensorfleet.cli.main", LEARNING | SERVING),
        ("tensorfleet.sdk.client, tensorfleet.training.run, tensorfleet.train", SERVING),
        ("tensorfleet.gateway.app, tensorfleet.orchestrator.main, tensorfleet.supervisor.up", LEARNING),
        ("tensorfleet.tuner.main", LEARNING),
        ("tensorfleet.tuner.main, tensorfleet.tuner.conductor", LEARNING - {"optuna"}),
    ],
    ids=["agent-cli", "sdk-training", "control-plane", "tuner", "tuner-with-a-study"],
)
def test_what_starts_light_stays_light(modules: str, heavy: set[str]) -> None:
    code = f"import sys, {modules}; print(*sorted({heavy!r} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.split() == []
