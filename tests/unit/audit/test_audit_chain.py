"""The chain: whatever is done to it is found, and the first entry that it was done to is named."""

from __future__ import annotations

import json
import random
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.audit.model import (
    DROPPED,
    Anchor,
    Checkpoint,
    Draft,
    Entry,
    anchor_from_json,
    anchor_of,
    anchor_to_json,
    change_of,
    cleaned,
    derive_keys,
    link,
    verify,
)

KEYS = derive_keys("a token of 32 random bytes, or so")
OTHER_KEYS = derive_keys("somebody else's")
TEXT = st.none() | st.text(max_size=12)
DRAFTS = st.builds(
    Draft,
    id=st.text(min_size=1, max_size=8),
    at=st.integers(0, 2**52),
    action=st.sampled_from(["jobs.submit", "jobs.cancel", "datasets.download"]),
    actor_id=TEXT,
    actor_name=TEXT,
    source=TEXT,
    target=TEXT,
    workspace=TEXT,
    outcome=st.none() | st.integers(100, 599),
    count=st.integers(1, 1000),
    before=TEXT,
    after=TEXT,
).map(cleaned)
LOGS = st.lists(DRAFTS, min_size=2, max_size=12).map(lambda drafts: chain_of(drafts))
RANDOM = settings(max_examples=50, deadline=None, derandomize=True)
COLUMNS = [field.name for field in fields(Draft)]


def chain_of(drafts: list[Draft], after: Entry | None = None) -> list[Entry]:
    found: list[Entry] = []
    for draft in drafts:
        after = link(after, draft, KEYS)
        found.append(after)
    return found


def some_log(length: int = 6) -> list[Entry]:
    return chain_of([Draft(f"a-{number}", number, "jobs.submit") for number in range(1, length + 1)])


def other_value(value: Any, data: st.DataObject) -> Any:
    """Any other one that the column could hold, in SQLite of any type."""
    if isinstance(value, int):
        wanted: st.SearchStrategy[Any] = st.integers(-(2**62), 2**62) | st.none() | st.text(max_size=5)
    else:
        wanted = st.text(max_size=20) | st.none() | st.binary(max_size=5) | st.integers()
    return data.draw(wanted.filter(lambda other: other != value or type(other) is not type(value)))


@RANDOM
@given(log=LOGS)
def test_a_log_as_it_was_written_is_good(log: list[Entry]) -> None:
    anchors = [anchor_of(entry, 0, KEYS) for entry in log[::3]]
    found = verify(log, KEYS, anchors)
    assert found.ok
    assert (found.entries, found.first, found.last) == (len(log), 1, log[-1])
    assert found.anchored == anchors[-1].seq


@settings(RANDOM, max_examples=150)
@given(log=LOGS, data=st.data())
def test_every_change_of_a_value_is_found_and_named(log: list[Entry], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 1))
    column = data.draw(st.sampled_from([*COLUMNS, "hash", "seq"]))
    entry = log[at]
    if column in COLUMNS:
        value = other_value(getattr(entry.draft, column), data)
        changed = replace(entry, draft=replace(entry.draft, **{column: value}))
    else:
        changed = replace(entry, **{column: other_value(getattr(entry, column), data)})
    found = verify([*log[:at], changed, *log[at + 1 :]], KEYS)
    assert found.problem is not None
    assert found.problem.seq == entry.seq
    assert found.entries == at


@RANDOM
@given(log=LOGS, data=st.data())
def test_every_removal_is_found(log: list[Entry], data: st.DataObject) -> None:
    """At the end, too: an anchor knows how far the log has to reach."""
    anchor = anchor_of(log[-1], 0, KEYS)
    begin = data.draw(st.integers(0, len(log) - 1))
    end = data.draw(st.integers(begin + 1, len(log)))
    found = verify([*log[:begin], *log[end:]], KEYS, [anchor])
    assert found.problem is not None
    assert found.problem.seq == begin + 1


@RANDOM
@given(log=LOGS, data=st.data())
def test_a_removal_that_is_numbered_anew_is_found(log: list[Entry], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 2))
    rest = [replace(entry, seq=entry.seq - 1) for entry in log[at + 1 :]]
    found = verify([*log[:at], *rest], KEYS)
    assert found.problem is not None
    assert found.problem.seq == at + 1


@RANDOM
@given(log=LOGS, seed=st.integers())
def test_every_reordering_is_found(log: list[Entry], seed: int) -> None:
    """Whether places are swapped with what stands there, or left with it."""
    shuffled = list(log)
    random.Random(seed).shuffle(shuffled)
    renumbered = [replace(entry, seq=number) for number, entry in enumerate(shuffled, start=1)]
    if shuffled == log:
        return
    first = next(number for number, (a, b) in enumerate(zip(log, shuffled, strict=True), start=1) if a != b)
    for changed in (shuffled, renumbered):
        found = verify(changed, KEYS)
        assert found.problem is not None
        assert found.problem.seq == first


@RANDOM
@given(log=LOGS, draft=DRAFTS, data=st.data())
def test_every_insertion_is_found(log: list[Entry], draft: Draft, data: st.DataObject) -> None:
    """Of an entry that is made without the key, with a wrong one, or copied from elsewhere; others make room for it."""
    at = data.draw(st.integers(0, len(log)))
    before = log[at - 1] if at else None
    copied = replace(data.draw(st.sampled_from(log)), seq=at + 1)
    made = [link(before, draft, OTHER_KEYS), Entry(at + 1, draft, "0" * 64), copied]
    new = data.draw(st.sampled_from(made))
    rest = [replace(entry, seq=entry.seq + 1) for entry in log[at:]]
    if new == (log[at] if at < len(log) else None):
        return
    found = verify([*log[:at], new, *rest], KEYS)
    assert found.problem is not None
    assert found.problem.seq == at + 1


@pytest.mark.parametrize("stored", ["b'x'", "5", "", "None"])
def test_a_value_of_another_type_that_reads_alike_is_found(stored: str) -> None:
    log = chain_of([Draft("a-1", 1, "jobs.submit", target=stored)])
    for other in (b"x", 5, None, b""):
        changed = replace(log[0], draft=replace(log[0].draft, target=other))  # type: ignore[arg-type]
        assert verify([changed], KEYS).problem is not None


def test_another_token_verifies_nothing() -> None:
    found = verify(some_log(), OTHER_KEYS)
    assert found.problem is not None
    assert found.problem.seq == 1


def test_a_log_that_was_cut_and_has_gone_on_is_found() -> None:
    """The platform itself, with the key, writes behind a cut; the anchor still knows what stood there."""
    log = some_log(8)
    anchor = anchor_of(log[5], 0, KEYS)
    more = [Draft(f"b-{number}", 9, "jobs.cancel") for number in range(6)]
    shorter = verify(chain_of(more[:1], log[3]), KEYS, [anchor], Checkpoint(4, log[3].hash))
    longer = verify([*log[:4], *chain_of(more, log[3])], KEYS, [anchor])
    assert shorter.problem is not None
    assert longer.problem is not None
    assert (longer.problem.seq, longer.problem.id) == (6, "b-1")
    assert "taken from the end" in longer.problem.what


def test_two_ways_that_the_log_has_gone_cannot_be_mixed() -> None:
    """Each entry of both was written by the platform, at its own place; only the chain tells them apart."""
    one = some_log(6)
    other = [*one[:3], *chain_of([Draft(f"b-{number}", 9, "jobs.cancel") for number in range(3)], one[2])]
    assert verify(one, KEYS).ok
    assert verify(other, KEYS).ok
    for at in (4, 5):
        found = verify([*one[:at], *other[at:]], KEYS)
        assert found.problem is not None
        assert found.problem.seq == at + 1


def test_an_empty_log_is_good_unless_an_anchor_knows_better() -> None:
    assert verify([], KEYS).ok
    found = verify([], KEYS, [anchor_of(some_log()[-1], 0, KEYS)])
    assert found.problem is not None
    assert found.problem.seq == 1
    assert "knows 6 entries" in found.problem.what


def test_what_comes_behind_the_newest_anchor_can_be_taken_away() -> None:
    """The limit of it, which the documents name."""
    log = some_log()
    assert verify(log[:4], KEYS, [anchor_of(log[3], 0, KEYS)]).ok


@pytest.mark.parametrize(
    "change", [{"seq": 3}, {"hash": "0" * 64}, {"at": 9}, {"signature": "0" * 64}, {"signature": "ä"}]
)
def test_an_anchor_that_was_changed_is_found(change: dict[str, Any]) -> None:
    log = some_log()
    found = verify(log, KEYS, [replace(anchor_of(log[3], 0, KEYS), **change)])
    assert found.problem is not None
    assert "not signed with this home's key" in found.problem.what


def test_an_anchor_goes_through_json_and_nothing_else_does() -> None:
    anchor = anchor_of(some_log()[0], 5, KEYS)
    assert anchor_from_json(anchor_to_json(anchor)) == anchor
    said = json.loads(anchor_to_json(anchor))
    wrong: list[Any] = [[], {}, {**said, "seq": "1"}, {**said, "at": None}, {**said, "more": 1}, "x", 5]
    assert [anchor_from_json(json.dumps(one).encode()) for one in wrong] == [None] * len(wrong)
    assert anchor_from_json(b"\xff") is None
    assert isinstance(anchor, Anchor)


# ---- what was dropped ------------------------------------------------------------------------------------------------


def dropped_log(through: int = 3) -> tuple[list[Entry], Checkpoint]:
    log = some_log()
    said = {"through": through, "last": log[through - 1].hash}
    told = Draft("a-drop", 9, DROPPED, after=change_of(said))
    return [*log[through:], *chain_of([told], log[-1])], Checkpoint(through, log[through - 1].hash)


def test_the_rest_of_a_log_whose_begin_was_dropped_is_good() -> None:
    rest, claimed = dropped_log()
    found = verify(rest, KEYS, [], claimed)
    assert found.ok
    assert (found.first, found.entries) == (4, 4)


def test_more_than_was_dropped_cannot_be_taken_from_the_front() -> None:
    rest, claimed = dropped_log()
    for taken in range(1, len(rest)):
        found = verify(rest[taken:], KEYS, [], claimed)
        assert found.problem is not None
        assert found.problem.seq == 4
    assert verify(some_log()[2:], KEYS).problem is not None


@RANDOM
@given(data=st.data())
def test_nobody_can_say_for_the_platform_that_entries_were_dropped(data: st.DataObject) -> None:
    log = some_log()
    taken = data.draw(st.integers(1, 4))
    said = {"through": taken, "last": log[taken - 1].hash}
    forged = link(log[-1], Draft("a-drop", 9, DROPPED, after=change_of(said)), OTHER_KEYS)
    claimed = Checkpoint(taken, log[taken - 1].hash)
    for rest in ([*log[taken:], forged], log[taken:]):
        assert verify(rest, KEYS, [], claimed).problem is not None


# ---- what is kept ----------------------------------------------------------------------------------------------------


def test_what_is_named_as_a_secret_is_not_kept() -> None:
    said = {
        "name": "x",
        "api_token": "T0P",
        "list": [{"password_hash": "T0P", "n": 1}],
        "totp_secret": {"a": "T0P"},
    }
    kept = change_of(said)
    assert kept is not None
    assert "T0P" not in kept
    assert json.loads(kept)["list"] == [{"password_hash": "***", "n": 1}]


def test_a_change_is_bounded_and_any_value_can_be_kept() -> None:
    long = change_of({"text": "ä" * 10_000})
    assert long is not None
    assert json.loads(long)["left_out_bytes"] > 20_000
    assert (
        json.loads(change_of({"n": float("nan"), "o": object, "b": 2**70, "s": "a\0\ud800"}) or "")["n"]
        is None
    )
    assert change_of(None) is None


def test_a_draft_is_cut_to_what_every_database_can_hold() -> None:
    draft = cleaned(Draft("a", 1, "x" * 100, target="\0\ud800" + "y" * 1000, actor_name="n" * 300))
    assert len(draft.action) == 60
    assert draft.target is not None
    assert draft.target.startswith("\ufffd\ufffdy")
    assert len(draft.target) == 600
    assert len(draft.actor_name or "") == 200
