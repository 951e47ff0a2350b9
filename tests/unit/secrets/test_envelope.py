"""Envelope encryption: what is sealed comes back, and only where it belongs."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.kit.sealing import new_sealing_key
from tensorfleet.secrets.envelope import KeyMissing, Keyring, Unreadable, key_id, key_of

HERE = "secret/vision/hf-token"
OLD, NEW = new_sealing_key(), new_sealing_key()


def ring(*keys: bytes) -> Keyring:
    return Keyring({key_id(key): key for key in keys}, key_id(keys[0]))


@given(st.binary(max_size=2000), st.text(max_size=40))
@settings(max_examples=40)
def test_what_was_sealed_comes_back(plain: bytes, context: str) -> None:
    if not context.isprintable():
        context = repr(context)
    assert ring(OLD).open(ring(OLD).seal(plain, context), context) == plain


def test_nothing_of_it_can_be_seen_and_no_two_are_alike() -> None:
    plain = b"hf_planted_0123456789"
    one, other = (ring(OLD).seal(plain, HERE) for _ in range(2))
    assert one.split(".")[2:] != other.split(".")[2:]
    raw = b"".join(base64.urlsafe_b64decode(part) for part in one.split(".")[2:])
    assert plain not in raw
    assert "planted" not in one


def test_a_row_that_was_moved_cannot_be_read() -> None:
    sealed = ring(OLD).seal(b"mine", HERE)
    with pytest.raises(Unreadable, match="secret/audio/hf-token"):
        ring(OLD).open(sealed, "secret/audio/hf-token")
    with pytest.raises(Unreadable):
        ring(NEW, OLD).rewrap(sealed, "secret/audio/hf-token")


def test_a_part_of_another_record_does_not_fit() -> None:
    one, other = (ring(OLD).seal(plain, HERE).split(".") for plain in (b"one", b"two"))
    with pytest.raises(Unreadable):
        ring(OLD).open(".".join((*one[:3], other[3])), HERE)


@pytest.mark.parametrize("part", [2, 3])
@pytest.mark.parametrize("at", [0, 15, -1])
def test_a_changed_bit_is_noticed(part: int, at: int) -> None:
    parts = ring(OLD).seal(b"a value", HERE).split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part]))
    raw[at] ^= 1
    parts[part] = base64.urlsafe_b64encode(raw).decode()
    with pytest.raises(Unreadable):
        ring(OLD).open(".".join(parts), HERE)


@pytest.mark.parametrize("sealed", ["", "tfs1", "tfs2.a.b.c", "tfs1.a.b.c.d", "tfs1.k.%%%.x", "tfs1.k.é.x"])
def test_what_is_no_record_says_so(sealed: str) -> None:
    with pytest.raises(Unreadable, match="no sealed record"):
        ring(OLD).open(sealed, HERE)


def test_records_cut_short_are_unreadable() -> None:
    parts = ring(OLD).seal(b"a value", HERE).split(".")
    with pytest.raises(Unreadable):
        ring(OLD).open(".".join((*parts[:2], "AAAA", parts[3])), HERE)


def test_another_key_is_named_and_not_shown() -> None:
    sealed = ring(OLD).seal(b"x", HERE)
    with pytest.raises(KeyMissing, match=f"{key_id(OLD)}.*{key_id(NEW)}.*secrets_key") as caught:
        ring(NEW).open(sealed, HERE)
    assert OLD.hex() not in str(caught.value)


def test_a_record_claiming_another_key_is_unreadable() -> None:
    parts = ring(OLD).seal(b"x", HERE).split(".")
    with pytest.raises(Unreadable):
        ring(NEW, OLD).open(".".join((parts[0], key_id(NEW), *parts[2:])), HERE)


def test_rewrapping_changes_the_key_and_leaves_the_payload() -> None:
    before = ring(OLD).seal(b"kept", HERE)
    after = ring(NEW, OLD).rewrap(before, HERE)
    assert key_of(after) == key_id(NEW)
    assert after.split(".")[3] == before.split(".")[3]
    assert ring(NEW).open(after, HERE) == b"kept"
    assert ring(NEW, OLD).rewrap(after, HERE) == after


def test_a_keyring_shows_no_key() -> None:
    shown = repr(ring(NEW, OLD))
    assert key_id(NEW) in shown
    assert repr(NEW)[2:-1] not in shown


@pytest.mark.parametrize(
    ("keys", "current", "says"),
    [({"a": b"short"}, "a", "32 bytes"), ({"a": bytes(32)}, "b", "not among")],
)
def test_wrong_keys_are_refused(keys: dict[str, bytes], current: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Keyring(keys, current)
