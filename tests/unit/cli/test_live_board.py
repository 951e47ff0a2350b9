"""The live board in a terminal of a given width, fed by the in-memory gateway."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from tensorfleet.cli import output
from tensorfleet.cli.charts import sparkline
from tensorfleet.cli.lane import Lane
from tensorfleet.cli.live import LiveBoard, render_lanes
from tensorfleet.cli.output import ago, ahead, took
from tensorfleet.errors import Unavailable
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.events import Event
from tensorfleet.testing.gateway import AT, FakeGateway

NOW = datetime.fromisoformat(AT) + timedelta(seconds=7)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    gateway = FakeGateway()
    for name, algorithm, workers in [("wine-forest", "random_forest", 1), ("digits", "mlp", 2)]:
        spec = {"algorithm": algorithm, "hyperparameters": {"epochs": 20}}
        times = {"started_at": AT, "finished_at": AT}
        job_id = gateway.add_job(name=name, status="completed", workers=workers, spec=spec, **times)["job_id"]
        gateway.add_event(job_id, "job.started", attempt=1, workers=workers)
        gateway.add_event(job_id, "log", attempt=1, rank=0, offset=0, text=f"hello from {name}\n")
        for step in range(1, 13):
            values = {"epoch_s": 1.0, "loss": 1 / step, "val_loss": 1.1 / step, "accuracy": 1 - 0.3 / step}
            gateway.add_event(job_id, "metrics", attempt=1, rank=0, points=[{"step": step, "values": values}])
    return Client("http://gateway.test", "secret", tmp_path, http=gateway.transport())


def running_lane(client: Client, name: str) -> Lane:
    job = client.jobs.find(name)
    lane = Lane(job)
    for event in job.stream():
        lane.apply(event)
    return lane


def drawn(lanes: list[Lane], width: int) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False
    )
    console.print(render_lanes(lanes, width, NOW))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_each_job_is_one_line_that_fits(client: Client, width: int):
    lines = drawn([running_lane(client, "wine-forest"), running_lane(client, "digits")], width)
    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)


def test_line_has_what_people_look_for(client: Client):
    line = drawn([running_lane(client, "digits")], 100)[0]
    for part in (
        "digits",
        "mlp ×2",
        "━",
        "60%",
        "val_loss 0.0917",
        "accuracy 0.975",
        "● running",
        "7.0 s",
        "█",
    ):
        assert part in line


def test_terminal_gets_logs_above_and_a_final_board(client: Client):
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    jobs = [client.jobs.find("wine-forest"), client.jobs.find("digits")]
    assert LiveBoard(jobs, console).run()
    text = console.file.getvalue()
    assert "wine-forest  hello from wine-forest" in text
    assert text.count("✓ completed") >= 2


def test_pipe_gets_no_escape_codes_and_no_bars(client: Client):
    console = Console(file=io.StringIO(), width=100)
    assert LiveBoard([client.jobs.find("digits")], console, logs=False).run()
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 14
    assert lines[1] == "digits  step 1  epoch_s 1.0  loss 1  val_loss 1.1  accuracy 0.7".replace(
        "epoch_s 1.0", "epoch_s 1"
    )
    assert not {"\x1b", "━", "✓"} & set(console.file.getvalue())


def test_stream_that_is_lost_ends_the_board(tmp_path: Path):
    gateway = FakeGateway()
    gateway.add_job(status="running")
    client = Client("http://gateway.test", "secret", tmp_path, http=gateway.transport())
    client.transport.sleep = lambda _: None
    job = client.jobs.find("digits")
    gateway.fault("GET", "/stream$", 503, times=10_000)
    with pytest.raises(Unavailable, match="the events stopped"):
        LiveBoard([job], Console(file=io.StringIO())).run()


def test_table_gives_up_long_texts_before_ids(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(
        output, "screen", lambda **_: Console(width=60, force_terminal=True, color_system=None, markup=False)
    )
    output.print_table(
        ("id", "name", "status", "metrics"), [("j-01jd8xkq2v7m4t9a", "n" * 40, "running", "m" * 40)], empty=""
    )
    row = capsys.readouterr().out.splitlines()[1]
    assert "j-01jd8xkq2v7m4t9a" in row
    assert "running" in row
    assert len(row) <= 60


def event(kind: str, **data: object) -> Event:
    return Event(1, "j", kind, NOW, dict(data))


def test_changes_of_a_job_are_told(client: Client):
    lane = Lane(client.jobs.find("digits"))
    told = [
        note.text
        for happened in [
            event("job.started", attempt=2, workers=1),
            event("job.requeued", reason="worker w-1 was lost"),
            event("job.paused"),
            event("job.resumed"),
            event("job.cancel_requested"),
            event("job.registered", name="digits", version=3),
            event("task.started", rank=0),
            event("checkpoint", step=1),
        ]
        for note in lane.apply(happened)
    ]
    assert told == [
        "running on 1 worker, attempt 2",
        "queued again: worker w-1 was lost",
        "paused",
        "resumed",
        "cancel requested",
        "registered as model digits version 3",
    ]


def test_sparkline_has_the_shape_of_the_values():
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(list(range(800)), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0, float("nan"), 5.0], 8) == "▄▄"
    assert sparkline([], 8) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "just now"),
        (42, "42 s ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (90_000, "1 day ago"),
        (500_000, "5 days ago"),
    ],
)
def test_times_are_told_as_people_do(seconds: int, text: str):
    assert ago(AT, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=seconds)) == text


def test_duration_of_what_has_not_started_is_empty():
    assert (ago(None), took(None, None)) == ("", "")
    assert took(AT, None, NOW) == "7.0 s"


def test_an_expected_start_is_told_as_people_do():
    at = datetime.fromisoformat(AT)
    assert ahead(AT, at - timedelta(seconds=90)) == f"in 1 m 30 s, at {at.astimezone():%H:%M:%S}"
    assert (ahead(AT, at + timedelta(seconds=1)), ahead(None)) == ("now", "")
