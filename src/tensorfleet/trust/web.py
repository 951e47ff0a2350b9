"""The certificate of the gateway's HTTP port: where it lies, and how the platform's own authority gives one."""

from __future__ import annotations

import ipaddress
import socket
from datetime import datetime, timedelta
from pathlib import Path

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.files import write_atomic
from tensorfleet.settings import Settings
from tensorfleet.trust.identity import FILE
from tensorfleet.trust.pair import Facts, Pair, facts_of

FOLDER = "web"
CERTIFICATE, KEY, ROOTS = "certificate.pem", "key.pem", "roots.pem"
OWN_LIFE = timedelta(days=90)


def pair_of(settings: Settings) -> Pair | None:
    """The files that the gateway shows itself with; None where it speaks plain HTTP."""
    if settings.tls.certificate is not None and settings.tls.key is not None:
        return Pair(settings.home / settings.tls.certificate, settings.home / settings.tls.key)
    if settings.acme.domains:
        return Pair(settings.home / "acme" / CERTIFICATE, settings.home / "acme" / KEY)
    if settings.tls.own:
        folder = settings.pki_dir / FOLDER
        return Pair(folder / CERTIFICATE, folder / KEY)
    return None


def due(facts: Facts, now: datetime) -> bool:
    """Whether two thirds of a certificate's life are over."""
    return now >= facts.begins_at + (facts.expires_at - facts.begins_at) * 2 / 3


def renew_own(settings: Settings, clock: Clock = utc_now) -> bool:
    """Lets the platform's authority give the next certificate, if it is time or the names have changed; whether it did.

    Raises:
        InvalidInput: the authority is not in this home.
    """
    pair = pair_of(settings)
    assert pair is not None
    names = own_names(settings)
    if pair.changed() is not None:
        found = facts_of(pair.certificate)
        if set(names) <= set(found.names) and not due(found, clock()):
            return False
    _give(settings, pair, names, clock)
    return True


def _give(settings: Settings, pair: Pair, names: tuple[str, ...], clock: Clock) -> None:
    from tensorfleet.trust import certificates as x
    from tensorfleet.trust.home import authority_here, authority_of

    if not authority_here(settings) and any(settings.pki_dir.glob(f"*/{FILE}")):
        raise InvalidInput(
            "tls.own needs the authority, and this home has joined that of another machine; set tls.certificate and tls.key"
        )
    key = x.new_key()
    chain, roots = authority_of(settings, clock).for_web(key.public_key(), names, OWN_LIFE)
    pair.certificate.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(pair.certificate.parent / ROOTS, roots.encode(), mode=0o644)
    write_atomic(pair.key, x.key_pem(key).encode(), mode=0o600)
    write_atomic(pair.certificate, chain.encode(), mode=0o644)


def own_names(settings: Settings) -> tuple[str, ...]:
    """How clients of this machine, and of its network, may call it."""
    host = socket.gethostname().lower()
    given = (
        settings.host,
        *settings.tls.names,
        *(one for one in settings.web.hosts if not one.startswith("*")),
    )
    found = {"localhost", "127.0.0.1", "::1", host, socket.getfqdn().lower(), *_addresses()}
    found |= {one.strip("[]").lower() for one in given}
    return tuple(sorted(one for one in found if one and one not in ("0.0.0.0", "::")))  # noqa: S104 - no name


def _addresses() -> set[str]:
    import psutil

    found = set()
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family in (socket.AF_INET, socket.AF_INET6) and "%" not in entry.address:
                found.add(str(ipaddress.ip_address(entry.address)))
    return found


def trusted_by_home(settings: Settings) -> Path | None:
    """What clients of this home believe: the certificate itself, or the authority that gives it."""
    pair = pair_of(settings)
    if pair is None:
        return None
    return pair.certificate.parent / ROOTS if settings.tls.own else pair.certificate


def name_of(settings: Settings) -> str:
    """A name that the certificate is for, whatever address it is asked at."""
    pair = pair_of(settings)
    if pair is None or settings.tls.own:
        return "localhost" if pair is not None else ""
    if settings.acme.domains:
        return settings.acme.domains[0]
    names = facts_of(pair.certificate).names
    return next((name.replace("*", "tensorfleet", 1) for name in names), "")
