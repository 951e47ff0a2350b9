"""What an authority has given and taken back: certificates, invitations, and the use of secrets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from tensorfleet.errors import NotFound, NotPermitted, nearest
from tensorfleet.trust.bootstrap import Allowance, spend
from tensorfleet.trust.places import Place
from tensorfleet.trust.roles import Peer

_TABLES = """
CREATE TABLE IF NOT EXISTS certificates (
  serial TEXT PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL,
  given_at DOUBLE PRECISION NOT NULL, expires_at DOUBLE PRECISION NOT NULL, revoked_at DOUBLE PRECISION
);
CREATE TABLE IF NOT EXISTS invitations (
  secret_hash TEXT PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL,
  expires_at DOUBLE PRECISION NOT NULL, used_at DOUBLE PRECISION
);
CREATE TABLE IF NOT EXISTS secrets (
  id TEXT PRIMARY KEY, joined INTEGER NOT NULL, left_over DOUBLE PRECISION NOT NULL,
  used_at DOUBLE PRECISION NOT NULL, revoked_at DOUBLE PRECISION
)
"""
AGAIN = "make another with `tensorfleet trust invite`"


@dataclass(frozen=True)
class Given:
    """A certificate that was given."""

    peer: Peer
    given_at: datetime
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if self.peer.expires_at > now else "expired"


@dataclass(frozen=True)
class SecretUse:
    """How a secret has been used to join."""

    id: str
    joined: int
    used_at: datetime | None
    revoked_at: datetime | None


class Ledger:
    """Safe for several processes at once: each change is one transaction, and the first of two wins."""

    def __init__(self, place: Place) -> None:
        self._open = place.reading
        self._change = place.changing
        with self._change() as connection:
            for table in _TABLES.split(";"):
                connection.execute(table)

    # ---- certificates ------------------------------------------------------------------------------------------------

    def add(self, peer: Peer, now: datetime, renews: str | None = None) -> None:
        """Notes a certificate before it is given.

        Raises:
            NotPermitted: `renews`, the serial of the one that it follows, is revoked or unknown.
        """
        with self._change() as connection:
            if renews is not None:
                query = "SELECT revoked_at FROM certificates WHERE serial = ?"
                found = connection.execute(query, (renews,)).fetchone()
                if found is None or found[0] is not None:
                    raise NotPermitted("the certificate is revoked; " + AGAIN)
            row = (peer.serial, peer.role, peer.name, now.timestamp(), peer.expires_at.timestamp())
            connection.execute("INSERT INTO certificates VALUES (?, ?, ?, ?, ?, NULL)", row)

    def all(self) -> list[Given]:
        with self._open() as connection:
            rows = connection.execute(
                "SELECT serial, role, name, given_at, expires_at, revoked_at FROM certificates ORDER BY given_at DESC"
            ).fetchall()
        return [
            Given(
                Peer(role, name, serial, _instant(expires)),
                _instant(given),
                _instant(revoked) if revoked else None,
            )
            for serial, role, name, given, expires, revoked in rows
        ]

    def revoke(self, ref: str, now: datetime) -> list[Peer]:
        """Takes back all certificates of a name, or one by its serial; returns those that it was.

        Raises:
            NotFound: nobody here has this name or serial.
        """
        with self._change() as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM certificates")}
            rows = connection.execute(
                "UPDATE certificates SET revoked_at = ? WHERE (name = ? OR serial = ?) AND revoked_at IS NULL"
                " AND expires_at > ? RETURNING role, name, serial, expires_at",
                (now.timestamp(), ref, ref, now.timestamp()),
            ).fetchall()
            connection.execute("DELETE FROM invitations WHERE name = ? AND used_at IS NULL", (ref,))
        if not rows:
            known = "it has no certificate that is valid now" if ref in names else nearest(ref, names)
            raise NotFound(f"nothing to revoke for '{ref}'; {known}")
        return [Peer(role, name, serial, _instant(expires)) for role, name, serial, expires in rows]

    def revoked(self, now: datetime) -> frozenset[str]:
        """Serials that are revoked and would else still be good."""
        query = "SELECT serial FROM certificates WHERE revoked_at IS NOT NULL AND expires_at > ?"
        with self._open() as connection:
            return frozenset(row[0] for row in connection.execute(query, (now.timestamp(),)))

    def forget(self, before: datetime) -> None:
        """Lets go what has expired before an instant."""
        with self._change() as connection:
            for table in ("certificates", "invitations"):
                connection.execute(f"DELETE FROM {table} WHERE expires_at < ?", (before.timestamp(),))  # noqa: S608

    # ---- invitations -------------------------------------------------------------------------------------------------

    def invite(self, secret: str, role: str, name: str, expires_at: datetime) -> None:
        row = (_hash(secret), role, name, expires_at.timestamp())
        with self._change() as connection:
            connection.execute("INSERT INTO invitations VALUES (?, ?, ?, ?, NULL)", row)

    def redeem(self, secret: str, now: datetime) -> tuple[str, str]:
        """Uses an invitation, which works once; returns the role and the name that it is for.

        Raises:
            NotPermitted: it is used, has expired, or was never given.
        """
        with self._change() as connection:
            query = "SELECT role, name, expires_at, used_at FROM invitations WHERE secret_hash = ?"
            found = connection.execute(query, (_hash(secret),)).fetchone()
            if found is None:
                raise NotPermitted("this token was never given here; " + AGAIN)
            role, name, expires_at, used_at = found
            if used_at is not None:
                raise NotPermitted("this token is used, and works once; " + AGAIN)
            if expires_at <= now.timestamp():
                raise NotPermitted("this token has expired; " + AGAIN)
            change = "UPDATE invitations SET used_at = ? WHERE secret_hash = ?"
            connection.execute(change, (now.timestamp(), _hash(secret)))
        return str(role), str(name)

    # ---- secrets that let many in ------------------------------------------------------------------------------------

    def enter(self, secret_id: str, now: datetime) -> None:
        """Notes that one more joins with a secret.

        Raises:
            NotPermitted: it is revoked.
            Unavailable: too many have joined with it of late.
        """
        with self._change() as connection:
            query = "SELECT left_over, used_at, revoked_at FROM secrets WHERE id = ?"
            found = connection.execute(query, (secret_id,)).fetchone()
            if found is not None and found[2] is not None:
                raise NotPermitted(f"the secret {secret_id} is revoked; give this machine the new one")
            rest = spend(Allowance(found[0], found[1]) if found else None, now.timestamp())
            connection.execute(
                "INSERT INTO secrets VALUES (?, 1, ?, ?, NULL) ON CONFLICT (id) DO UPDATE"
                " SET joined = secrets.joined + 1, left_over = excluded.left_over, used_at = excluded.used_at",
                (secret_id, rest.left, rest.at),
            )

    def secrets(self) -> list[SecretUse]:
        """All that were ever used or revoked."""
        query = "SELECT id, joined, used_at, revoked_at FROM secrets ORDER BY id"
        with self._open() as connection:
            rows = connection.execute(query).fetchall()
        return [
            SecretUse(one, joined, _instant(used) if used else None, _instant(revoked) if revoked else None)
            for one, joined, used, revoked in rows
        ]

    def revoke_secret(self, secret_id: str, now: datetime) -> None:
        """Nobody joins with it any more; who has joined stays in."""
        with self._change() as connection:
            connection.execute(
                "INSERT INTO secrets VALUES (?, 0, 0, 0, ?) ON CONFLICT (id) DO UPDATE SET revoked_at = excluded.revoked_at",
                (secret_id, now.timestamp()),
            )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
