"""Passwords, one-time codes and sealed fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from tensorfleet.access import passwords
from tensorfleet.errors import InvalidInput

NOW = datetime(2026, 11, 21, 12, 0, 10, tzinfo=UTC)


def test_a_password_is_kept_as_argon2id_and_found_again() -> None:
    kept = passwords.hash_password("correct horse", "anna")
    assert kept.startswith("$argon2id$")
    assert passwords.verify_password(kept, "correct horse")
    assert not passwords.verify_password(kept, "correct horsE")
    assert not passwords.verify_password(None, "correct horse")
    assert not passwords.verify_password("not a hash", "correct horse")
    assert not passwords.outdated(kept)
    assert passwords.outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$" + "A" * 43)


@pytest.mark.parametrize(
    ("password", "why"), [("short", "at least"), ("x" * 1001, "more than"), ("Anna.Schmidt", "name")]
)
def test_a_password_that_will_not_do(password: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        passwords.hash_password(password, "anna.schmidt")
    assert password not in str(refused.value)


def test_a_code_is_good_for_its_half_minute_and_a_little() -> None:
    secret = passwords.new_totp_secret()
    code = pyotp.TOTP(secret).at(NOW)
    step = int(NOW.timestamp()) // 30
    assert passwords.step_of_code(secret, code, NOW) == step
    assert passwords.step_of_code(secret, f"{code[:3]} {code[3:]}", NOW + timedelta(seconds=30)) == step
    assert passwords.step_of_code(secret, code, NOW - timedelta(seconds=30)) == step
    assert passwords.step_of_code(secret, code, NOW + timedelta(seconds=90)) is None
    assert passwords.step_of_code(secret, "", NOW) is None
    assert "secret=" in passwords.totp_uri(secret, "anna")


def test_a_sealed_field_opens_for_whom_it_was_sealed() -> None:
    key = b"k" * 32
    sealed = passwords.seal(key, "secret", "u-1")
    assert "secret" not in sealed
    assert passwords.unseal(key, sealed, "u-1") == "secret"
    for other_key, text, whom in (
        (b"l" * 32, sealed, "u-1"),
        (key, sealed, "u-2"),
        (key, sealed[:-2] + "00", "u-1"),
    ):
        with pytest.raises(InvalidInput):
            passwords.unseal(other_key, text, whom)
