"""What a home has of all this: its authority, if it is here, and the identities of its processes."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from tensorfleet.errors import InvalidInput, NotPermitted, Unavailable
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.retry import delays
from tensorfleet.settings import Settings
from tensorfleet.settings_trust import strong
from tensorfleet.trust import client
from tensorfleet.trust.identity import AUTHORITY_FILE, Credentials, Identity
from tensorfleet.trust.roles import AGENT, ORCHESTRATOR

if TYPE_CHECKING:
    from tensorfleet.trust.authority import Authority
    from tensorfleet.trust.places import Place

PATIENCE_S = 120.0
"""How long a process that lets itself in waits for an authority; containers start in any order."""
log = structlog.get_logger()
TOLD = frozenset(
    {"orchestrator_address", "object_store_url", "mutual_tls", "log_limit_bytes", "save_grace_s"}
)
"""Settings that an agent takes over from the platform that it joins; the address of an object store has no secret in it."""


def authority_here(settings: Settings) -> bool:
    """Whether this home has it, or knows the secret that opens it in the database."""
    return _sealed(settings) or (_folder(settings) / AUTHORITY_FILE).exists()


def authority_of(settings: Settings, clock: Clock = utc_now) -> Authority:
    """The authority of this home, or of the database; made when there is none."""
    from tensorfleet.trust.authority import Authority

    life = timedelta(seconds=settings.certificate_life_s)
    return Authority(_place(settings), settings.authority, life, clock, settings.bootstrap.by_role())


def begin(settings: Settings, clock: Clock = utc_now) -> None:
    """Where an orchestrator is to run: makes the authority, unless the orchestrator has joined that of another machine."""
    if settings.secured and (_sealed(settings) or _identity(settings, ORCHESTRATOR).find() is None):
        authority_of(settings, clock)


def identity_for(
    settings: Settings, role: str, name: str = "", folder: Path | None = None, clock: Clock = utc_now
) -> Identity | None:
    """Who a process of this home is to others, asked at its start; None where nothing is spoken with other machines.

    Waits for the authority where a secret lets this role in.

    Args:
        name: chosen when empty; for agents the worker's id.
        folder: where it is kept, if not in the home's `pki`.

    Raises:
        NotPermitted: there is no certificate, and no authority here that could give one.
    """
    if not settings.secured:
        return None
    identity = Identity(folder) if folder else _identity(settings, role)
    if authority_here(settings):
        chosen = name or (socket.gethostname().lower() if _sealed(settings) else role)
        identity.save(authority_of(settings, clock).own(role, chosen))
        return identity
    found = identity.find()
    if found is None or not found.good(clock()):
        secrets = settings.bootstrap.of(role)
        if not secrets:
            raise NotPermitted(missing(role, expired=found is not None))
        identity.save(_enter(settings.authority, role, secrets[0]))
    return identity


def _enter(address: str, role: str, secret: str) -> Credentials:
    for pause_s in delays(PATIENCE_S):
        try:
            return client.enter(address, role, secret)
        except Unavailable as error:
            log.info("waiting for the authority", address=address, detail=error.detail)
        time.sleep(pause_s)
    return client.enter(address, role, secret)


def vouch(settings: Settings, role: str, name: str) -> Credentials:
    """Credentials for a process that an orchestrator of this home starts elsewhere.

    Raises:
        Unavailable: the authority is on another machine, and does not answer.
    """
    if authority_here(settings):
        return authority_of(settings).own(role, name)
    own = _identity(settings, ORCHESTRATOR).find()
    if own is None:
        raise Unavailable("this home has no orchestrator's certificate yet")
    return client.vouch(own, role, name)


def told(settings: Settings) -> dict[str, Any]:
    """What a machine that joins needs to know, by the names of settings."""
    found = {name: getattr(settings, name) for name in TOLD}
    return found | {"orchestrator_address": settings.orchestrator, "object_store_url": settings.objects}


def missing(role: str, *, expired: bool) -> str:
    what = "its certificate has expired" if expired else "it has no certificate"
    command = "tensorfleet agent --join" if role == AGENT else "tensorfleet trust join"
    return (
        f"this {role} cannot speak to the orchestrator of another machine: {what}; "
        f"run `tensorfleet trust invite --role {role}` where the authority is, and `{command}` here"
    )


def _identity(settings: Settings, role: str) -> Identity:
    return Identity(settings.pki_dir / role)


def _sealed(settings: Settings) -> bool:
    return bool(settings.authority_secret.get_secret_value())


def _place(settings: Settings) -> Place:
    from tensorfleet.trust.places import Folder, InDatabase

    if not _sealed(settings):
        return Folder(_folder(settings))
    scheme, _, rest = settings.database.partition("://")
    if scheme.partition("+")[0] != "postgresql":
        raise InvalidInput(
            "authority_secret is for an authority in PostgreSQL, and database_url is none; take the setting away"
        )
    return InDatabase(f"postgresql://{rest}", ",".join(strong("authority_secret", settings.authority_secret)))


def _folder(settings: Settings) -> Path:
    return settings.pki_dir / "authority"
