"""`tensorfleet submit`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson

if TYPE_CHECKING:
    from tensorfleet.sdk.jobs import Job
    from tensorfleet.sdk.submission import Submission


def submit(
    file: Annotated[Path, typer.Argument(metavar="JOB_FILE", help="The job, as YAML or JSON.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set one field, such as hyperparameters.epochs=5."),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", "-f", help="Show progress and logs to the end; exit 0 only if it completed."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Submit a job; prints its id first."""
    submission = with_settings(file, settings)
    with session.connect() as client:
        with session.transfers() as step:
            job = client.send(submission, step=step)
        show_submitted(job, follow=follow, as_json=as_json)


def with_settings(source: Path | dict[str, Any], settings: list[str] | None) -> Submission:
    """A job file, or a mapping of its fields, with what `--set` changes in it."""
    from tensorfleet.sdk.submission import Submission

    changes = [parse_setting(text) for text in settings or ()]
    submission = Submission.of(source, {})
    for field, value in changes:
        submission.set(field, value)
    return submission


def show_submitted(job: Job, *, follow: bool, as_json: bool) -> None:
    """Prints a new job's id, and with `follow` shows it to its end.

    Raises:
        Exit: it was followed and did not complete.
    """
    from tensorfleet.cli.output import emit_json

    if not as_json:
        sys.stdout.write(f"{job.id}\n")
        sys.stdout.flush()
    completed = follow_job(job, stderr=as_json) if follow else True
    if as_json:
        emit_json(job.data)
    if not completed:
        raise typer.Exit(1)


def parse_setting(text: str) -> tuple[str, Any]:
    """`hyperparameters.epochs=5` as the field's path and the value that YAML reads.

    Raises:
        BadParameter: there is no `=`, or a part of the path is empty.
    """
    from tensorfleet.errors import InvalidInput
    from tensorfleet.sdk.yamlfile import parse_scalar

    field, equals, value = text.partition("=")
    if not equals or not all(field.split(".")):
        raise typer.BadParameter(
            f"'{text}' is not KEY=VALUE, such as hyperparameters.epochs=5", param_hint="--set"
        )
    try:
        return field, parse_scalar(value)
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error


def follow_job(job: Job, *, stderr: bool = False) -> bool:
    """Shows the job until it ends; True when it completed.  Ctrl-C leaves it running."""
    from tensorfleet.cli.live import LiveBoard
    from tensorfleet.cli.output import say, screen

    try:
        completed = LiveBoard([job], screen(stderr=stderr)).run()
    except KeyboardInterrupt:
        say(f"Detached; the job goes on.  Stop it with `tensorfleet jobs cancel {job.id}`.")
        raise typer.Exit(130) from None
    if completed and job.data.get("model_name"):
        say(
            f"Its model is being registered as {job.data['model_name']}: `tensorfleet models show {job.data['model_name']}`."
        )
    if not completed:
        say(f"See `tensorfleet jobs why {job.id}` and `tensorfleet jobs logs {job.id}`.")
    return completed
