from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tensorfleet.errors import InvalidInput, LostLead, TensorFleetError, Unavailable
from tensorfleet.jobs.model import Event
from tensorfleet.monitor import messages
from tensorfleet.monitor.messages import Notice, notice_of
from tensorfleet.monitor.notifier import CURSOR_LAG, MOST_IN_ONE, Notifier, Reader
from tensorfleet.settings import load_settings
from tensorfleet.settings_monitoring import ChannelSettings

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
CHANNEL = ChannelSettings.model_validate(
    {"name": "team", "type": "webhook", "url": "https://example.org/hook"}
)


class World:
    """A log, a clock, and a channel that takes what it is sent, or does not."""

    def __init__(self) -> None:
        self.now = NOON
        self.events: list[Event] = []
        self.cursors: dict[str, int] = {}
        self.sent: list[list[int]] = []
        self.trouble: list[TensorFleetError] = []
        self.looked_at = 0

    def happens(self, kind: str = "job.failed", ago_s: float = 0.0) -> None:
        at = self.now - timedelta(seconds=ago_s)
        self.events.append(Event(len(self.events) + 1, "j-1", kind, at, {"reason": "it broke"}))

    def read_after(
        self, position: int, limit: int = 500, job_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> list[Event]:
        later = self.events[position:]
        self.looked_at = len(later)
        return [event for event in later if kinds is None or event.kind in kinds][:limit]

    def last_id(self) -> int:
        return len(self.events)

    def cursor(self, name: str) -> int:
        return self.cursors.get(name, 0)

    def save_cursor(self, name: str, position: int) -> None:
        self.cursors[name] = position

    def send(self, channel: ChannelSettings, notices: Sequence[Notice]) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.sent.append([notice.id for notice in notices])

    def reader(self) -> Reader:
        return Reader(CHANNEL, self, lambda job_id: "digits", self.send, lambda: self.now)


def test_each_event_is_told_once_also_after_a_restart() -> None:
    world = World()
    reader = world.reader()
    world.happens()
    world.happens("metrics")
    world.happens("worker.lost")
    reader.once()
    reader.once()
    world.happens()
    world.reader().once()

    assert world.sent == [[1, 3], [4]]


def test_what_could_not_be_told_is_told_later_and_in_order() -> None:
    world = World()
    reader = world.reader()
    world.trouble = [Unavailable("away"), Unavailable("away")]
    world.happens()
    reader.once()
    world.happens()
    reader.once()  # too early
    assert len(world.trouble) == 1
    world.now += timedelta(seconds=1)
    reader.once()
    world.now += timedelta(seconds=1.5)
    reader.once()  # the pause has grown
    assert world.sent == []
    world.now += timedelta(seconds=1)
    reader.once()

    assert world.sent == [[1, 2]]


def test_what_is_refused_for_good_holds_up_nothing() -> None:
    world = World()
    reader = world.reader()
    world.trouble = [InvalidInput("404")]
    world.happens()
    reader.once()
    world.happens()
    reader.once()

    assert world.sent == [[2]]


def test_a_storm_is_a_few_messages() -> None:
    world = World()
    reader = world.reader()
    for _ in range(2 * MOST_IN_ONE + 1):
        world.happens()
    while reader.once():
        pass

    assert [len(ids) for ids in world.sent] == [MOST_IN_ONE, MOST_IN_ONE, 1]


def test_a_new_channel_is_not_told_of_last_year() -> None:
    world = World()
    world.happens(ago_s=3600)
    world.happens(ago_s=60)
    world.reader().once()

    assert world.sent == [[2]]


def test_entries_that_are_nothing_to_it_are_not_read_again_and_again() -> None:
    world = World()
    reader = world.reader()
    world.happens("metrics")
    reader.once()
    reader.once()
    assert (world.looked_at, world.cursors) == (0, {})

    for _ in range(CURSOR_LAG):
        world.happens("metrics")
    reader.once()
    assert world.cursors == {"notify:team": CURSOR_LAG + 1}


class Lead:
    def __init__(self, free: bool) -> None:
        self.term: int | None = None
        self.free = free

    def acquire(self) -> bool:
        self.term = 1 if self.free else None
        return self.free

    def renew(self) -> None:
        if not self.free:
            raise LostLead("another")


def test_only_the_one_who_leads_tells() -> None:
    world = World()
    lead = Lead(free=False)
    notifier = Notifier([world.reader()], lead)
    world.happens()
    assert notifier.once() == 0
    lead.free = True
    assert notifier.once() == 1
    lead.free = False
    world.happens()
    assert notifier.once() == 0


def test_a_text_is_one_line_of_bounded_length() -> None:
    event = Event(1, "j-1", "job.failed", NOON, {"reason": "a\nb\x07" + "x" * 10_000, "class": "data"})
    notice = notice_of(event, "digits")

    assert notice.text.startswith("Job digits (j-1) failed: a b")
    assert len(notice.text) == 500


def test_slack_calls_nobody() -> None:
    notice = notice_of(Event(1, "j-1", "job.failed", NOON, {"reason": "<!channel> & co"}), "<@U1>")

    assert messages.slack_body([notice])["text"] == "Job &lt;@U1&gt; (j-1) failed: &lt;!channel&gt; &amp; co"


MAIL = {"name": "ops", "type": "email", "server": "mail:587", "sender": "a@b", "to": ["c@d"]}


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ([{"name": "a", "type": "webhook"}], "needs the url"),
        ([{"name": "a", "type": "slack", "url": "ftp://x/y"}], "needs the url"),
        ([{"name": "a", "type": "slack", "url": "https://me:pw@x/y"}], "needs the url"),
        ([MAIL | {"to": []}], "needs server, sender and to"),
        ([MAIL | {"security": "none", "password": "x"}], "unencrypted"),
        ([MAIL | {"to": ["a@b\nBcc: c@d"]}], "should match"),
        ([MAIL | {"on": ["job.flew"]}], "should be 'job.failed'"),
        ([MAIL, MAIL], "two channels are named 'ops'"),
        ([MAIL | {"sendr": "x"}], "sender"),
    ],
)
def test_channels_that_cannot_work_are_refused(
    channels: list[dict[str, Any]], said: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput) as refused:
        load_settings(home=tmp_path, notify=channels)
    assert said in str(refused.value)


def test_settings_show_no_secret(tmp_path: Any) -> None:
    channel = CHANNEL.model_dump() | {"password": "hidden-1", "secret": "hidden-2"}
    shown = repr(load_settings(home=tmp_path, notify=[channel]))

    assert "hidden" not in shown
    assert "example.org" not in shown


def test_nobody_asks_for_the_lead_while_there_is_nobody_to_be_told() -> None:
    world = World()
    world.happens()
    lead = LeadNobodyMayAskFor()
    assert Notifier([world.reader()], lead, lambda: False).once() == 0
    assert world.sent == []


class LeadNobodyMayAskFor:
    term: int | None = None

    def acquire(self) -> bool:
        raise AssertionError("asked for")

    def renew(self) -> None:
        raise AssertionError("asked for")
