"""What an agent has to know, without the weight of the settings machinery."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class AgentConfig:
    """`work_dir` holds the agent's identity, its tasks' folders and its cache; `orchestrator` is a gRPC address."""

    orchestrator: str
    token: str
    work_dir: str
    slots: int
    objects_url: str
    host: str = "127.0.0.1"
    name: str = ""
    log_limit_bytes: int = 256 * 1024**2

    @property
    def tasks_dir(self) -> Path:
        return Path(self.work_dir) / "tasks"

    @property
    def cache_dir(self) -> Path:
        return Path(self.work_dir) / "cache"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> AgentConfig:
        return cls(**json.loads(text))
