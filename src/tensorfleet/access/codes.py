"""Codes that carry a sign-in from the browser to a program on the same machine (RFC 8252 with PKCE)."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from tensorfleet.access.current import the_caller
from tensorfleet.access.model import SignInCode
from tensorfleet.access.oidc import challenge_of
from tensorfleet.access.ports import AccessStore
from tensorfleet.access.sign_in import SignIn, open_user
from tensorfleet.access.tokens import Tokens, digest_of
from tensorfleet.audit.current import note
from tensorfleet.errors import InvalidInput, NotAuthenticated, NotPermitted
from tensorfleet.kit.clock import Clock

LIFETIME = timedelta(seconds=60)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_REDIRECT = re.compile(r"http://(127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})/[A-Za-z0-9_/-]{0,100}")
_WRONG = "this code is not valid: it was used already, is older than a minute, or was made for another program; sign in again"


class SignInCodes:
    """Gives out codes, and sessions for them."""

    def __init__(
        self,
        store: AccessStore,
        sign_in: SignIn,
        clock: Clock,
        random_text: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._store = store
        self._sign_in = sign_in
        self._clock = clock
        self._random_text = random_text

    def give(self, challenge: str, redirect_uri: str) -> str:
        """A code for the program that waits at this address, from whoever is signed in here.

        Raises:
            NotPermitted: the caller has no session; a key must not become one.
        """
        who = the_caller()
        if who.via != "session" or who.credential is None:
            raise NotPermitted(
                "a program is let in by somebody who is signed in with a browser; open /sign-in first"
            )
        if not _CHALLENGE.fullmatch(challenge):
            raise InvalidInput("the challenge is no SHA-256 in base64url")
        check_redirect(redirect_uri)
        code, now = self._random_text(), self._clock()
        kept = SignInCode(digest_of(code), who.credential, challenge, redirect_uri, now + LIFETIME)
        self._store.add_code(kept, now)
        note(target=("session", who.credential))
        return code

    def redeem(self, code: str, verifier: str, redirect_uri: str, address: str, program: str) -> Tokens:
        """A session for the code; it is used up, also by whoever cannot show what belongs to it.

        Raises:
            NotAuthenticated: it is not valid.
        """
        kept, now = self._store.take_code(digest_of(code)), self._clock()
        if kept is None or now >= kept.expires_at or kept.redirect_uri != redirect_uri:
            raise NotAuthenticated(_WRONG)
        if not hmac.compare_digest(kept.challenge, challenge_of(verifier)):
            raise NotAuthenticated(_WRONG)
        giver = self._store.find_session(kept.session_id or "")
        if giver is None or not giver.valid_at(now):
            raise NotAuthenticated("the browser that let this program in was signed out; sign in again")
        user = open_user(self._store, giver.user_id)
        return self._sign_in.begin_session(user, address, program, giver.ends_at)


def check_redirect(address: str) -> None:
    """Returns if only a program on the browser's own machine can be there."""
    found = _REDIRECT.fullmatch(address)
    if found is None or int(cast("str", found[2])) > 65535:
        raise InvalidInput("a code is only sent to http://127.0.0.1:PORT/... or http://[::1]:PORT/...")
