"""`tensorfleet ledger`, and what `tensorfleet jobs show` says of a job's cost."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson

if TYPE_CHECKING:
    from tensorfleet.sdk.jobs import Job

KINDS = ("useful", "idle", "lost", "hung", "running")
SUMS = ("held_s", "cpu_s", "gpu_s", "memory_gb_s", "cost")
SINGLE = ("leases", "cpu_used_s", "energy_j", "energy_how", "carbon_g")


class Grouping(StrEnum):
    JOB = "job"
    WORKSPACE = "workspace"
    ALGORITHM = "algorithm"
    WORKER_TYPE = "worker_type"
    DAY = "day"
    MONTH = "month"


def show(
    by: Annotated[Grouping, typer.Option(help="What is added up.")] = Grouping.JOB,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="A month (UTC); this one so far when left out.")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Only this workspace.", autocompletion=completing.workspaces)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many groups; the rest is one line.")] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with all parts in seconds.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the fleet's time was good for, with energy, carbon and cost."""
    from tensorfleet.cli.output import emit_json, print_table, say

    begin, end = month_span(month) if month else (None, None)
    with session.connect() as client:
        found = client.ledger.read(by=by.value, begin=begin, end=end, workspace=workspace, limit=limit)
        budgets = [] if as_json or as_csv else client.ledger.budgets()
    if as_json:
        emit_json(found)
    elif as_csv:
        write_csv(found)
    else:
        headers = _headers(found)
        rows = [[_cell(header, row, found) for header in headers] for row in _rows(found)]
        print_table(headers, rows, empty="No lease was held in this time.")
        for budget in budgets:
            say(_told_of_budget(budget))
        if found.get("hint"):
            say(f"Note: {found['hint']}.")


def month_span(month: str) -> tuple[datetime, datetime]:
    """From the month's begin to the next one's.

    Raises:
        InvalidInput: it is not a month.
    """
    from tensorfleet.errors import InvalidInput

    match = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", month)
    if match is None or not 1970 <= int(match[1]) < 9999:
        raise InvalidInput(f"'{month[:40]}' is not a month; write it like 2026-11")
    begin = datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC)
    return begin, (begin + timedelta(days=31)).replace(day=1)


def _rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from found["items"]
    if found["others"]:
        yield {"key": f"{found['others']['groups']} others", "name": None, **found["others"]}
    if len(found["items"]) > 1:
        yield {"key": "total", "name": None, **found["total"]}


def _headers(found: dict[str, Any]) -> list[str]:
    """What says nothing is left out."""
    total = found["total"]
    named = ["job", "name"] if found["by"] == "job" else [found["by"].replace("_", " ")]
    gpus = ["gpu held"] if total["gpu_s"]["total"] else []
    parts = [kind for kind in KINDS if kind == "useful" or total["held_s"][kind]]
    carbon = ["carbon"] if found["carbon_g_per_kwh"] else []
    cost = ["cost"] if total["cost"]["total"] else []
    return [*named, "cpu held", *gpus, *parts, "energy", *carbon, *cost]


def _cell(header: str, row: dict[str, Any], found: dict[str, Any]) -> str:
    from tensorfleet.kit.units import format_duration, format_money

    if header in KINDS:
        whole = row["held_s"]["total"]
        return f"{row['held_s'][header] / whole:.0%}" if whole else ""
    if header in ("cpu held", "gpu held"):
        return format_duration(row[f"{header[:3]}_s"]["total"])
    if header == "energy":
        return energy(row)
    if header == "carbon":
        return "" if row["carbon_g"] is None else f"{row['carbon_g']:.3g} g"
    if header == "cost":
        return f"{format_money(row['cost']['total'])} {found['currency']}"
    return str(row["name"] or "" if header == "name" else row["key"])


def energy(row: dict[str, Any]) -> str:
    """`1.2 Wh`; with ~ in front when not all of it is measured."""
    if row["energy_j"] is None:
        return ""
    about = "" if row["energy_how"] == "measured" else "~"
    return f"{about}{row['energy_j'] / 3600:.3g} Wh"


def told_of_job(job: Job) -> list[tuple[str, str]]:
    """Cost, energy and waste of a job, as far as there is something to say."""
    from tensorfleet.errors import TensorFleetError
    from tensorfleet.kit.units import format_duration, format_money

    with suppress(TensorFleetError):  # an older server; the job itself was shown
        found = job.ledger()
        total, money = found["total"], ""
        if total["cost"]["total"]:
            money = f"{format_money(total['cost']['total'])} {found['currency']}"
        wasted = [
            f"{format_duration(total['held_s'][kind])} {kind}"
            for kind in ("lost", "hung")
            if total["held_s"][kind]
        ]
        how = {"measured": "", None: ""}.get(total["energy_how"], f" ({total['energy_how']})")
        used = f"{total['energy_j'] / 3600:.3g} Wh{how}" if total["energy_j"] else ""
        return [("cost", money), ("energy", used), ("wasted", ", ".join(wasted))]
    return []


def _told_of_budget(budget: dict[str, Any]) -> str:
    from tensorfleet.kit.units import format_money

    spent = f"{format_money(budget['spent'])} of {budget['monthly']:g} {budget['currency']}"
    over = "; its new jobs wait" if budget["over"] and budget["stop"] else ""
    return f"Workspace {budget['workspace']} has spent {spent} ({budget['share']:.0%}) in {budget['month']}{over}."


def write_csv(found: dict[str, Any]) -> None:
    """Every group with all that is known of it; the sum is left to the reader's own tools."""
    import csv

    columns = [f"{name}.{kind}" for name in SUMS for kind in KINDS]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([found["by"], "name", *SINGLE, *columns, "currency"])
    for row in found["items"] + ([{"key": "others", **found["others"]}] if found["others"] else []):
        parts = [row[name][kind] for name in SUMS for kind in KINDS]
        texts = [_as_text(row["key"]), _as_text(row.get("name") or "")]
        writer.writerow([*texts, *(row[name] for name in SINGLE), *parts, found["currency"]])


def _as_text(value: str) -> str:
    """Nothing that a spreadsheet would take for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
