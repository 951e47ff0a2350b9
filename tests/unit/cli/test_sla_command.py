"""What `tensorfleet sla` prints, and asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from tensorfleet.cli import session
from tensorfleet.cli.main import app
from tensorfleet.cli.sla import met, percent
from tensorfleet.sdk.client import Client
from tensorfleet.sla.counts import ENDLESS
from tensorfleet.sla.figures import Answers, Ended, Held, Jobs, Tally
from tensorfleet.sla.model import Objectives, parse_objectives
from tensorfleet.sla.schemas import to_csv
from tensorfleet.sla.service import ServiceLevels

PROMISED = {"availability": 99.5, "submission_p95_s": 0.5, "job_success": 99.0, "queue_wait_p95_s": None}
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
LAB = Jobs(
    12, {1.0: 10}, {ENDLESS: 2},
    (Ended("completed", None, 9, 2), Ended("failed", "user_error", 1), Ended("failed", "lost_worker", 1)),
    Held({1.0: 10}, 65.0, 3.0, 68.0),
)  # fmt: skip


NOT_ASKED = Tally()


class Stored:
    """What there would be in the database."""

    def __init__(
        self, jobs: Mapping[str, Jobs], uptime: Tally = NOT_ASKED, answers: Sequence[Answers] = ()
    ) -> None:
        self.jobs, self.up, self.answered = jobs, uptime, answers

    def read(
        self, begin: datetime, end: datetime, now: datetime, edges: Any, only: Any
    ) -> Mapping[str, Jobs]:
        return {name: found for name, found in self.jobs.items() if only is None or name in only}

    def uptime(self, begin: datetime, end: datetime) -> Tally:
        return self.up

    def answers(self, begin: datetime, end: datetime, *, by_minute: bool) -> Sequence[Answers]:
        return self.answered


def report(stored: Stored, workspace: str | None = None, **promised: float) -> dict[str, Any]:
    objectives = Objectives(parse_objectives({**PROMISED, **promised}))
    levels = ServiceLevels(stored, stored, objectives, lambda: NOW)  # type: ignore[arg-type]
    return levels.report(None, workspace)


Ask = Callable[..., tuple[Result, list[httpx.Request]]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    def asked(answer: dict[str, Any], *words: str) -> tuple[Result, list[httpx.Request]]:
        requests: list[httpx.Request] = []

        def handle(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, json=answer)

        transport = httpx.MockTransport(handle)
        monkeypatch.setattr(session, "connect", lambda: Client("http://gateway.test", "t", http=transport))
        return CliRunner().invoke(app, ["sla", *words]), requests

    return asked


def test_each_objective_has_a_line_with_all_that_is_promised(ask: Ask) -> None:
    answers = [Answers("submit", 0.025, 95), Answers("submit", 1.0, 5, 5)]
    found = report(Stored({"lab": LAB}, Tally(1200.0, 1800.0), answers))
    result, (request,) = ask(found, "--month", "2026-03", "--workspace", "lab")
    assert dict(request.url.params) == {"month": "2026-03", "workspace": "lab"}
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["OBJECTIVE", "MET", "TARGET", "REACHED", "BUDGET", "LEFT", "BURN", "1H", "BURN", "6H"]
    assert lines[1] == ["availability", "so", "far", "99.5%", "66.66%", "87.94%", "66.7x", "66.7x"]
    assert lines[2] == ["submission", "so", "far", "95%", "in", "500", "ms", "95%", "0%", "1.0x", "1.0x"]
    assert lines[3] == ["job", "success", "no", "99%", "90%", "-900%", "10.0x", "10.0x"]
    shown = result.stdout
    assert "up 20 m 00 s, down 10 m 00 s, unknown 467 h 30 m" in shown
    assert "100, 5% answered with 5xx" in shown
    assert "12 submitted, 9 completed, 2 failed" in shown
    assert "lost_worker 1, user_error 1" in shown
    assert "81.81% of all, 90% without what jobs failed by themselves" in shown
    assert "1 m 05 s lost, 3.0 s hung" in shown
    assert "WORKSPACE" not in shown, "one says it all"


def test_several_workspaces_have_a_line_each(ask: Ask) -> None:
    result, _ = ask(report(Stored({"lab": LAB, "quiet": Jobs()}, Tally(10.0, 10.0))))
    table = [line for line in result.stdout.splitlines() if line.startswith(("WORKSPACE", "lab", "quiet"))]
    assert [line.split() for line in table][1:] == [
        ["lab", "12", "9", "2", "1", "81.81%", "982", "ms", "no:", "job", "success"],
        ["quiet", "0", "0", "0", "0", "so", "far"],
    ]


def test_where_nothing_is_known_it_says_so(ask: Ask) -> None:
    result, _ = ask(report(Stored({})))
    assert ["unknown" in line for line in result.stdout.splitlines()[1:4]] == [True] * 3
    assert "nothing asked whether the API answers" in result.stderr
    result, _ = ask(report(Stored({}), availability=0, submission_p95_s=0) | {"objectives": []})
    assert "Nothing is promised" in result.stderr


def test_json_is_what_the_server_said(ask: Ask) -> None:
    found = report(Stored({"lab": LAB}))
    result, _ = ask(found, "--json")
    assert json.loads(result.stdout) == json.loads(json.dumps(found))


def test_shares_are_never_rounded_up_to_all() -> None:
    shares = (None, 1.0, 0.99999, 0.995, 0.99974, 0.0, -9.0)
    assert [percent(share) for share in shares] == ["", "100%", "99.99%", "99.5%", "99.97%", "0%", "-900%"]
    assert [met(value, over) for value, over in ((None, True), (False, False), (True, True), (True, False))] == [
        "unknown", "no", "yes", "so far"
    ]  # fmt: skip


def test_csv_is_not_a_formula() -> None:
    text = to_csv(report(Stored({"=HYPERLINK(1)": LAB})))
    assert "'=HYPERLINK(1)" in text
    assert ",=" not in text
