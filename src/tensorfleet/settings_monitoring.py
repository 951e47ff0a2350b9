"""The settings of monitoring: where the roles without an API show their metrics, and who is told of what happens."""

from __future__ import annotations

from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

_ADDRESS = r"^$|^[^@\s<>,;]+@[^@\s<>,;]+$"
Told = Literal[
    "job.failed",
    "worker.lost",
    "worker.low_disk",
    "worker.quarantined",
    "sla.breached",
    "budget.warned",
    "budget.spent",
    "webhook.disabled",
]
"""Entries of the event log of which people can be told."""
_PORT = Field(default=0, ge=0, le=65535)


class MetricsSettings(BaseModel):
    """A port for each role that shows its metrics; 0 for none.  The gateway has them at its own port."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    orchestrator: int = _PORT
    agent: int = _PORT
    monitor: int = _PORT
    tuner: int = _PORT
    token: SecretStr = SecretStr("")
    """What Prometheus brings, and good for nothing else: with it, agents need not hold the home's own token."""

    def token_or(self, home_token: str) -> str:
        """What whoever reads metrics has to bring."""
        return self.token.get_secret_value() or home_token

    def address_of(self, role: str) -> str:
        """`host:port`, or nothing where the role shows none."""
        port = getattr(self, role)
        return f"{self.host}:{port}" if port else ""


class ChannelSettings(BaseModel):
    """One way in which people are told of what happens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,31}$")
    type: Literal["webhook", "slack", "email"]
    on: tuple[Told, ...] = Field(default=get_args(Told), min_length=1)
    url: SecretStr = SecretStr("")
    """Of the webhook.  It is a secret: whoever has Slack's may write there."""
    secret: SecretStr = SecretStr("")
    """Signs what a webhook gets."""
    server: str = Field(default="", pattern=r"^$|^\[?[A-Za-z0-9.:-]+\]?:\d{1,5}$")
    """`host:port` of the mail server."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field(default="", pattern=_ADDRESS)
    to: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> ChannelSettings:
        if self.type == "email":
            if not (self.server and self.sender and self.to):
                raise ValueError(f"'{self.name}' needs server, sender and to")
            if self.security == "none" and self.password.get_secret_value():
                raise ValueError(f"'{self.name}' would send its password unencrypted; use starttls or tls")
            return self
        if not _is_web(self.url.get_secret_value()):
            raise ValueError(
                f"'{self.name}' needs the url of its webhook, https://host/path, without user and password"
            )
        return self


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.username is None
            and parts.port != 0
        )
    except ValueError:
        return False
