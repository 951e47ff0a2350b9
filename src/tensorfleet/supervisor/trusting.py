"""Certificates for agents: of those that are started here, and of one that joins a platform on another machine."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tensorfleet.agent.config import AgentConfig
from tensorfleet.errors import NotPermitted
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.files import write_atomic
from tensorfleet.settings import Settings
from tensorfleet.trust import client, home
from tensorfleet.trust.identity import Identity
from tensorfleet.trust.invitation import Invitation
from tensorfleet.trust.roles import AGENT

JOINED_FILE = "joined.json"


def with_certificate(settings: Settings, config: AgentConfig) -> AgentConfig:
    """An agent of this home: its certificate lies in its folder, and its name is the one in it."""
    if not settings.secured:
        return config
    folder = Path(config.work_dir)
    own = Identity(folder).find()
    name = own.name if own is not None else config.own_name
    identity = home.identity_for(settings, AGENT, name, folder)
    assert identity is not None
    return dataclasses.replace(config, secured=True, worker_id=identity.current.name)


def sent_elsewhere(settings: Settings, config: AgentConfig) -> AgentConfig:
    """An agent that a launcher starts on another machine: it gets its certificate on the way, and not the platform's token."""
    if not settings.secured:
        return config
    credentials = dataclasses.asdict(home.vouch(settings, AGENT, config.own_name))
    return dataclasses.replace(config, token="", secured=True, credentials=credentials)


def join(settings: Settings, address: str, token: str, clock: Clock = utc_now) -> None:
    """Makes this home's agent a part of the platform at `address`; one that is a part of it already stays as it is.

    Raises:
        InvalidInput: the token is none.
        NotPermitted: it is used, has expired, or is another platform's.
        Unavailable: nobody answers there.
    """
    identity = _own(settings)
    found = identity.find()
    if found is not None and found.good(clock()) and _note(settings).exists():
        return
    credentials, told = client.join(Invitation.parse(token), address)
    if credentials.role != AGENT:
        raise NotPermitted(
            f"this token is for the role {credentials.role}, and is used up now; make one with `tensorfleet trust invite`"
        )
    identity.save(credentials)
    write_atomic(_note(settings), json.dumps(told).encode(), mode=0o600)


def as_joined(settings: Settings) -> Settings:
    """With what the platform that this home's agent has joined said; what is set here has precedence."""
    if not _note(settings).exists():
        return settings
    told: dict[str, Any] = json.loads(_note(settings).read_bytes())
    known = {name: told[name] for name in told.keys() & home.TOLD}
    return settings.model_copy(
        update={name: value for name, value in known.items() if name not in settings.model_fields_set}
    )


def _own(settings: Settings) -> Identity:
    return Identity(settings.home / "agent")


def _note(settings: Settings) -> Path:
    return settings.home / "agent" / JOINED_FILE
