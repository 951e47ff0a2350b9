"""The settings of monitoring: where the roles without an API show their metrics."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_PORT = Field(default=0, ge=0, le=65535)


class MetricsSettings(BaseModel):
    """A port for each role that shows its metrics; 0 for none.  The gateway has them at its own port."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    orchestrator: int = _PORT
    agent: int = _PORT
    monitor: int = _PORT
    tuner: int = _PORT

    def address_of(self, role: str) -> str:
        """`host:port`, or nothing where the role shows none."""
        port = getattr(self, role)
        return f"{self.host}:{port}" if port else ""
