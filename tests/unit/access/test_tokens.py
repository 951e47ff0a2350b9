"""Tokens: what is made here is read here, and nothing else is."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tensorfleet.access.model import Role, Session, User
from tensorfleet.access.tokens import TokenMaker, derive, digest_of, new_key, read_key
from tensorfleet.errors import NotAuthenticated

HOME = "t" * 43
NOW = datetime.now(UTC)
ANNA = User("u-1", "anna", NOW, role=Role.VIEWER)
SESSION = Session("s-1", "u-1", 3, NOW, NOW, NOW + timedelta(days=30))


def claims(**changes: Any) -> dict[str, Any]:
    return (
        jwt.decode(
            TokenMaker(HOME).issue(ANNA, {"team": Role.USER}, SESSION, NOW).access_token,
            options={"verify_signature": False},
        )
        | changes
    )


def signed(key: Any = None, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key or derive(HOME, b"access tokens"), algorithm)


def refused(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        TokenMaker(HOME).read_access(token, NOW)


def test_an_access_token_says_who_it_is() -> None:
    found = TokenMaker(HOME).read_access(signed(), NOW)
    assert (found["user_id"], found["username"], found["roles"]) == ("u-1", "anna", ["viewer", "team:user"])
    assert found["sid"] == "s-1"
    assert found["exp"] - found["iat"] == 15 * 60


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_does_not_choose_how_it_is_checked() -> None:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    for alg in ("none", "None", "NONE", "nOnE"):
        refused(f"{part({'alg': alg, 'typ': 'JWT'})}.{part(claims())}.")
    refused(signed(algorithm="HS384"))
    refused(signed(algorithm="HS512"))


def test_a_key_of_another_kind_signs_nothing() -> None:
    private = generate_private_key(SECP256R1())
    refused(signed(private, "ES256"))
    refused(signed(b"x" * 32))
    refused(signed(derive(HOME, b"refresh tokens")))
    refused(signed(derive("u" * 43, b"access tokens")))
    refused(signed(HOME.encode()))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW.timestamp()) - 1},
        {"iat": int(NOW.timestamp()) + 3600},
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"exp": "soon"},
    ],
)
def test_a_token_out_of_time_or_for_somebody_else(changes: dict[str, Any]) -> None:
    refused(signed(**changes))


@pytest.mark.parametrize("missing", ["exp", "iat", "iss", "aud", "sub", "sid"])
def test_a_token_without_what_it_has_to_say(missing: str) -> None:
    found = claims()
    del found[missing]
    refused(jwt.encode(found, derive(HOME, b"access tokens"), "HS256"))


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é", "\0", "x" * 5000, "eyJhbGciOiJIUzI1NiJ9.e30."])
def test_what_is_no_token(text: str) -> None:
    refused(text)


def test_a_refresh_token_says_which_one_it_is() -> None:
    token = TokenMaker(HOME).issue(ANNA, {}, SESSION, NOW).refresh_token
    assert TokenMaker(HOME).read_refresh(token) == ("s-1", 3)
    older = Session("s-1", "u-1", 2, NOW, NOW, NOW)
    assert TokenMaker(HOME).read_refresh(TokenMaker(HOME).issue(ANNA, {}, older, NOW).refresh_token) == (
        "s-1",
        2,
    )
    for wrong in (
        token.replace("s-1", "s-2"),
        token.replace("_3_", "_4_"),
        token[:-1],
        "",
        "tfr_",
        "tfr_a_b_c",
        token + "0",
    ):
        with pytest.raises(NotAuthenticated):
            TokenMaker(HOME).read_refresh(wrong)
    with pytest.raises(NotAuthenticated):
        TokenMaker("u" * 43).read_refresh(token)


def test_a_key_is_kept_as_a_digest_only() -> None:
    text, digest = new_key("k-1")
    assert read_key(text) == ("k-1", digest)
    assert text.rpartition("_")[2] not in digest
    assert len(text) > 40
    assert new_key("k-1") != (text, digest)
    assert digest == digest_of(text.removeprefix("tfk_k-1_"))
    for wrong in ("", "tfk_", "tfk_k-1", "tfk_k-1_", "k-1_x"):
        with pytest.raises(NotAuthenticated):
            read_key(wrong)
