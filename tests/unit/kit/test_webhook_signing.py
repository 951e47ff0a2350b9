"""Signatures, against the specification's own example, an implementation of it that shares no code, and whoever forges."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.errors import InvalidInput, NotAuthenticated
from tensorfleet.kit.webhook_signing import BadSignature, check, secret_key, secret_text, sign, signed_headers
from tensorfleet.sdk.webhooks import verify_webhook

KEYS = st.binary(min_size=24, max_size=64)
IDS = st.text(
    st.characters(codec="ascii", exclude_characters=". \t\r\n", min_codepoint=33), min_size=1, max_size=64
)
NOW = 1_700_000_000


def test_the_example_of_the_specification() -> None:
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def receivers_check(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver writes it from the text of the specification."""
    raw = base64.b64decode(secret.split("_", 1)[1])
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    wanted = base64.b64encode(hmac.new(raw, content, hashlib.sha256).digest()).decode()
    offered = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(value, wanted) for version, value in offered)


@given(key=KEYS, other=KEYS, message_id=IDS, body=st.binary(max_size=300), at=st.integers(0, 10**11))
def test_others_read_our_signatures(key: bytes, other: bytes, message_id: str, body: bytes, at: int) -> None:
    headers = signed_headers([key, other], message_id, at, body)

    assert receivers_check(secret_text(key), headers, body)
    assert receivers_check(secret_text(other), headers, body)
    assert not receivers_check(secret_text(key), headers, body + b"x")
    assert check([key], headers, body, at) == message_id


@given(key=KEYS, wrong=KEYS, message_id=IDS, body=st.binary(max_size=100), flip=st.integers(0, 10**6))
def test_whatever_is_changed_is_found(
    key: bytes, wrong: bytes, message_id: str, body: bytes, flip: int
) -> None:
    headers = signed_headers([key], message_id, NOW, body)
    changed = bytearray(body or b"x")
    changed[flip % len(changed)] ^= 1 + flip % 255
    forged = [
        (headers, bytes(changed)),
        (headers | {"webhook-id": message_id + "x"}, body),
        (headers | {"webhook-timestamp": str(NOW + 1)}, body),
        (headers | {"webhook-signature": ""}, body),
        (headers | {"webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")}, body),
    ]
    for given_headers, given_body in forged:
        with pytest.raises(BadSignature):
            check([key], given_headers, given_body, NOW)
    if wrong != key:
        with pytest.raises(BadSignature):
            check([wrong], headers, body, NOW)


@pytest.mark.parametrize("away", [-301, 301, -(10**9)])
def test_an_old_message_is_not_taken_again(away: int) -> None:
    key = bytes(32)
    headers = signed_headers([key], "m", NOW, b"{}")
    assert check([key], headers, b"{}", NOW + 299) == "m"
    with pytest.raises(BadSignature, match="timestamp"):
        check([key], headers, b"{}", NOW + away)


@pytest.mark.parametrize("time", ["", "-1", "1.5", "١٢", "9" * 30, "0x10"])
def test_a_timestamp_that_is_none(time: str) -> None:
    headers = signed_headers([bytes(32)], "m", NOW, b"") | {"webhook-timestamp": time}
    with pytest.raises(BadSignature):
        check([bytes(32)], headers, b"", NOW)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!!!", "whsec_" + "QQ==", secret_text(bytes(65)), "abc"]
)
def test_what_is_no_secret(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        secret_key(text)
    with pytest.raises(InvalidInput):
        verify_webhook(text, {}, b"")


def test_a_receiver_gets_the_message_or_an_error() -> None:
    secret, body = secret_text(bytes(range(32))), b'{"type":"job.failed","data":{"job_id":"j-1"}}'
    headers = signed_headers([secret_key(secret)], "wh-1-7", NOW, body)
    shouted = {name.upper(): value for name, value in headers.items()}

    message = verify_webhook([secret_text(bytes(32)), secret], shouted, body, now=NOW)
    assert (message["id"], message["type"], message["data"]["job_id"]) == ("wh-1-7", "job.failed", "j-1")
    with pytest.raises(NotAuthenticated):
        verify_webhook(secret, headers, body, now=NOW + 1000)
    with pytest.raises(NotAuthenticated):
        verify_webhook(secret, {}, body, now=NOW)
