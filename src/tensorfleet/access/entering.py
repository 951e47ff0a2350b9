"""A browser's way in for who has no password at hand: the home's token, a key, or a ticket that the command line got.

A session that comes of it is never wider than what it was begun with, and ends with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.access.codes import LIFETIME
from tensorfleet.access.current import the_caller
from tensorfleet.access.model import ROOT_ID, Principal, Role, SignInCode, User, principal_of
from tensorfleet.access.ports import AccessStore
from tensorfleet.access.sign_in import Guard, SignIn, narrowed_by, open_user
from tensorfleet.access.tokens import digest_of
from tensorfleet.audit.current import note
from tensorfleet.errors import NotAuthenticated, NotPermitted
from tensorfleet.kit.clock import Clock

_BROWSER = "browser"
"""Where a ticket leads, in place of a program's address: neither is good for the other."""
_WRONG = (
    "this ticket is not valid: it was used already, or is older than a minute; call `tensorfleet open` again"
)
_ENDED = "what this ticket was made with is not valid any more; sign in anew"


@dataclass(frozen=True)
class Entry:
    """Who comes in, until when at the latest, and the key that the session is bound to."""

    user: User
    ends_at: datetime | None = None
    key_id: str | None = None


class Entrance:
    """Proves who may have a browser's session without a password."""

    def __init__(
        self,
        store: AccessStore,
        sign_in: SignIn,
        clock: Clock,
        guard: Guard | None = None,
        random_text: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._store = store
        self._sign_in = sign_in
        self._clock = clock
        self._guard = guard or Guard()
        self._random_text = random_text

    def by_token(self, token: str, address: str) -> Entry:
        """Who has this key, or the home's token.

        Raises:
            NotAuthenticated: it is none.
            NotPermitted: it is good for metrics alone.
            TooManyRequests: too many failed before.
        """
        return self._tried(token, address, lambda: self._of(self._sign_in.principal(token)))

    def give_ticket(self) -> str:
        """For the browser of whoever calls; good once, for a minute."""
        who = the_caller()
        self._of(who)
        session_id = who.credential if who.via == "session" else None
        key_id = who.credential if who.via == "key" else None
        ticket, now = self._random_text(), self._clock()
        kept = SignInCode(digest_of(ticket), session_id, "", _BROWSER, now + LIFETIME, key_id)
        self._store.add_code(kept, now)
        note(target=("user", who.name))
        return ticket

    def by_ticket(self, ticket: str, address: str) -> Entry:
        """Whose ticket it is; it is used up.

        Raises:
            NotAuthenticated: it is not valid.
            TooManyRequests: too many failed before.
        """
        return self._tried(ticket, address, lambda: self._redeemed(ticket))

    def principal(self, entry: Entry) -> Principal:
        """What its session may do."""
        whole = principal_of(entry.user, self._store.memberships(entry.user.id))
        key = self._store.find_key(entry.key_id) if entry.key_id is not None else None
        return whole if key is None else narrowed_by(key, whole)

    def _tried(self, secret: str, address: str, prove: Callable[[], Entry]) -> Entry:
        # Each secret has a name of its own: who guesses is slowed down by address, and keeps nobody else out.
        name = f"secret {digest_of(secret)[:32]}"
        self._guard.check(name, address)
        note(target=("user", "-"))
        try:
            found = prove()
        except NotAuthenticated:
            self._guard.failed(name, address)
            raise
        note(target=("user", found.user.name))
        return found

    def _redeemed(self, ticket: str) -> Entry:
        kept = self._store.take_code(digest_of(ticket))
        if kept is None or kept.redirect_uri != _BROWSER or self._clock() >= kept.expires_at:
            raise NotAuthenticated(_WRONG)
        if kept.session_id is not None:
            return self._of_session(kept.session_id)
        return self._of_key(kept.key_id) if kept.key_id is not None else Entry(self._root())

    def _of(self, who: Principal) -> Entry:
        if who.via == "session" and who.credential is not None:
            return self._of_session(who.credential)
        if who.via == "key" and who.credential is not None:
            return self._of_key(who.credential)
        if who.id != ROOT_ID:
            raise NotPermitted("this token is good for reading metrics alone; sign in with another one")
        return Entry(self._root())

    def _of_session(self, session_id: str) -> Entry:
        session = self._store.find_session(session_id)
        if session is None or not session.valid_at(self._clock()):
            raise NotAuthenticated(_ENDED)
        return Entry(open_user(self._store, session.user_id), session.ends_at, session.key_id)

    def _of_key(self, key_id: str) -> Entry:
        key = self._store.find_key(key_id)
        if key is None or not key.valid_at(self._clock()):
            raise NotAuthenticated(_ENDED)
        return Entry(open_user(self._store, key.user_id), key.expires_at, key.id)

    def _root(self) -> User:
        """Who has the home's token: a session needs an account to belong to, which nobody else can use."""
        root = User(ROOT_ID, ROOT_ID, self._clock(), role=Role.ADMIN, is_service=True)
        self._store.add_user(root)
        return open_user(self._store, ROOT_ID)
