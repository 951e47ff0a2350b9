"""What an OpenID provider says of somebody: whether it is to be believed, and what follows from it.  Pure."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt

from tensorfleet.access.model import Role

Claims = dict[str, Any]
_KEYS = {
    "RS256": ("RSA", None), "RS384": ("RSA", None), "RS512": ("RSA", None),
    "PS256": ("RSA", None), "PS384": ("RSA", None), "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521"), "EdDSA": ("OKP", "Ed25519"),
}  # fmt: skip
"""The algorithms that are believed, all with a public key, and the key that each takes."""
MOST_CHARACTERS = 65_536
LEAST_RSA_BITS = 2048
_CLOCKS_DIFFER_S = 60.0
_RANK = {role: rank for rank, role in enumerate((Role.VIEWER, Role.SERVICE, Role.USER, Role.ADMIN))}


class NotBelieved(Exception):
    """An ID token that proves nothing; the text says why."""


class UnknownKey(NotBelieved):
    """It was not signed with any key that is known: the provider may have a new one, also under an old one's name."""


def read_id_token(
    token: str, keys: Sequence[Any], *, issuer: str, client_id: str, nonce: str, now: datetime
) -> Claims:
    """The claims of an ID token for this client, of this sign-in (OpenID Connect Core, 3.1.3.7).

    Args:
        keys: the provider's key set, as it comes.

    Raises:
        NotBelieved
    """
    if len(token) > MOST_CHARACTERS:
        raise NotBelieved("it is too long")
    try:
        algorithm, key = _key_for(jwt.get_unverified_header(token), keys)
        claims = _DECODER.decode(token, key, [algorithm])
    except jwt.InvalidSignatureError as error:
        raise UnknownKey("its signature is not by the key that the provider lists") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise NotBelieved(str(error) or "it cannot be read") from error
    _check_parties(claims, issuer, client_id)
    _check_times(claims, now)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(errors="replace"), nonce.encode()):
        raise NotBelieved("it belongs to another sign-in (nonce)")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise NotBelieved("it names no subject")
    return claims


# Who it is from and for, and when, is checked below: with the caller's clock, and with what was expected in the message.
_DECODER = jwt.PyJWT(
    {
        "verify_aud": False,
        "verify_iss": False,
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
        "verify_sub": False,
        "verify_jti": False,
    }
)


def _key_for(header: Mapping[str, Any], keys: Sequence[Any]) -> tuple[str, jwt.PyJWK]:
    algorithm, wanted = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in _KEYS:
        raise NotBelieved(f"it is signed with '{str(algorithm)[:40]}', which is not taken")
    fitting = [key for key in keys if isinstance(key, dict) and _fits(key, algorithm)]
    if wanted is not None:
        fitting = [key for key in fitting if key.get("kid") == wanted]
    if not fitting:
        raise UnknownKey("it is signed with a key that the provider does not list")
    if len(fitting) > 1:
        raise NotBelieved("it does not say which of the provider's keys it is signed with")
    found = jwt.PyJWK(fitting[0], algorithm)
    if _KEYS[algorithm][0] == "RSA" and found.key.key_size < LEAST_RSA_BITS:
        raise NotBelieved(f"it is signed with an RSA key of only {found.key.key_size} bits")
    return algorithm, found


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    kind, curve = _KEYS[algorithm]
    return (
        key.get("kty") == kind
        and key.get("crv") == curve
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and "d" not in key
    )


def _check_parties(claims: Claims, issuer: str, client_id: str) -> None:
    if claims.get("iss") != issuer:
        raise NotBelieved(f"it is from '{str(claims.get('iss'))[:200]}', not from '{issuer}'")
    audience = claims.get("aud")
    meant = [audience] if isinstance(audience, str) else audience
    if not isinstance(meant, list) or client_id not in meant:
        raise NotBelieved(f"it is for '{str(audience)[:200]}', not for '{client_id}'")
    party = claims.get("azp")
    if party != client_id and (party is not None or len(meant) > 1):
        raise NotBelieved(f"it was given to '{str(party)[:200]}', not to '{client_id}'")


def _check_times(claims: Claims, now: datetime) -> None:
    at = now.timestamp()
    expires, issued, begins = (_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None or issued is None:
        raise NotBelieved("it does not say when it was made, or for how long it is good")
    if at >= expires + _CLOCKS_DIFFER_S:
        raise NotBelieved("it has expired; are the clocks right?")
    if max(issued, begins if begins is not None else issued) > at + _CLOCKS_DIFFER_S:
        raise NotBelieved("it is from the future; are the clocks right?")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def groups_of(claims: Claims, claim: str) -> tuple[str, ...] | None:
    """The groups that a provider names; None if it has left them out because there are too many."""
    left_out = claims.get("_claim_names")
    if isinstance(left_out, dict) and claim in left_out:
        return None
    found = _at(claims, claim)
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(group for group in listed if isinstance(group, str))


def _at(claims: Any, claim: str) -> Any:
    """A claim by its name, which may have dots, or by a path of names."""
    if not isinstance(claims, dict) or claim in claims:
        return claims.get(claim) if isinstance(claims, dict) else None
    first, dot, rest = claim.partition(".")
    return _at(claims.get(first), rest) if dot else None


def roles_of(
    groups: Sequence[str], given: Mapping[str, Role | dict[str, Role]]
) -> tuple[Role | None, dict[str, Role]]:
    """The role everywhere, and roles by workspace; of several the one that may most."""
    everywhere: Role | None = None
    within: dict[str, Role] = {}
    for group in groups:
        found = given.get(group)
        if isinstance(found, Role):
            everywhere = _higher(everywhere, found)
        for workspace, role in found.items() if isinstance(found, dict) else ():
            within[workspace] = _higher(within.get(workspace), role)
    return everywhere, within


def _higher(one: Role | None, other: Role) -> Role:
    return other if one is None or _RANK[other] > _RANK[one] else one


def verified_email(claims: Claims) -> str | None:
    """The address, if the provider has checked that it is this person's."""
    email = claims.get("email")
    sure = claims.get("email_verified") in (True, "true")  # some providers write it as text
    if not sure or not isinstance(email, str) or len(email) > 320 or email.count("@") != 1:
        return None
    return email.lower()


def refusal_of(
    claims: Claims, groups: Sequence[str], domains: Sequence[str], required: Sequence[str]
) -> str | None:
    """Why this person may not come in; None if there is nothing against it."""
    email = verified_email(claims)
    if domains and (email is None or email.partition("@")[2] not in domains):
        return f"it takes an e-mail address at {' or '.join(domains)} that the provider has verified"
    if required and not set(required) & set(groups):
        return f"it takes one of these groups: {', '.join(required)}"
    return None


def username_of(claims: Claims, claim: str) -> str:
    """A name for a new account, from what the provider calls this person; it need not be free."""
    for name in (claim, "preferred_username", "nickname", "email", "name"):
        value = _at(claims, name)
        if isinstance(value, str):
            plain = unicodedata.normalize("NFKD", value[:300].lower()).encode("ascii", "ignore").decode()
            found = re.sub(r"[^a-z0-9._@+-]+", "-", plain).strip("-._@+")[:80]
            if found:
                return found
    return "user"


def safe_next(path: str | None, otherwise: str) -> str:
    """Where to go on after signing in: a path of ours, and never a page of others."""
    if path is None or len(path) > 2000 or not re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", path):
        return otherwise
    return path
