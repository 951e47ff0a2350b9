"""What an agent has to know, without the weight of the settings machinery."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.ids import new_id


@dataclass(frozen=True)
class AgentConfig:
    """`work_dir` holds the agent's identity, its tasks' folders and its cache; `orchestrator` are gRPC addresses, by commas."""

    orchestrator: str
    token: str
    work_dir: str
    slots: int
    objects_url: str
    """A folder that this machine has too, or `lease:` where what a lease needs is asked for."""
    host: str = "127.0.0.1"
    name: str = ""
    log_limit_bytes: int = 256 * 1024**2
    save_grace_s: float = 30.0
    """How long a task may take to save when it has to make room."""
    torch_idle_s: float = 900.0
    """The template with torch is let go after so long without a task; the next one waits a second or two for another."""
    environments: int = 8
    """So many environments of jobs are kept; beyond that, those go that were not used for the longest time."""
    min_free_disk_bytes: int = 512 * 1024**2
    """With less free, or less than a hundredth of the disk, the machine says that its disk is low."""

    alone_s: float = 0.0
    """An agent without tasks that finds no orchestrator for so long ends; 0: never."""
    worker_id: str = ""
    """The name that whoever starts this agent has chosen for it; else it makes one at its first start."""
    resources: dict[str, Any] = field(default_factory=dict)
    """What it says of itself over what its machine has: `cpus`, `memory_bytes`, `type`, `node`, `incarnation`."""
    caches: str = ""
    """A folder that the agents of one machine share; `work_dir` when empty."""
    nursery: str = ""
    """Socket of the process that it is one of the children of: its templates are forked from one that is there."""
    metrics: str = ""
    """`host:port` at which it shows its metrics; nowhere when empty."""
    metrics_token: str = ""
    """What whoever reads them has to bring; `token` when empty."""
    secured: bool = False
    """Whether it shows a certificate: the one in `work_dir`, whose name is then its own."""
    credentials: dict[str, Any] = field(default_factory=dict)
    """A certificate with its key, from whoever starts it on another machine; written to `work_dir` at its start."""
    light: bool = False
    """No warm template before the first task that needs one."""

    @property
    def own_name(self) -> str:
        """The name under which this agent is known for life; made at its first start if nobody has chosen it."""
        if self.worker_id:
            return self.worker_id
        path = Path(self.work_dir) / "worker-id"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomic(path, new_id("w").encode())
        return path.read_text().strip()

    @property
    def tasks_dir(self) -> Path:
        return Path(self.work_dir) / "tasks"

    @property
    def jobs_dir(self) -> Path:
        """A folder for each job of own code that has run here lately."""
        return Path(self.work_dir) / "jobs"

    @property
    def environments_dir(self) -> Path:
        return Path(self.work_dir) / "environments"

    @property
    def cache_dir(self) -> Path:
        return Path(self.caches or self.work_dir) / "cache"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> AgentConfig:
        return cls(**json.loads(text))
