"""What an authority has given and taken back: certificates and invitations, in a small database beside its key."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tensorfleet.errors import NotFound, NotPermitted, nearest
from tensorfleet.trust.roles import Peer

_TABLES = """
CREATE TABLE IF NOT EXISTS certificates (
  serial TEXT PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL,
  given_at REAL NOT NULL, expires_at REAL NOT NULL, revoked_at REAL
);
CREATE TABLE IF NOT EXISTS invitations (
  secret_hash TEXT PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL, expires_at REAL NOT NULL, used_at REAL
);
"""
BUSY_S = 10.0
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


class Ledger:
    """Safe for several processes at once: each change is one transaction, and the first of two wins."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.touch(mode=0o600)
        with self._open() as connection:
            connection.executescript(_TABLES)

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

    # ---- the file ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)) as connection:
            yield connection

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else writes beside; undone when it fails."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
