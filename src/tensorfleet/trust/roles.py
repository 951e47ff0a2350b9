"""What a certificate says of its holder, and what each role may call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

ORCHESTRATOR, GATEWAY, TUNER, AGENT, CLIENT, AUTHORITY = (
    "orchestrator",
    "gateway",
    "tuner",
    "agent",
    "client",
    "authority",
)
RIGHTS: dict[str, frozenset[str]] = {
    ORCHESTRATOR: frozenset(),
    GATEWAY: frozenset({"Wake"}),
    TUNER: frozenset({"Wake"}),
    AGENT: frozenset({"Attach", "AssignTask", "ReportProgress", "ReportTaskCompletion", "AskForObjects"}),
    CLIENT: frozenset({"CreateTrainingJob", "GetJobStatus", "CancelJob"}),
}
"""Methods of the orchestrator's service, by the roles that people can invite."""
SERVERS = (ORCHESTRATOR, AUTHORITY)


@dataclass(frozen=True)
class Peer:
    """Who is at the other end, as its certificate says; `serial` in hexadecimal."""

    role: str
    name: str
    serial: str
    expires_at: datetime


def server_name(role: str) -> str:
    """What a server of this role is called in its certificate: its role, wherever it is and by whatever address it is reached."""
    return f"{role}.tensorfleet"


def may_call(role: str, path: str) -> bool:
    """Whether a role may call a gRPC method, given as `/package.Service/Method`; all may ask for health and reflection."""
    service, _, method = path.lstrip("/").partition("/")
    return service.startswith("grpc.") or method in RIGHTS.get(role, frozenset())
