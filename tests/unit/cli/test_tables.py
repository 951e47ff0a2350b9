"""Tables fit the terminal, from narrow to wide; what is cut says so, and what is not shown is not shown in part."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.cells import cell_len

from tensorfleet.cli.output import print_table
from tensorfleet.testing.gateway import FakeGateway

HEADERS = ("id", "name", "status", "done", "metrics", "took", "submitted")
ROW = (
    "j-1m806cm598rmntdf",
    "gradient-boosting-of-all-sales",
    "completed",
    "100%",
    "loss 0.1235  accuracy 0.97",
    "12.3 s",
    "2 h ago",
)


def printed(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], row: tuple[str, ...]
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(HEADERS, [row], empty="none")
    text = capsys.readouterr().out.replace("\x1b[1m", "").replace("\x1b[0m", "")
    return text.splitlines()


@pytest.mark.parametrize("width", range(20, 140, 7))
@pytest.mark.parametrize("row", [ROW, (ROW[0], "売上予測" * 9, *ROW[2:])], ids=["latin", "wide"])
def test_no_line_is_wider_than_the_terminal(
    width: int, row: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    header, line = printed(width, monkeypatch, capsys, row)
    assert max(cell_len(header), cell_len(line)) <= width
    shown = header.split()
    assert tuple(shown) == HEADERS[: len(shown)]
    for name, cell in zip(shown, row, strict=False):
        if name not in ("name", "metrics"):
            assert cell in line, f"{name} is cut at {width} columns: {line}"


def test_sixty_columns_still_say_what_and_how_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    header, line = printed(60, monkeypatch, capsys, ROW)
    assert header.split()[:4] == ["id", "name", "status", "done"]
    assert "gradi" in line
    assert "…" in line


def test_a_wide_terminal_has_all_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, line = printed(200, monkeypatch, capsys, ROW)
    assert all(cell in line for cell in ROW)


def test_jobs_on_sixty_columns(
    run: Callable[..., object], gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.add_job(name="gradient-boosting", status="running", metrics={"loss": 0.5})
    for name, value in (("COLUMNS", "60"), ("TTY_COMPATIBLE", "1"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    lines = run("jobs", "list").stdout.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert all(cell_len(line) <= 60 for line in lines)
    assert "running" in lines[1]
