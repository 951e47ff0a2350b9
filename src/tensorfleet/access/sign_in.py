"""From a name and a password, or a refresh token, or a key, to who it is."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

from tensorfleet.access import passwords
from tensorfleet.access.model import ROOT, SCRAPER, ApiKey, Principal, Session, User, principal_of
from tensorfleet.access.ports import AccessStore
from tensorfleet.access.tokens import (
    BAD_REFRESH,
    KEY_PREFIX,
    MOST_CHARACTERS,
    TokenMaker,
    Tokens,
    derive,
    read_key,
)
from tensorfleet.audit.current import note
from tensorfleet.errors import NotAuthenticated
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.ids import new_id

SESSION_LIFETIME = timedelta(days=30)
"""After so long without a refresh a session is over."""
NOTE_USE_EVERY = timedelta(minutes=1)
WRONG = "name or password is wrong, or the account is closed"
_NO_KEY = "this is not a key of this TensorFleet"
CODE_NEEDED = "this account has a second factor; send its six-digit code as 'code'"
REUSED = "a refresh token was used twice"


class Guard:
    """What stands between a guesser and the passwords; the default lets everybody try."""

    def check(self, name: str, address: str) -> None:
        """Raises TooManyRequests when this name or address has failed too often."""

    def failed(self, name: str, address: str) -> None: ...


class SignIn:
    """Proves who somebody is."""

    def __init__(
        self,
        store: AccessStore,
        home_token: str,
        clock: Clock,
        guard: Guard | None = None,
        scrape_token: str = "",
    ) -> None:
        """`scrape_token` is good for reading metrics alone; none when empty."""
        self._store = store
        self._root = home_token.encode()
        self._scraper = scrape_token.encode()
        self._maker = TokenMaker(home_token)
        self._sealing = derive(home_token, b"sealed fields")
        self._clock = clock
        self._guard = guard or Guard()

    def by_password(self, name: str, password: str, code: str | None, address: str, program: str) -> Tokens:
        """As `prove`."""
        return self.begin_session(self.prove(name, password, code, address), address, program)

    def prove(self, name: str, password: str, code: str | None, address: str) -> User:
        """Who knows this password, and the code of the second factor if there is one.

        Raises:
            NotAuthenticated: which of name, password and code was wrong is not said.
            TooManyRequests: too many failed before.
        """
        name = name.strip().lower()
        self._guard.check(name, address)
        note(target=("user", name[:100]))
        user = self._store.find_user_by_name(name)
        kept = user.password_hash if user and not user.is_service and user.disabled_at is None else None
        if not passwords.verify_password(kept, password) or user is None:
            self._guard.failed(name, address)
            raise NotAuthenticated(WRONG)
        if user.totp_secret is not None:
            self._check_code(user, code, address)
        if kept is not None and passwords.outdated(kept):
            self._store.change_user(user.id, {"password_hash": passwords.hash_password(password, name)})
        return user

    def _check_code(self, user: User, code: str | None, address: str) -> None:
        if not code:
            raise NotAuthenticated(CODE_NEEDED)
        secret = passwords.unseal(self._sealing, user.totp_secret or "", user.id)
        step = passwords.step_of_code(secret, code, self._clock())
        if step is None or not self._store.take_step(user.id, step):
            self._guard.failed(user.name, address)
            raise NotAuthenticated("the code is wrong, or was used already; wait for the next one")

    def begin_session(
        self, user: User, address: str, program: str, ends_at: datetime | None = None
    ) -> Tokens:
        """Tokens for somebody who has proved who it is."""
        session = add_session(self._store, user, address, program, self._clock(), ends_at)
        return self._maker.issue(user, self._store.memberships(user.id), session, self._clock())

    def refresh(self, token: str) -> Tokens:
        """New tokens for a refresh token, which is used up by it.

        Raises:
            NotAuthenticated: it is not valid.  One that was used before was copied: its whole session ends.
        """
        session_id, serial = self._maker.read_refresh(token)
        now = self._clock()
        session = self._store.find_session(session_id)
        if session is None or not session.valid_at(now):
            raise NotAuthenticated(BAD_REFRESH)
        user = self._open_user(session.user_id)
        note(actor=(user.id, user.name), target=("session", session.id))
        expires = expiry(now, session.ends_at)
        if not self._store.advance(session_id, serial, now, expires):
            self._store.end_sessions(now, REUSED, session_id=session_id)
            raise NotAuthenticated(
                f"{REUSED}, so somebody may have copied it: the session was ended; sign in again"
            )
        following = Session(session_id, user.id, serial + 1, session.created_at, now, expires)
        return self._maker.issue(user, self._store.memberships(user.id), following, now)

    def end(self, session_id: str) -> None:
        self._store.end_sessions(self._clock(), "signed out", session_id=session_id)

    def principal(self, token: str) -> Principal:
        """Whom a bearer token stands for.

        Raises:
            NotAuthenticated: nobody, not any more, or not yet.
        """
        if len(token) > MOST_CHARACTERS:
            raise NotAuthenticated("this is not a token of this TensorFleet")
        if hmac.compare_digest(token.encode(errors="surrogateescape"), self._root):
            return ROOT
        if self._scraper and hmac.compare_digest(token.encode(errors="surrogateescape"), self._scraper):
            return SCRAPER
        return self._by_key(token) if token.startswith(KEY_PREFIX) else self._by_access_token(token)

    def again(self, proof: str) -> Principal:
        """Who somebody is now that was known before, by `via` and `credential` of the principal, with a blank between.

        Raises:
            NotAuthenticated: not any more.
        """
        via, _, credential = proof.partition(" ")
        return (
            self._of_key(self._store.find_key(credential)) if via == "key" else self._of_session(credential)
        )

    def _by_access_token(self, token: str) -> Principal:
        claims = self._maker.read_access(token, self._clock())
        return self._of_session(str(claims["sid"]), str(claims["sub"]))

    def _of_session(self, session_id: str, user_id: str | None = None) -> Principal:
        session = self._store.find_session(session_id)
        ended = session is None or not session.valid_at(self._clock())
        if session is None or ended or session.user_id != (user_id or session.user_id):
            raise NotAuthenticated("this session has ended; sign in again with `tensorfleet login`")
        user = self._open_user(session.user_id)
        return principal_of(user, self._store.memberships(user.id), credential=session.id)

    def _by_key(self, token: str) -> Principal:
        key_id, digest = read_key(token)
        key = self._store.find_key(key_id)
        if key is None or not hmac.compare_digest(key.digest.encode(), digest.encode()):
            raise NotAuthenticated(_NO_KEY)
        return self._of_key(key)

    def _of_key(self, key: ApiKey | None) -> Principal:
        now = self._clock()
        if key is None:
            raise NotAuthenticated(_NO_KEY)
        if not key.valid_at(now):
            raise NotAuthenticated(
                "this key was revoked" if key.revoked_at else "this key has expired; make a new one"
            )
        user = self._open_user(key.user_id)
        if key.last_used_at is None or now - key.last_used_at > NOTE_USE_EVERY:
            self._store.change_key(key.id, {"last_used_at": now})
        return narrowed_by(key, principal_of(user, self._store.memberships(user.id)))

    def _open_user(self, user_id: str) -> User:
        return open_user(self._store, user_id)


def narrowed_by(key: ApiKey, whole: Principal) -> Principal:
    return whole.narrowed(key.scopes, key.workspace, via="key", credential=key.id)


def open_user(store: AccessStore, user_id: str) -> User:
    """
    Raises:
        NotAuthenticated: there is none, or not any more.
    """
    user = store.find_user(user_id)
    if user is None or user.disabled_at is not None:
        raise NotAuthenticated("this account is closed")
    return user


def add_session(
    store: AccessStore,
    user: User,
    address: str,
    program: str,
    now: datetime,
    ends_at: datetime | None,
    key_id: str | None = None,
) -> Session:
    """A new session of somebody who has proved who it is."""
    client = f"{address} {program}"[:300]
    expires = expiry(now, ends_at)
    session = Session(
        new_id("s"), user.id, 0, now, now, expires, client=client, ends_at=ends_at, key_id=key_id
    )
    note(actor=(user.id, user.name), target=("session", session.id))
    store.add_session(session)
    store.change_user(user.id, {"last_login_at": now})
    return session


def expiry(now: datetime, ends_at: datetime | None) -> datetime:
    """When a session that is refreshed now is over, if it is not refreshed again."""
    expires = now + SESSION_LIFETIME
    return expires if ends_at is None else min(expires, ends_at)


class Remembered:
    """Principals of tokens that were looked up within the last moment: a busy client costs one look a second.

    What is revoked is refused at once by the gateway that was told, and by the others within `for_s`.
    """

    MOST = 10_000

    def __init__(
        self, look_up: Callable[[str], Principal], monotonic: Callable[[], float], for_s: float = 1.0
    ) -> None:
        self._look_up = look_up
        self._monotonic = monotonic
        self._for_s = for_s
        self._known: dict[str, tuple[float, Principal]] = {}

    def find(self, token: str) -> Principal | None:
        """The principal if it is remembered; asks nobody."""
        until, principal = self._known.get(token, (0.0, None))
        return principal if self._monotonic() < until else None

    def look_up(self, token: str) -> Principal:
        """Asks; blocks."""
        principal = self._look_up(token)
        if len(self._known) >= self.MOST:
            self._known.clear()
        self._known[token] = (self._monotonic() + self._for_s, principal)
        return principal

    def forget(self) -> None:
        """After a change of anybody's rights."""
        self._known.clear()
