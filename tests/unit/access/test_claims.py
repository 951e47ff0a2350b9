"""What is believed of an ID token, and what follows from its claims."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tensorfleet.access import claims as said
from tensorfleet.access.model import Role

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER, CLIENT, NONCE = "https://id.example.org", "tensorfleet", "n-1"
GOOD: dict[str, Any] = {"iss": ISSUER, "aud": CLIENT, "sub": "42", "nonce": NONCE, "iat": AT, "exp": AT + 300}
FIRST, SECOND = (rsa.generate_private_key(65537, 2048) for _ in range(2))
CURVE = ec.generate_private_key(ec.SECP256R1())


def listed(private: Any, kid: str | None = "k1", **more: Any) -> dict[str, Any]:
    """The public half, as a key set has it."""
    kind = (
        jwt.algorithms.ECAlgorithm
        if isinstance(private, ec.EllipticCurvePrivateKey)
        else jwt.algorithms.RSAAlgorithm
    )
    found = {**kind.to_jwk(private.public_key(), as_dict=True), "use": "sig", **more}
    return found | ({"kid": kid} if kid else {})


def signed(
    claims: dict[str, Any] | None = None, key: Any = FIRST, algorithm: str = "RS256", **header: Any
) -> str:
    return jwt.encode(claims or GOOD, key, algorithm, headers={"kid": "k1", **header})


def read(token: str, keys: list[Any] | None = None) -> dict[str, Any]:
    known = [listed(FIRST)] if keys is None else keys
    return said.read_id_token(token, known, issuer=ISSUER, client_id=CLIENT, nonce=NONCE, now=NOW)


def without_kid(key: Any = FIRST, algorithm: str = "RS256") -> str:
    return jwt.encode(GOOD, key, algorithm)


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
def test_a_good_token_is_believed(algorithm: str) -> None:
    assert read(signed(algorithm=algorithm))["sub"] == "42"


def test_a_token_without_a_key_id_is_believed_if_only_one_key_fits() -> None:
    assert read(without_kid(), [listed(FIRST, None)])["sub"] == "42"
    assert read(without_kid(CURVE, "ES256"), [listed(FIRST), listed(CURVE, "k2")])["sub"] == "42"
    assert read(without_kid(), [listed(SECOND, use="enc"), listed(FIRST, "k2")])["sub"] == "42"
    with pytest.raises(said.NotBelieved, match="which of the provider's keys"):
        read(without_kid(), [listed(FIRST), listed(SECOND, "k2")])


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [listed(FIRST, "k2")],
        [listed(FIRST, None)],
        [listed(FIRST, use="enc")],
        [listed(FIRST, alg="RS512")],
        ["k1", None, {}],
    ],
)
def test_a_key_that_is_not_listed_may_be_new(keys: list[Any]) -> None:
    with pytest.raises(said.UnknownKey):
        read(signed(), keys)


def unsigned() -> str:
    parts = [{"alg": "none", "kid": "k1"}, GOOD]
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
        + "."
    )


def with_the_public_key_as_a_password() -> str:
    """The old confusion: who verifies takes the public key, which everybody has, for a shared secret."""
    import hashlib
    import hmac

    pem = FIRST.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": "k1"}, GOOD)
    )
    proof = base64.urlsafe_b64encode(hmac.new(pem, head + b"." + body, hashlib.sha256).digest()).rstrip(b"=")
    return b".".join((head, body, proof)).decode()


def test_what_is_not_signed_with_a_key_pair_is_not_believed() -> None:
    for token, name in ((unsigned(), "none"), (with_the_public_key_as_a_password(), "HS256")):
        with pytest.raises(said.NotBelieved, match=f"'{name}', which is not taken"):
            read(token)
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}
    with pytest.raises(said.NotBelieved, match="not taken"):
        read(jwt.encode(GOOD, "x" * 32, "HS256", headers={"kid": "k1"}), [secret])


def test_what_was_signed_by_others_or_changed_is_not_believed() -> None:
    with pytest.raises(said.UnknownKey, match="signature"):
        read(signed(key=SECOND))
    head, body, proof = signed().split(".")
    other = base64.urlsafe_b64encode(json.dumps(GOOD | {"sub": "43"}).encode()).rstrip(b"=").decode()
    with pytest.raises(said.UnknownKey, match="signature"):
        read(f"{head}.{other}.{proof}")
    for nonsense in ("", ".", "a.b.c", f"{head}.{body}", "x" * 70_000, signed() + "x"):
        with pytest.raises(said.NotBelieved):
            read(nonsense)


def test_a_key_in_the_token_itself_counts_for_nothing() -> None:
    with pytest.raises(said.NotBelieved):
        read(signed(key=SECOND, jwk=listed(SECOND), jku="https://evil.example/keys"))


def test_a_short_key_is_not_believed() -> None:
    short = rsa.generate_private_key(65537, 1024)
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = signed(key=short)
    with pytest.raises(said.NotBelieved, match="1024 bits"):
        read(token, [listed(short)])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": f"{ISSUER}/"}, "it is from"),
        ({"iss": None}, "it is from"),
        ({"aud": "other"}, "it is for"),
        ({"aud": []}, "it is for"),
        ({"aud": {CLIENT: 1}}, "it is for"),
        ({"aud": [CLIENT, "other"]}, "given to"),
        ({"aud": [CLIENT, "other"], "azp": "other"}, "given to"),
        ({"azp": "other"}, "given to"),
        ({"nonce": "n-2"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": [NONCE]}, "nonce"),
        ({"exp": AT - 60}, "expired"),
        ({"exp": None}, "when it was made"),
        ({"exp": str(AT + 300)}, "when it was made"),
        ({"iat": AT + 61}, "future"),
        ({"iat": None}, "when it was made"),
        ({"nbf": AT + 61}, "future"),
        ({"sub": ""}, "no subject"),
        ({"sub": 42}, "no subject"),
        ({"sub": "x" * 256}, "no subject"),
    ],
)
def test_what_is_not_meant_for_this_sign_in_is_not_believed(change: dict[str, Any], why: str) -> None:
    with pytest.raises(said.NotBelieved, match=why):
        read(signed({name: value for name, value in (GOOD | change).items() if value is not None}))


def test_clocks_may_differ_a_little() -> None:
    assert read(signed(GOOD | {"exp": AT - 59, "iat": AT + 59, "nbf": AT + 59}))
    assert read(signed(GOOD | {"aud": [CLIENT, "other"], "azp": CLIENT}))


@pytest.mark.parametrize(
    ("claims", "claim", "expected"),
    [
        ({"groups": ["a", 7, "b"]}, "groups", ("a", "b")),
        ({"groups": "a"}, "groups", ("a",)),
        ({"groups": {"a": 1}}, "groups", ()),
        ({}, "groups", ()),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://x.org/groups": ["a"]}, "https://x.org/groups", ("a",)),
        ({"realm_access": "a"}, "realm_access.roles", ()),
        ({"_claim_names": {"groups": "src1"}}, "groups", None),
    ],
)
def test_groups(claims: dict[str, Any], claim: str, expected: Any) -> None:
    assert said.groups_of(claims, claim) == expected


def test_of_several_groups_the_one_that_may_most_counts() -> None:
    given: dict[str, Any] = {
        "readers": {"vision": Role.VIEWER, "text": Role.VIEWER},
        "makers": {"vision": Role.USER},
        "heads": Role.ADMIN,
        "guests": Role.VIEWER,
    }
    assert said.roles_of(["makers", "readers", "unknown"], given) == (
        None,
        {"vision": Role.USER, "text": Role.VIEWER},
    )
    assert said.roles_of(["guests", "heads"], given) == (Role.ADMIN, {})
    assert said.roles_of(["heads", "guests"], given) == (Role.ADMIN, {})
    assert said.roles_of([], given) == (None, {})


def test_only_an_address_that_was_verified_opens_the_door() -> None:
    anna = {"email": "Anna@Example.org", "email_verified": True}
    assert said.refusal_of(anna, [], ["example.org"], []) is None
    for wrong in (
        {"email": "anna@example.org"},
        anna | {"email_verified": False},
        anna | {"email": "anna@example.org.evil.example"},
        anna | {"email": "anna@evil.example@example.org"},
        {},
    ):
        assert "verified" in (said.refusal_of(wrong, [], ["example.org"], []) or ""), wrong
    assert said.refusal_of({}, ["a", "b"], [], ["b"]) is None
    assert "one of these groups: b" in (said.refusal_of({}, ["a"], [], ["b"]) or "")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"preferred_username": "Anna"}, "anna"),
        ({"preferred_username": "Jürgen Groß"}, "jurgen-gro"),
        ({"email": "anna@example.org"}, "anna@example.org"),
        ({"preferred_username": "../../", "name": "Anna B."}, "anna-b"),
        ({"preferred_username": "名前"}, "user"),
        ({"preferred_username": "x" * 500}, "x" * 80),
        ({}, "user"),
    ],
)
def test_a_name_for_a_new_account(claims: dict[str, Any], expected: str) -> None:
    assert said.username_of(claims, "preferred_username") == expected


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/j-1?tab=log#end", "/a?x=//b", "/a%2F..%2Fb"])
def test_a_path_of_ours_is_gone_on_to(path: str) -> None:
    assert said.safe_next(path, "/home") == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "jobs", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
        "/\t/evil.example", "/\n/evil.example", " //evil.example", "javascript:alert(1)", "/a\\..\\b", "/a\r\nSet-Cookie: x=1",
        "/é", "/" + "x" * 2000,
    ],
)  # fmt: skip
def test_a_page_of_others_is_not(path: str | None) -> None:
    assert said.safe_next(path, "/home") == "/home"
