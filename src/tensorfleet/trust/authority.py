"""The authority of one home: its key, what it gives, and how it is followed by another without anybody noticing."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from tensorfleet.errors import InvalidInput, NotPermitted, nearest
from tensorfleet.kit.clock import Clock
from tensorfleet.kit.ids import new_id
from tensorfleet.trust import certificates as x
from tensorfleet.trust.bootstrap import TO_ENTER, TO_KNOW, prove, proven_by, secret_id
from tensorfleet.trust.identity import Credentials
from tensorfleet.trust.invitation import Invitation
from tensorfleet.trust.ledger import Ledger
from tensorfleet.trust.places import Folder, Place
from tensorfleet.trust.roles import AGENT, RIGHTS, Peer

KEPT_AFTER = timedelta(days=30)
"""How long an expired certificate is still listed."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class _Retired:
    """A former root, trusted until all that it gave has expired; `cross` is its word for the root that followed."""

    root: str
    cross: str
    until: float


@dataclass(frozen=True)
class _State:
    key: str
    root: str
    retired: tuple[_Retired, ...] = ()


class Authority:
    """Gives certificates; safe for several processes at one place.

    Args:
        place: where its key lies, and what it has given; a path is a folder.
        address: where other machines reach its endpoint, `host:port`; it goes into what they are given.
        life: of each certificate.
        admitting: by role, the secrets with which machines let themselves in.
    """

    def __init__(
        self,
        place: Place | Path,
        address: str,
        life: timedelta,
        clock: Clock,
        admitting: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.address = address
        self._place = Folder(place) if isinstance(place, Path) else place
        self._life = life
        self._clock = clock
        self._admitting = admitting or {}
        with self._place.locked():
            if self._place.load() is None:
                key = x.new_key()
                self._save(_State(x.key_pem(key), x.certificate_pem(x.make_root(key, clock()))))
        self.ledger = Ledger(self._place)

    def roots(self) -> str:
        """Whom everybody is to trust now: its root, and former ones of which something may still be valid."""
        state = self._load()
        now = self._clock().timestamp()
        return state.root + "".join(one.root for one in state.retired if one.until > now)

    # ---- giving ------------------------------------------------------------------------------------------------------

    def own(self, role: str, name: str) -> Credentials:
        """Credentials for a process of this home."""
        key = x.new_key()
        return self._give(role, name, x.make_request(key), x.key_pem(key))

    def vouch(self, role: str, name: str, request: str) -> Credentials:
        """For a key that is elsewhere: `key` is empty, and who has it fills it in."""
        return self._give(role, name, request)

    def renew(self, peer: Peer, request: str) -> Credentials:
        """Another certificate for whom has one.

        Raises:
            NotPermitted: that one is revoked.
        """
        return self._give(peer.role, peer.name, request, renews=peer.serial)

    def _give(
        self, role: str, name: str, request: str, key: str = "", renews: str | None = None
    ) -> Credentials:
        public = x.key_of_request(request)
        state, now = self._load(), self._clock().replace(microsecond=0)
        peer = Peer(role, name, x.new_serial(), now + self._life)
        self.ledger.add(peer, now, renews)
        given = x.give(x.load_key(state.key), x.load_certificate(state.root), public, peer, now)
        chain = [x.certificate_pem(given)]
        chain += [one.cross for one in state.retired if one.until > now.timestamp()]
        self.ledger.forget(now - KEPT_AFTER)
        return Credentials(
            role,
            name,
            key,
            "".join(chain),
            self.roots(),
            now.timestamp(),
            peer.expires_at.timestamp(),
            self.address,
        )

    def for_web(self, key: x.PublicKey, names: Sequence[str], life: timedelta) -> tuple[str, str]:
        """The chain for a server of web pages with these names, and whom its callers are to trust; it proves no role."""
        state, now = self._load(), self._clock().replace(microsecond=0)
        given = x.give_web(x.load_key(state.key), x.load_certificate(state.root), key, names, now, now + life)
        retired = [one.cross for one in state.retired if one.until > now.timestamp()]
        return x.certificate_pem(given) + "".join(retired), self.roots()

    # ---- letting in --------------------------------------------------------------------------------------------------

    def invite(self, role: str, name: str, valid_for: timedelta) -> Invitation:
        """A token for one machine; without a name it gets a new one.

        Raises:
            InvalidInput: there is no such role, or the name cannot be one.
        """
        if role not in RIGHTS:
            raise InvalidInput(f"there is no role '{role}'; {nearest(role, RIGHTS)}")
        name = name or new_id("w" if role == AGENT else role)
        if not NAME.fullmatch(name):
            raise InvalidInput(f"'{name}' cannot be a name: up to 64 of a-z, 0-9, '.', '_' and '-'")
        secret = secrets.token_urlsafe(32)
        self.ledger.invite(secret, role, name, self._clock() + valid_for)
        return Invitation(self.address, x.fingerprint(self._load().root), secret)

    def join(self, secret: str, request: str) -> Credentials:
        """A certificate for an invitation, which is used up.

        Raises:
            InvalidInput: the request is none; the invitation stays good.
            NotPermitted: the invitation is used, has expired, or was never given.
        """
        x.key_of_request(request)
        role, name = self.ledger.redeem(secret, self._clock())
        return self._give(role, name, request)

    def known_by(self, role: str, drawn: str, roots: str) -> list[str]:
        """Proofs that these roots are of who knows the secrets of a role; `drawn` is random, of who asks."""
        return [prove(secret, TO_KNOW, role, drawn, roots) for secret in self._admitting.get(role, ())]

    def enter(self, role: str, request: str, proof: str) -> Credentials:
        """A certificate, under a new name, for who knows a secret of this role.

        Raises:
            InvalidInput: the request is none.
            NotPermitted: the proof is none, or its secret is revoked.
            Unavailable: too many have joined with it of late.
        """
        x.key_of_request(request)
        secret = proven_by(proof, self._admitting.get(role, ()), TO_ENTER, role, request)
        if secret is None:
            raise NotPermitted(f"that is no secret with which a machine of the role '{role}' can join here")
        self.ledger.enter(secret_id(role, secret), self._clock())
        return self._give(role, new_id("w" if role == AGENT else role), request)

    def secret_ids(self) -> list[str]:
        """What the secrets that let machines in are called."""
        return [secret_id(role, one) for role, secrets in self._admitting.items() for one in secrets]

    # ---- following ---------------------------------------------------------------------------------------------------

    def rotate(self) -> None:
        """A new key.  What the former one gave is good until it expires, and who knows only that trusts the new one too."""
        with self._place.locked():
            state, now = self._load(), self._clock()
            key, until = x.new_key(), now + self._life
            root = x.make_root(key, now)
            cross = x.cross_sign(x.load_key(state.key), x.load_certificate(state.root), root, now, until)
            retired = _Retired(state.root, x.certificate_pem(cross), until.timestamp())
            kept = tuple(one for one in state.retired if one.until > now.timestamp())
            self._save(_State(x.key_pem(key), x.certificate_pem(root), (retired, *kept)))

    # ---- the state ---------------------------------------------------------------------------------------------------

    def _load(self) -> _State:
        found = self._place.load()
        assert found is not None, "an authority's state does not go away"
        data = json.loads(found)
        return _State(data["key"], data["root"], tuple(_Retired(**one) for one in data["retired"]))

    def _save(self, state: _State) -> None:
        self._place.save(json.dumps(asdict(state)).encode())
