"""What a training process knows of its task."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training.policy import CheckpointPolicy

TASK_FILE = "task.json"
BY_HAND_FOLDER = ".tensorfleet"


@dataclass(frozen=True)
class TaskContext:
    """One task of a job, or a run by hand, which is a job of one task without a fleet."""

    task_dir: Path
    job_id: str
    rank: int
    world_size: int
    objects_url: str
    cache_dir: Path
    job_name: str = ""
    attempt: int = 1
    cpus: float = 1.0
    spec: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] | None = None
    code: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    accumulation: int = 1
    """Micro-batches that each batch is split into."""
    until: int | None = None
    """Training ends here, with a checkpoint: at this epoch, or the first step that own code saves from it on."""
    received_at: float | None = None
    """When the task reached its worker."""
    traceparent: str | None = None
    """The span that stands for this rank, where its job is traced."""
    by_hand: bool = False
    home: Path | None = None
    """The job's folder on this worker, of which all ranks here and its next attempts make use; a task's own if None."""
    leads: bool = True
    """Whether rank 0 runs on this worker."""

    @property
    def job_dir(self) -> Path:
        return self.home or self.task_dir

    @property
    def code_dir(self) -> Path:
        """Where own code lies and runs."""
        return self.job_dir / "code"

    @property
    def seed(self) -> int:
        return int(self.spec.get("seed", 7))

    @property
    def hyperparameters(self) -> dict[str, Any]:
        return dict(self.spec.get("hyperparameters") or {})

    @property
    def policy(self) -> CheckpointPolicy:
        return CheckpointPolicy.of(self.spec)


def load_context(task_dir: Path) -> TaskContext:
    """The context that the agent left in `task_dir`."""
    task = json.loads((task_dir / TASK_FILE).read_text())
    return TaskContext(
        task_dir=task_dir,
        job_id=task["job_id"],
        job_name=task.get("job_name", ""),
        attempt=int(task["attempt"]),
        rank=int(task["rank"]),
        world_size=int(task["world_size"]),
        cpus=float(task.get("cpus") or 1),
        spec=task["spec"],
        dataset=task.get("dataset"),
        code=task.get("code"),
        objects_url=task["objects_url"],
        cache_dir=Path(task["cache_dir"]),
        checkpoint=task.get("checkpoint"),
        accumulation=max(1, int(task.get("accumulation") or 1)),
        until=task.get("until"),
        received_at=task.get("received_at"),
        traceparent=task.get("traceparent"),
        home=Path(task["job_dir"]) if task.get("job_dir") else None,
        leads=not task.get("node_rank"),
    )


def find_context() -> TaskContext:
    """The context of the task that this process belongs to, else one for a run by hand."""
    task_dir = os.environ.get("TENSORFLEET_TASK_DIR")
    if task_dir and (Path(task_dir) / TASK_FILE).exists():
        return load_context(Path(task_dir))
    return _by_hand_context()


def _by_hand_context() -> TaskContext:
    folder = Path.cwd() / BY_HAND_FOLDER
    return TaskContext(
        task_dir=folder,
        job_id="by-hand",
        rank=int(os.environ.get("RANK", "0")),
        world_size=int(os.environ.get("WORLD_SIZE", "1")),
        objects_url=f"file://{folder / 'objects'}",
        cache_dir=folder / "cache",
        spec={"hyperparameters": _params_by_hand()},
        by_hand=True,
    )


def _params_by_hand() -> dict[str, Any]:
    text = os.environ.get("TENSORFLEET_PARAMS", "{}")
    try:
        params = json.loads(text)
    except ValueError as error:
        raise InvalidInput(
            f'TENSORFLEET_PARAMS is not JSON ({error}); write it like {{"epochs": 5}}'
        ) from error
    if not isinstance(params, dict):
        raise InvalidInput(f'TENSORFLEET_PARAMS is {text[:60]}; write an object like {{"epochs": 5}}')
    return params
