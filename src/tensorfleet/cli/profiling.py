"""`tensorfleet jobs waterfall` and `jobs profile`: where a job's time went."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson, JobRef

_PLAIN_WIDTH = 100
_SHOWN_OPERATORS = 10


def add_to(app: typer.Typer) -> None:
    app.command()(waterfall)
    app.command()(profile)


def waterfall(
    ref: JobRef,
    attempt: Annotated[int | None, typer.Option(min=1, help="The last one when left out.")] = None,
    rank: Annotated[int | None, typer.Option(min=0, help="Only this rank.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a job's way from submission to its end, stage by stage."""
    from tensorfleet.cli.output import emit_json, printable, say, screen
    from tensorfleet.errors import NotFound

    with session.connect() as client:
        job = client.jobs.find(ref)
        found = job.waterfall()
    if as_json:
        emit_json(found)
        return
    if not found["attempts"]:
        say(f"Job {job.id} is {found['status']} and has not started yet: tensorfleet jobs why {job.id}")
        return
    shown = next((one for one in reversed(found["attempts"]) if attempt in (None, one["attempt"])), None)
    ranks = [one for one in (shown or {}).get("ranks", ()) if rank in (None, one["rank"])]
    if shown is None or (rank is not None and not ranks):
        wanted = f"attempt {attempt}" if shown is None else f"rank {rank} in attempt {shown['attempt']}"
        raise NotFound(f"job {job.id} has no {wanted}; it has had {len(found['attempts'])} attempts")
    console = screen()
    width = console.width if console.is_terminal else _PLAIN_WIDTH
    title = (
        f"{job.name}  {job.id}  attempt {shown['attempt']} of {len(found['attempts'])}: {shown['outcome']}"
    )
    sys.stdout.write(printable(title) + "\n")
    for one in ranks:
        for line in _bars(one, shown["seconds"], width):
            sys.stdout.write(f"{line}\n")


def _bars(rank: dict[str, Any], whole_s: float, width: int) -> Iterator[str]:
    """One line for each stage: its name, how long it took, and a bar where it lies in the whole."""
    from tensorfleet.cli.output import printable
    from tensorfleet.kit.units import format_duration

    stages = rank["stages"]
    names = [printable(stage["name"])[:24] for stage in stages]
    label = max((len(name) for name in names), default=0)
    room = max(10, width - label - 14)
    pace = "  ".join(_paces(rank))
    head = f"rank {rank['rank']} on {printable(rank['worker_id']) or 'no worker yet'}"
    yield f"{head}  {format_duration(rank['seconds'])}" + (f"  {pace}" if pace else "")
    for name, stage in zip(names, stages, strict=True):
        took = format_duration(stage["seconds"])
        yield f"  {name.ljust(label)}  {took:>8}  {_bar(stage, whole_s, room)}".rstrip()


def _bar(stage: dict[str, Any], whole_s: float, room: int) -> str:
    if whole_s <= 0:
        return ""
    begin = min(room - 1, int(stage["start_s"] / whole_s * room))
    length = round(stage["seconds"] / whole_s * room)
    return " " * begin + ("█" * min(length, room - begin) or "▏")


def _paces(data: dict[str, Any]) -> list[str]:
    return [
        f"{data[name]:,.{0 if data[name] >= 100 else 1}f} {unit}/s"
        for name, unit in (("rows_per_second", "rows"), ("steps_per_second", "steps"))
        if isinstance(data.get(name), int | float)
    ]


def pace(data: dict[str, Any]) -> str:
    """`12,300 rows/s  96.1 steps/s` of a job: of all of its training when it has ended, else as it last reported."""
    return "  ".join(_paces(data.get("throughput") or data.get("metrics") or {}))


def profile(
    ref: JobRef,
    save: Annotated[
        Path | None,
        typer.Option(help="Write the trace to this file (.json.gz), for Perfetto or chrome://tracing."),
    ] = None,
    rank: Annotated[int, typer.Option(min=0, help="Whose operators and whose trace.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say where the time of a step went, in a job with profile: true."""
    from tensorfleet.cli.output import emit_json, printable, say

    with session.connect() as client:
        job = client.jobs.find(ref)
        found = job.profile()
        if save is not None:
            say(f"trace of rank {rank}: {job.download_trace(save, rank)}")
    if as_json:
        emit_json(found)
        return
    sys.stdout.write(printable(f"{job.name}  {job.id}  attempt {found['attempt']}") + "\n")
    sys.stdout.write(printable(found["sentence"]) + "\n")
    _phases(found)
    _operators(found, rank)
    for one in found["ranks"]:
        if one["note"]:
            say(printable(f"rank {one['rank']}: {one['note']}"))


def _phases(found: dict[str, Any]) -> None:
    unit = "step" if found["unit"] == "step" else "job"
    ranks = [one for one in found["ranks"] if one["phases"]]
    rows = [
        (
            phase["name"],
            f"{phase['share']:.1%}",
            f"{phase['ms']:.3f}",
            *(f"{_ms(one, phase['name']):.3f}" for one in ranks if len(ranks) > 1),
        )
        for phase in found["phases"]
    ]
    if rows:
        each = tuple(f"{one['ms']:.3f}" for one in ranks if len(ranks) > 1)
        rows.append(("all", "100.0%", f"{found['ms']:.3f}", *each))
        headers = (
            "phase",
            "share",
            f"ms per {unit}",
            *(f"rank {one['rank']}" for one in ranks if len(ranks) > 1),
        )
        _table(headers, rows)


def _ms(rank: dict[str, Any], name: str) -> float:
    return next((float(phase["ms"]) for phase in rank["phases"] if phase["name"] == name), 0.0)


def _operators(found: dict[str, Any], rank: int) -> None:
    listed: list[dict[str, Any]] = next(
        (one["operators"] for one in found["ranks"] if one["rank"] == rank), []
    )
    rows = [(one["name"], str(one["calls"]), f"{one['ms']:.3f}") for one in listed[:_SHOWN_OPERATORS]]
    if rows:
        what = "operator" if found["unit"] == "step" else "function"
        _table((f"{what} of rank {rank}", "calls", "ms by itself"), rows)


def _table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from tensorfleet.cli.output import print_table

    sys.stdout.write("\n")
    sys.stdout.flush()
    print_table(headers, rows, empty="")
