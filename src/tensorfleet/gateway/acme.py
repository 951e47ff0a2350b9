"""Orders the gateway's certificate by ACME (RFC 8555), in time, and answers the authority's challenge over HTTP.

All that it has lies in one folder of the home: gateways that share it order once for all of them.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog

from tensorfleet.errors import InvalidInput, TensorFleetError, Unavailable
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.files import write_atomic
from tensorfleet.settings_tls import AcmeSettings
from tensorfleet.trust.pair import Pair, facts_of
from tensorfleet.trust.web import due

FIRST_S, MOST_S = 60.0, 6 * 3600.0
"""How long after a failure the next try is made; it doubles each time.  Authorities count failures."""
ORDER_S = 90.0
NONCES = 4
_CHALLENGE = re.compile(r"/\.well-known/acme-challenge/([A-Za-z0-9_-]{1,200})")
_ACCOUNT, _TRIES, _LOCK, _CHALLENGES = "account.key", "tries.json", "lock", "challenges"
log = structlog.get_logger()
Order = Callable[[AcmeSettings, Path, str], tuple[str, str]]


def check_installed() -> None:
    """Raises InvalidInput, saying what to do, where the library for it is missing."""
    if find_spec("acme") is None:
        raise InvalidInput("ordering certificates by ACME needs a library: pip install 'tensorfleet[acme]'")


class Ordering:
    """Keeps the certificate in `pair` good; safe for several processes that have the same folder.

    Args:
        folder: account key, certificate and challenges; made for its owner alone.
        order: gets settings, the folder and a key; gives that key and the chain.
        chance: a number from 0 to 1, so that many do not try in step.
    """

    def __init__(
        self,
        settings: AcmeSettings,
        pair: Pair,
        *,
        order: Order | None = None,
        clock: Clock = utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._pair = pair
        self._folder = pair.certificate.parent
        self._order = order or order_from_authority
        self._clock = clock
        self._chance = chance
        for folder in (self._folder, self._folder / _CHALLENGES):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if pair.changed() is None:
            self._write(*placeholder(settings.domains[0], clock))

    def look(self) -> bool:
        """Orders if it is time and nobody else does; whether there is a new certificate.

        Raises:
            Unavailable: it was not given; the next calls wait for a while and say nothing.
        """
        if not self._wanted():
            return False
        with self._alone() as mine:
            if not mine or not self._wanted():
                return False
            try:
                self._write(*self._order(self._settings, self._folder, _key_of(self._pair)))
            except TensorFleetError as error:
                raise self._failed(error) from error
            (self._folder / _TRIES).unlink(missing_ok=True)
            return True

    def answer(self, path: str) -> bytes | None:
        """What the authority asks for at this path; None for any other."""
        found = _CHALLENGE.fullmatch(path)
        if found is None:
            return None
        try:
            return (self._folder / _CHALLENGES / found[1]).read_bytes()
        except OSError:
            return None

    def _wanted(self) -> bool:
        facts = facts_of(self._pair.certificate)
        ordered = facts.names == tuple(sorted(self._settings.domains)) and not is_placeholder(facts.issuer)
        if ordered and not due(facts, self._clock()):
            return False
        return self._clock().timestamp() >= self._tried()[1]

    def _tried(self) -> tuple[int, float]:
        """How often it failed in a row, and when the next try may be."""
        try:
            found = json.loads((self._folder / _TRIES).read_bytes())
            return int(found["failed"]), float(found["next_at"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0.0

    def _failed(self, error: TensorFleetError) -> Unavailable:
        times = self._tried()[0] + 1
        pause_s = min(MOST_S, FIRST_S * 2 ** min(times - 1, 20)) * (1 + self._chance() / 2)
        next_at = self._clock() + timedelta(seconds=pause_s)
        told = json.dumps({"failed": times, "next_at": next_at.timestamp(), "detail": error.detail[:1000]})
        write_atomic(self._folder / _TRIES, told.encode(), mode=0o600)
        return Unavailable(f"{error.detail}; the next try is at {next_at:%H:%M:%S} UTC")

    def _write(self, key: str, chain: str) -> None:
        write_atomic(self._pair.key, key.encode(), mode=0o600)
        write_atomic(self._pair.certificate, chain.encode(), mode=0o600)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)


def _key_of(pair: Pair) -> str:
    """A new one for each certificate."""
    from tensorfleet.trust import certificates as x

    return x.key_pem(x.new_key())


def is_placeholder(issuer: str) -> bool:
    return "not ordered yet" in issuer


def placeholder(domain: str, clock: Clock) -> tuple[str, str]:
    """Key and certificate with which the port is open until the first real one is there; no client believes it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    from tensorfleet.trust import certificates as x

    key, now = x.new_key(), clock()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "not ordered yet")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return x.key_pem(key), x.certificate_pem(made)


def order_from_authority(settings: AcmeSettings, folder: Path, key: str) -> tuple[str, str]:
    """An order from its beginning to the chain.

    Raises:
        Unavailable: the authority does not answer, refuses, or could not reach this gateway; says which.
    """
    import acme.errors
    import acme.messages
    import requests

    try:
        return key, _ordered(settings, folder, key)
    except acme.errors.ValidationError as error:
        raise Unavailable(f"{settings.directory} could not prove the names: {_why(error)}") from error
    except acme.errors.TimeoutError as error:
        raise Unavailable(
            f"{settings.directory} has not given a certificate within {ORDER_S:.0f} s"
        ) from error
    except (acme.errors.Error, acme.messages.Error) as error:
        raise Unavailable(f"{settings.directory} gave no certificate: {str(error)[:500]}") from error
    except (requests.RequestException, OSError) as error:
        raise Unavailable(f"{settings.directory} cannot be asked for a certificate: {error}") from error


def _ordered(settings: AcmeSettings, folder: Path, key: str) -> str:
    from datetime import datetime

    from acme import crypto_util

    client, account_key = _client(settings, folder)
    order = client.new_order(crypto_util.make_csr(key.encode(), list(settings.domains)))
    offered: list[Path] = []
    try:
        for authorization in order.authorizations:
            offered += _offer(client, account_key, authorization, folder / _CHALLENGES)
        deadline = datetime.now() + timedelta(seconds=ORDER_S)  # noqa: DTZ005 - as the library has it
        chain = client.poll_and_finalize(order, deadline).fullchain_pem
        return str(chain)
    finally:
        for path in offered:
            path.unlink(missing_ok=True)


def _client(settings: AcmeSettings, folder: Path) -> tuple[Any, Any]:
    """Signed in at the authority, with an account that is made at the first order."""
    from acme import client, errors, messages
    from josepy.jwa import ES256
    from josepy.jwk import JWKEC

    from tensorfleet import __version__
    from tensorfleet.trust import certificates as x

    path = folder / _ACCOUNT
    if not path.exists():
        write_atomic(path, x.key_pem(x.new_key()).encode(), mode=0o600)
    key = JWKEC(key=x.load_key(path.read_text()))
    believed = str(settings.ca) if settings.ca is not None else True
    network = _network(
        key, alg=ES256, verify_ssl=believed, user_agent=f"tensorfleet/{__version__}", timeout=30
    )
    made = client.ClientV2(client.ClientV2.get_directory(settings.directory, network), network)
    wanted = messages.NewRegistration.from_data(
        email=settings.email or None, terms_of_service_agreed=settings.terms_agreed
    )
    try:
        made.new_account(wanted)
    except errors.ConflictError as error:  # it has been made before
        network.account = messages.RegistrationResource(uri=error.location, body=messages.Registration())
    return made, key


def _network(*args: Any, **options: Any) -> Any:
    """The library's, which repeats a call with a fresh nonce once; the next one may have expired as well."""
    from acme import client, messages

    class Patient(client.ClientNetwork):
        def post(self, *args: Any, **options: Any) -> Any:
            for _ in range(NONCES):
                try:
                    return super().post(*args, **options)
                except messages.Error as error:
                    if error.code != "badNonce":
                        raise
            return super().post(*args, **options)

    return Patient(*args, **options)


def _offer(client: Any, key: Any, authorization: Any, folder: Path) -> list[Path]:
    """Puts the answer to one name's challenge where the authority will look, and says that it is there."""
    from acme import challenges, messages

    if authorization.body.status == messages.STATUS_VALID:
        return []
    found = [one for one in authorization.body.challenges if isinstance(one.chall, challenges.HTTP01)]
    if not found:
        name = authorization.body.identifier.value
        raise Unavailable(
            f"the authority does not offer to prove '{name}' over HTTP, and nothing else is spoken here"
        )
    response, proof = found[0].response_and_validation(key)
    path = folder / found[0].chall.encode("token")
    write_atomic(path, proof.encode(), mode=0o600)
    client.answer_challenge(found[0], response)
    return [path]


def _why(error: Any) -> str:
    told = []
    for authorization in error.failed_authzrs:
        reasons = [str(one.error.detail) for one in authorization.body.challenges if one.error is not None]
        told.append(f"{authorization.body.identifier.value}: {'; '.join(reasons)[:500]}")
    return ", ".join(told)
