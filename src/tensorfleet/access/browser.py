"""Sessions of browsers: one cookie, renewed by the server as it is used.

A page has nothing to do for it, and can neither read nor leak it.  Each of a session's cookies is good for a quarter of an hour
of use; then the next answer brings the following one.  Requests that were on their way with the former one are still answered,
for a minute; after that somebody has copied it, and the session ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tensorfleet.access.model import Principal, Session, User, principal_of
from tensorfleet.access.ports import AccessStore
from tensorfleet.access.sign_in import REUSED, add_session, expiry, narrowed_by, open_user
from tensorfleet.access.tokens import MOST_CHARACTERS, Numbered, derive
from tensorfleet.errors import NotAuthenticated
from tensorfleet.kit.clock import Clock

RENEWED_AFTER = timedelta(minutes=15)
OVERLAP = timedelta(minutes=1)
_ENDED = "this session has ended; sign in again at /sign-in"


@dataclass(frozen=True)
class Seen:
    """Whom a cookie stands for, of which session it is, and the one that takes its place, if one does."""

    principal: Principal
    session_id: str
    renewed: str | None = None


class BrowserSessions:
    """Begins sessions, and knows them by their cookies."""

    def __init__(self, store: AccessStore, home_token: str, clock: Clock) -> None:
        self._store = store
        self._cookies = Numbered(derive(home_token, b"browser sessions"), "tfb_", _ENDED)
        self._clock = clock

    def begin(
        self,
        user: User,
        address: str,
        program: str,
        ends_at: datetime | None = None,
        key_id: str | None = None,
    ) -> tuple[str, str]:
        """A new session of somebody who has proved who it is: its id and its first cookie."""
        session = add_session(self._store, user, address, program, self._clock(), ends_at, key_id)
        return session.id, self._cookies.make(session.id, 0)

    def end(self, cookie: str) -> None:
        """Ends the session whose cookie this is; of what is none, nothing happens."""
        try:
            session_id, _ = self._cookies.read(cookie[:MOST_CHARACTERS])
        except NotAuthenticated:
            return
        self._store.end_sessions(self._clock(), "signed out", session_id=session_id)

    def look(self, cookie: str) -> Seen:
        """
        Raises:
            NotAuthenticated: it stands for nobody, or not any more.  One from long ago was copied: its session ends.
        """
        session_id, serial = self._cookies.read(cookie[:MOST_CHARACTERS])
        now, session = self._clock(), self._store.find_session(session_id)
        if session is None or not session.valid_at(now):
            raise NotAuthenticated(_ENDED)
        who = self._whom(session, now)
        return Seen(who, session.id, self._renewed(session, serial, now))

    def _whom(self, session: Session, now: datetime) -> Principal:
        """A session that was begun with a key is that key: no wider, and over with it."""
        user = open_user(self._store, session.user_id)
        whole = principal_of(user, self._store.memberships(user.id), credential=session.id)
        if session.key_id is None:
            return whole
        key = self._store.find_key(session.key_id)
        if key is None or not key.valid_at(now):
            raise NotAuthenticated("the key that this session was begun with is not valid any more")
        return narrowed_by(key, whole)

    def _renewed(self, session: Session, serial: int, now: datetime) -> str | None:
        used_for = now - session.refreshed_at
        if serial == session.serial:
            if used_for < RENEWED_AFTER:
                return None
            won = self._store.advance(session.id, serial, now, expiry(now, session.ends_at))
            return self._cookies.make(session.id, serial + 1) if won else None
        if serial == session.serial - 1 and used_for < OVERLAP:
            return self._cookies.make(
                session.id, session.serial
            )  # the answer that brought it may have been lost
        self._store.end_sessions(now, REUSED, session_id=session.id)
        raise NotAuthenticated(
            "a cookie was used that has been replaced, so somebody may have copied it: the session was ended; sign in again"
        )
