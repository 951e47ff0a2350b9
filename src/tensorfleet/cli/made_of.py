"""`tensorfleet jobs provenance`, `replay` and `diff`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson, JobRef

SHOWN = 60


def add_to(app: typer.Typer) -> None:
    app.command()(provenance)
    app.command()(replay)
    app.command()(diff)


def provenance(
    ref: JobRef,
    git_diff: Annotated[
        bool, typer.Option("--git-diff", help="Print what was not committed of its code, as a patch.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a job was made of: code, environment, data, hyperparameters, seed, machine."""
    from tensorfleet.cli.output import emit_json, lines, print_pairs

    with session.connect() as client:
        job = client.jobs.find(ref)
        if git_diff:
            # For `git apply` as it is; for eyes, without what a terminal would obey.
            sys.stdout.write(lines(job.git_diff()) if sys.stdout.isatty() else job.git_diff())
            return
        found = job.provenance()
    if as_json:
        emit_json(found)
        return
    print_pairs(f"{job.name}  {job.id}", _described(found))


def _described(found: dict[str, Any]) -> list[tuple[str, str]]:
    document = found["document"]
    environment, machine = document["environment"] or {}, document["machine"] or {}
    packages = len(environment.get("packages") or ())
    code = {name: value for name, value in document["code"].items() if value and name != "git"}
    python = f"Python {environment.get('python')}, {packages} packages (all with --json)"
    return [
        ("digest", str(found["digest"] or "the job has not run")),
        ("code", _inline(code)),
        ("git", _inline(document["code"].get("git") or {})),
        ("environment", python if environment else "the job has not run"),
        ("dataset", _inline(document["dataset"] or {})),
        ("hyperparameters", _inline(document["hyperparameters"])),
        ("seed", str(document["seed"])),
        ("machine", _inline(machine) if machine else "the job has not run"),
        ("files", str(len(found["files"]))),
        ("replay of", str(found["replay_of"] or "")),
    ]


def _inline(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {_text(value)}" for name, value in values.items() if value not in (None, [], {})
    )


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def replay(
    ref: JobRef,
    detach: Annotated[
        bool, typer.Option("--detach", help="Only submit; print the id of the new job.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a job once more, exactly; says whether it made the same files, bit for bit (exit code 1 if not)."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        job = client.jobs.find(ref)
        again = job.replay()
        if not as_json:
            sys.stdout.write(f"{again.id}\n")
            sys.stdout.flush()
        if detach:
            if as_json:
                emit_json(again.data)
            return
        found = job.diff(again.wait())
    if as_json:
        emit_json(found)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in [_verdict(found), *_changes(found)]))
    if found["bit_equal"] is False:
        raise typer.Exit(1)


def _verdict(found: dict[str, Any]) -> str:
    files = found["files"]
    if found["bit_equal"] is None:
        return "Both ended; neither left files to compare."
    if found["bit_equal"]:
        return f"Bit-equal: all {len(files)} files are the same."
    unequal = [one["path"] for one in files if not one["equal"]]
    return f"Not bit-equal: {len(unequal)} of {len(files)} files differ: {', '.join(unequal[:5])}"


def diff(
    first: Annotated[
        str,
        typer.Argument(metavar="A", help="A job, as in the other commands.", autocompletion=completing.jobs),
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="The job to compare it with.", autocompletion=completing.jobs)
    ],
    as_json: AsJson = False,
) -> None:
    """Say what changed from one job to another, and what their metrics did."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        found = client.jobs.find(first).diff(client.jobs.find(second))
    if as_json:
        emit_json(found)
        return
    lines = _changes(found) or [
        "Nothing changed: code, environment, data, hyperparameters, seed and machine are the same."
    ]
    lines += _metrics(found["metrics"])
    if found["files"]:
        lines.append(_verdict(found))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _changes(found: dict[str, Any]) -> list[str]:
    from tensorfleet.cli.output import printable

    lines = []
    for change in found["changed"]:
        if "unknown" in change:
            lines.append(
                f"{change['part']}: not known of {' and '.join(found[side] for side in change['unknown'])}"
            )
            continue
        lines.append(f"{change['part']}:")
        fields = change["fields"]
        lines += [f"  {one['field']}: {_text(one['a'])} -> {_text(one['b'])}" for one in fields[:20]]
        if len(fields) > 20:
            lines.append(f"  and {len(fields) - 20} more (all with --json)")
    return [printable(line) for line in lines]


def _metrics(metrics: dict[str, dict[str, Any]]) -> list[str]:
    from tensorfleet.cli.output import number, printable

    lines = []
    for name, one in metrics.items():
        change = "" if one["change"] is None else f" ({one['change']:+.4g})"
        lines.append(printable(f"metric {name}: {number(one['a'])} -> {number(one['b'])}{change}"))
    return lines
