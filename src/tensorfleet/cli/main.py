"""The `tensorfleet` command.  Imports stay light: each command loads what it needs when it runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tensorfleet.cli import (
    algorithms,
    audit,
    backup,
    chaos,
    datasets,
    doctor,
    jobs,
    keys,
    ledger,
    mcp,
    models,
    notify,
    people,
    plan,
    platform,
    quotas,
    retention,
    secrets,
    settings,
    sign_in,
    sla,
    status,
    studies,
    submit,
    trust,
    webhooks,
    workers,
)
from tensorfleet.errors import TensorFleetError


class _Commands(TyperGroup):
    """Turns errors into one sentence on stderr and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (TensorFleetError, TimeoutError) as error:
            text = str(error)
        except OSError as error:
            text = f"{error.filename}: {error.strerror}" if error.filename else (error.strerror or str(error))
        from tensorfleet.cli.output import lines

        sys.stderr.write(f"Error: {lines(text)}\n")
        raise typer.Exit(1)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train, register and watch models on a fleet of workers.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from tensorfleet import __version__

        sys.stdout.write(f"tensorfleet {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Train, register and watch models on a fleet of workers."""


app.command()(submit.submit)
app.command()(studies.tune)
app.command()(plan.plan)
app.command()(status.status)
app.command("ledger")(ledger.show)
app.command("sla")(sla.show)
app.command("settings")(settings.show)
app.command("algorithms")(algorithms.show)
app.command()(doctor.doctor)
app.command()(chaos.chaos)
app.command()(mcp.mcp)
app.add_typer(jobs.app, name="jobs")
app.add_typer(workers.app, name="workers")
app.add_typer(trust.app, name="trust")
app.add_typer(audit.app, name="audit")
app.add_typer(notify.app, name="notify")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(retention.app, name="retention")
app.add_typer(datasets.app, name="datasets")
app.add_typer(models.app, name="models")
app.add_typer(studies.app, name="studies")
sign_in.register(app)
app.add_typer(people.users, name="users")
people.workspaces.command("quota")(quotas.quota)
app.add_typer(people.workspaces, name="workspaces")
app.add_typer(keys.app, name="keys")
app.add_typer(secrets.app, name="secrets")
platform.register(app)
backup.register(app)


def main() -> None:
    """The console script."""
    try:
        app()
    except BrokenPipeError:
        # The reader (`| head`) has gone; a second complaint at interpreter exit would only be noise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
