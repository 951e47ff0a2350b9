"""`tensorfleet webhooks`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tensorfleet.cli import session
from tensorfleet.cli.session import AsJson

app = typer.Typer(no_args_is_help=True, help="Have web servers told, signed, what happens in a workspace.")

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")]
Workspace = Annotated[str | None, typer.Option(help="Which workspace; TENSORFLEET_WORKSPACE if left out.")]
_LATER = "It is not shown again; the receiver checks signatures with it:"


@app.command("add")
def add_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where messages are posted to.")],
    on: Annotated[list[str], typer.Option(help="What is told, such as job.failed; may be repeated.")],
    label: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE: only of jobs with this label; may be repeated.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Have an address told what happens, and print its secret; nobody can see that again."""
    from tensorfleet.cli.output import emit_json

    labels = dict(_pair(one) for one in label or ())
    with session.connect() as client:
        found = client.webhooks.add(url, on, labels=labels, description=description, workspace=workspace)
    if as_json:
        emit_json(found)
        return
    sys.stderr.write(f"Made {found['webhook_id']}. {_LATER}\n")
    sys.stdout.write(f"{found['secret']}\n")


@app.command("list")
def list_webhooks(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """List webhooks."""
    from tensorfleet.cli.output import emit_json, print_table

    with session.connect() as client:
        found = client.webhooks.list(workspace)
    if as_json:
        emit_json(found)
        return
    rows = [
        (one["webhook_id"], one["workspace"], one["url"], " ".join(one["events"]), _state(one))
        for one in found
    ]
    empty = "There are no webhooks; make one with `tensorfleet webhooks add URL --on job.failed`."
    print_table(("id", "workspace", "url", "told", "state"), rows, empty=empty)


@app.command("show")
def show_webhook(webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Show a webhook: what it is told, and whether it takes it."""
    from tensorfleet.cli.output import ago, emit_json, print_pairs

    with session.connect() as client:
        found = client.webhooks.get(webhook_id)
    if as_json:
        emit_json(found)
        return
    pairs = [
        ("url", found["url"]),
        ("workspace", found["workspace"]),
        ("told", " ".join(found["events"])),
        ("labels", " ".join(f"{name}={value}" for name, value in found["labels"].items())),
        ("description", found["description"] or ""),
        ("state", _state(found)),
        ("why", found["disabled_why"] or ""),
        ("old secret until", found["old_secret_until"] or ""),
        ("made", ago(found["created_at"])),
    ]
    print_pairs(found["webhook_id"], pairs)


@app.command("change")
def change_webhook(
    webhook_id: WebhookId,
    url: Annotated[str | None, typer.Option(help="Where messages are posted to.")] = None,
    on: Annotated[list[str] | None, typer.Option(help="What is told, in place of what was.")] = None,
    enabled: Annotated[
        bool | None, typer.Option("--on-again/--off", help="Turn it on again, or off.")
    ] = None,
) -> None:
    """Change what a webhook is told, or turn it off and on again."""
    given: dict[str, Any] = {"url": url, "events": on, "enabled": enabled}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise typer.BadParameter("say what to change: --url, --on, --on-again or --off")
    with session.connect() as client:
        client.webhooks.change(webhook_id, **changes)
    sys.stdout.write(f"Changed {webhook_id}.\n")


@app.command("test")
def test_webhook(webhook_id: WebhookId) -> None:
    """Send a message at once; exit code 1 if it is not taken."""
    with session.connect() as client:
        found = client.webhooks.test(webhook_id)
    if found["delivered"]:
        sys.stdout.write(f"Taken, with {found['status']}.\n")
        return
    sys.stderr.write(f"Not taken: {found['error']}\n")
    raise typer.Exit(1)


@app.command("deliveries")
def list_deliveries(
    webhook_id: WebhookId,
    state: Annotated[str | None, typer.Option(help="Only those: waiting, delivered or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 30,
    as_json: AsJson = False,
) -> None:
    """List what was sent to a webhook, and what waits, the newest first."""
    from tensorfleet.cli.output import ago, ahead, emit_json, print_table

    with session.connect() as client:
        found = client.webhooks.deliveries(webhook_id, state=state, limit=limit)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            one["delivery_id"],
            one["type"],
            one["state"],
            str(one["attempts"]),
            ago(one["queued_at"]),
            ahead(one["next_try_at"]),
            one["error"] or "",
        )
        for one in found
    ]
    empty = "Nothing was sent yet; `tensorfleet webhooks test` sends a message."
    print_table(("id", "type", "state", "tries", "queued", "next try", "problem"), rows, empty=empty)


@app.command("resend")
def resend_delivery(
    webhook_id: WebhookId,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id.")],
) -> None:
    """Send a message again that was delivered or given up."""
    with session.connect() as client:
        client.webhooks.resend(webhook_id, delivery_id)
    sys.stdout.write(f"{delivery_id} is sent again.\n")


@app.command("rotate")
def rotate_secret(
    webhook_id: WebhookId,
    overlap: Annotated[str, typer.Option(help="So long messages are signed with both.")] = "24h",
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new secret, and print it."""
    from tensorfleet.cli.output import emit_json
    from tensorfleet.kit.units import parse_duration_s

    try:
        overlap_s = int(parse_duration_s(overlap))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with session.connect() as client:
        found = client.webhooks.rotate(webhook_id, overlap_s)
    if as_json:
        emit_json(found)
        return
    sys.stderr.write(f"{_LATER}\n")
    sys.stdout.write(f"{found['secret']}\n")


@app.command("delete")
def delete_webhook(webhook_id: WebhookId) -> None:
    """Delete a webhook, with what waits for it."""
    with session.connect() as client:
        client.webhooks.delete(webhook_id)
    sys.stdout.write(f"Deleted {webhook_id}.\n")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"'{text}' is no label; write NAME=VALUE")
    return name, value


def _state(one: dict[str, Any]) -> str:
    if not one["enabled"]:
        return "off"
    return "takes nothing" if one["failing_since"] else "on"
