"""`tensorfleet tune` and `tensorfleet studies`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson
from tensorfleet.cli.submit import with_settings

if TYPE_CHECKING:
    from tensorfleet.sdk.studies import Study

app = typer.Typer(no_args_is_help=True, help="See and steer studies, which search hyperparameters.")

StudyRef = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A study's id, its beginning, or its name.",
        autocompletion=completing.studies,
    ),
]
SHOWN = 10


def tune(
    file: Annotated[
        Path, typer.Argument(metavar="JOB_FILE", help="The study, as YAML or JSON, with a tune: part.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set one field, such as tune.trials=50."),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Show trials as they end; exit 0 only if it completed."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Submit a study; prints its id first."""
    from tensorfleet.sdk.studies import Study

    submission = with_settings(file, settings)
    submission.spec.setdefault("kind", "tune")
    with session.connect() as client:
        with session.transfers() as step:
            study = Study(client.transport, client.send(submission, step=step).data)
        _watch(study, study.id, follow, as_json)


@app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """List studies, the newest first."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.studies.list()
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            item["study_id"],
            item["name"],
            item["status"],
            f"{sum(item['counts'].values()) - item['counts']['running']}/{item['trials']}",
            _best_value(item),
            ago(item.get("created_at")),
        )
        for item in found
    ]
    headers = ("id", "name", "status", "trials", "best", "submitted")
    print_table(headers, rows, empty="There are no studies yet; submit one with `tensorfleet tune JOB_FILE`.")


@app.command()
def show(ref: StudyRef, as_json: AsJson = False) -> None:
    """Show a study and its best trials."""
    from tensorfleet.cli.output import emit_json, print_pairs

    with session.connect() as client:
        study = client.studies.find(ref)
        summary, trials = study.summary(), study.trials()
    if as_json:
        emit_json({**summary, "items": trials})
        return
    counts = ", ".join(f"{count} {state}" for state, count in summary["counts"].items() if count)
    version = summary.get("version")
    pairs = [
        ("status", summary["status"]),
        ("reason", summary.get("reason") or ""),
        ("objective", ", ".join(f"{one['direction']} {one['metric']}" for one in summary["objective"])),
        (
            "sampler",
            summary["sampler"] + (f", {summary['pruner']} pruner" if summary["pruner"] != "none" else ""),
        ),
        ("trials", f"{counts or 'none yet'} of {summary['trials']}"),
        ("model", f"{summary['model_name']}@{version}" if version else ""),
    ]
    print_pairs(f"{summary['name']}  {summary['study_id']}", pairs)
    sys.stdout.write("\n")
    _print_trials(_ranked(trials, summary["objective"])[:SHOWN])


@app.command()
def cancel(ref: StudyRef, as_json: AsJson = False) -> None:
    """Stop a study and the trials that still run; what has completed is kept."""
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        study = client.studies.find(ref)
        study.cancel()
    if as_json:
        emit_json(study.data)
    else:
        sys.stdout.write(f"{study.id} ({study.name}) is being cancelled\n")


@app.command()
def pause(ref: StudyRef, as_json: AsJson = False) -> None:
    """Stop a study and its trials for now."""
    _steer(ref, "pause", as_json)


@app.command()
def resume(ref: StudyRef, as_json: AsJson = False) -> None:
    """Let a paused study and its trials go on."""
    _steer(ref, "resume", as_json)


@app.command()
def retry(
    ref: StudyRef,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Make so many more trials, and leave those that failed.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show trials as they end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a study that has ended: run its failed and cancelled trials again, or make more."""

    with session.connect() as client:
        study = client.studies.find(ref).retry(trials)
        _watch(study, f"{study.id} ({study.name}) goes on", follow, as_json)


def _watch(study: Study, begun: str, follow: bool, as_json: bool) -> None:
    """Says what has begun, follows it if asked, and exits with 1 when it was followed and did not complete."""
    from tensorfleet.cli.output import emit_json

    if not as_json:
        sys.stdout.write(f"{begun}\n")
        sys.stdout.flush()
    completed = _follow(study, quiet=as_json) if follow else True
    if as_json:
        emit_json(study.summary())
    if not completed:
        raise typer.Exit(1)


@app.command()
def lineage(ref: StudyRef, as_json: AsJson = False) -> None:
    """Show who was copied from whom in a population, and with which changes."""
    from tensorfleet.cli.output import emit_json, print_table, values

    with session.connect() as client:
        found = client.studies.find(ref).lineage()
    if as_json:
        emit_json(found)
        return
    members = {trial["number"]: trial["member"] for trial in found}
    rows = [
        (
            str(trial["generation"]),
            str(trial["member"]),
            str(trial["number"]),
            trial["state"],
            _values(trial),
            f"copy of {members[trial['parent']]}" if trial["copied"] else "",
            _changed(trial["changes"])
            if trial["copied"]
            else values(trial["params"] if trial["parent"] is None else {}),
        )
        for trial in found
    ]
    headers = ("generation", "member", "trial", "state", "value", "from", "hyperparameters")
    print_table(headers, rows, empty="No trial has begun.")


def _changed(changes: dict[str, list[Any]]) -> str:
    from tensorfleet.cli.output import number

    return "  ".join(
        f"{name} {number(before)} -> {number(after)}" for name, (before, after) in changes.items()
    )


def _steer(ref: str, verb: str, as_json: bool) -> None:
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        study = client.studies.find(ref)
        getattr(study, verb)()
    if as_json:
        emit_json(study.data)
    else:
        sys.stdout.write(f"{study.id} ({study.name}): {verb} requested\n")


def _follow(study: Study, *, quiet: bool) -> bool:
    """Shows each trial's end, in a terminal as a table of the best; True when the study completed.  Ctrl-C leaves it running."""
    from tensorfleet.cli.output import say
    from tensorfleet.cli.trial_board import TrialBoard

    try:
        TrialBoard(study, quiet=quiet).run()
    except KeyboardInterrupt:
        say(f"Detached; the study goes on.  Stop it with `tensorfleet studies cancel {study.id}`.")
        raise typer.Exit(130) from None
    if study.status != "completed":
        say(f"The study {study.status}: {study.reason or 'no reason was given'}")
    return study.status == "completed"


def _print_trials(trials: list[dict[str, Any]]) -> None:
    from tensorfleet.cli.output import print_table, values

    rows = [
        (
            str(trial["number"]),
            trial["state"],
            _values(trial),
            values(trial["params"]),
            trial["job_id"],
            trial.get("reason") or "",
        )
        for trial in trials
    ]
    print_table(("trial", "state", "value", "params", "job", "reason"), rows, empty="No trial has begun.")


def _ranked(trials: list[dict[str, Any]], objective: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The best first, by the first objective; those without a value last."""
    sign = -1.0 if objective[0]["direction"] == "maximize" else 1.0
    done = [trial for trial in trials if trial["state"] == "completed"]
    others = [trial for trial in trials if trial["state"] != "completed"]
    return sorted(done, key=lambda trial: (sign * trial["value"], trial["number"])) + others


def _best_value(summary: dict[str, Any]) -> str:
    best = summary["best"]
    return _values(best[0]) if len(best) == 1 else (f"{len(best)} on the front" if best else "")


def _values(trial: dict[str, Any]) -> str:
    from tensorfleet.cli.output import number

    return "  ".join(number(value) for value in trial.get("values") or ())
