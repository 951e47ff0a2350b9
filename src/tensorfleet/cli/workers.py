"""`tensorfleet workers`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tensorfleet.cli import completing, session
from tensorfleet.cli.session import AsJson

app = typer.Typer(no_args_is_help=True, help="See and change the fleet.")

WorkerRef = Annotated[
    str,
    typer.Argument(
        metavar="WORKER",
        help="An id, the beginning of one, or a name.",
        autocompletion=completing.workers,
    ),
]


@app.command("list")
def list_workers(as_json: AsJson = False) -> None:
    """List the workers."""
    from tensorfleet.cli.output import ago, emit_json, print_table

    with session.connect() as client:
        found = client.workers.list()
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            worker["worker_id"],
            worker["name"],
            worker["state"],
            f"{worker['busy']}/{worker['slots']}",
            _percent(worker, "cpu_percent"),
            _percent(worker, "memory_percent"),
            str(len((worker.get("resources") or {}).get("gpus") or [])),
            str((worker.get("health") or {}).get("status", "unchecked")),
            ago(worker.get("seen_at")),
        )
        for worker in found
    ]
    headers = ("id", "name", "state", "busy", "cpu", "memory", "gpus", "health", "seen")
    print_table(headers, rows, empty="There are no workers; start some with `tensorfleet agent`.")


@app.command()
def show(ref: WorkerRef, as_json: AsJson = False) -> None:
    """Show one worker and what it runs."""
    from tensorfleet.cli.health import health_pairs
    from tensorfleet.cli.output import ago, emit_json, print_pairs
    from tensorfleet.kit.units import format_bytes

    with session.connect() as client:
        worker = client.workers.find(ref)
    if as_json:
        emit_json(worker)
        return
    resources = worker.get("resources") or {}
    tasks = [f"{task['job_id']} rank {task['rank']}" for task in worker.get("tasks") or []]
    pairs = [
        ("state", str(worker["state"])),
        ("busy", f"{worker['busy']} of {worker['slots']} slots"),
        ("cpus", f"{resources.get('cpus', '')}"),
        ("memory", format_bytes(float(resources.get("memory_bytes") or 0))),
        ("gpus", str(len(resources.get("gpus") or []))),
        ("cpu use", _percent(worker, "cpu_percent")),
        ("memory use", _percent(worker, "memory_percent")),
        ("runs", ", ".join(tasks) or "nothing"),
        ("joined", ago(worker.get("joined_at"))),
        ("seen", ago(worker.get("seen_at"))),
        *health_pairs(worker),
    ]
    print_pairs(f"{worker['name']}  {worker['worker_id']}", pairs)


@app.command()
def drain(
    ref: WorkerRef,
    undo: Annotated[bool, typer.Option("--undo", help="End the drain: give it tasks again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a worker no new tasks; those that it runs go on to their end."""
    from tensorfleet.cli.output import emit_json, printable

    with session.connect() as client:
        worker = client.workers.find(ref)
        answer = client.workers.drain(worker["worker_id"], undo=undo)
    if as_json:
        emit_json(answer)
    else:
        sys.stdout.write(
            f"{worker['worker_id']} ({printable(worker['name'])}) {'takes tasks again' if undo else 'takes no new tasks'}\n"
        )


@app.command()
def quarantine(
    ref: WorkerRef,
    reason: Annotated[str, typer.Option("--reason", help="Why; others read it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Place nothing new on a worker until it is released; what it runs goes on."""
    from tensorfleet.cli.output import emit_json, printable

    with session.connect() as client:
        worker = client.workers.find(ref)
        answer = client.workers.quarantine(worker["worker_id"], reason)
    if as_json:
        emit_json(answer)
    else:
        sys.stdout.write(
            f"{worker['worker_id']} ({printable(worker['name'])}) is in quarantine until `tensorfleet workers release`\n"
        )


@app.command()
def release(ref: WorkerRef, as_json: AsJson = False) -> None:
    """End the quarantine of a worker, and of the others of its machine."""
    from tensorfleet.cli.output import emit_json, printable

    with session.connect() as client:
        worker = client.workers.find(ref)
        answer = client.workers.release(worker["worker_id"])
    if as_json:
        emit_json(answer)
    else:
        sys.stdout.write(f"{worker['worker_id']} ({printable(worker['name'])}) takes tasks again\n")


@app.command()
def check(ref: WorkerRef, as_json: AsJson = False) -> None:
    """Look at a worker's machine now: clock, disk, memory, GPUs, and the way to others.  Exit code 1 if it has failed."""
    from tensorfleet.cli.health import checked, health_pairs
    from tensorfleet.cli.output import emit_json, print_pairs

    with session.connect() as client:
        worker = checked(client, client.workers.find(ref)["worker_id"])
    if as_json:
        emit_json(worker)
    else:
        print_pairs(f"{worker['name']}  {worker['worker_id']}", health_pairs(worker))
    if worker["health"]["status"] == "failed":
        raise typer.Exit(1)


@app.command()
def scale(
    workers: Annotated[
        int, typer.Argument(min=1, max=1024, help="How many tasks the fleet may run at a time.")
    ],
    as_json: AsJson = False,
) -> None:
    """Change how many tasks the fleet may run at a time; it keeps that until `up --workers` gets another number.

    Running tasks go on, also when there are more of them than the new number.
    """
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        answer = client.workers.scale(workers)
    if as_json:
        emit_json(answer)
    else:
        sys.stdout.write(f"the fleet may run {workers} tasks at a time\n")


@app.command()
def usage(
    ref: Annotated[
        str | None,
        typer.Argument(
            metavar="[WORKER]",
            help="An id, the beginning of one, or a name; the whole fleet when left out.",
            autocompletion=completing.workers,
        ),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="So far back from now.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Show how busy a worker or the fleet was over time."""
    from tensorfleet.cli.output import emit_json
    from tensorfleet.cli.usage import print_usage

    with session.connect() as client:
        worker_id = None if ref is None else str(client.workers.find(ref)["worker_id"])
        found = client.workers.usage(worker_id, hours=hours)
    if as_json:
        emit_json(found)
    else:
        print_usage(found)


@app.command()
def scaling(as_json: AsJson = False) -> None:
    """Show how many workers the autoscaler wants, and its latest decisions with their reasons."""
    from tensorfleet.cli.output import emit_json
    from tensorfleet.cli.scaling import print_scaling

    with session.connect() as client:
        found = client.workers.scaling()
    if as_json:
        emit_json(found)
    else:
        print_scaling(found)


@app.command()
def target(
    workers: Annotated[str, typer.Argument(help="How many workers there are to be, or auto.")],
    as_json: AsJson = False,
) -> None:
    """Set the number of workers by hand, within the autoscaler's limits; `auto` leaves it to load and queue again."""
    from tensorfleet.cli.output import emit_json

    if workers != "auto" and not workers.isdecimal():
        raise typer.BadParameter(f"'{workers}' is neither a number of workers nor auto")
    with session.connect() as client:
        answer = client.workers.target(None if workers == "auto" else int(workers))
    if as_json:
        emit_json(answer)
    elif workers == "auto":
        sys.stdout.write("the fleet goes by load and queue\n")
    else:
        sys.stdout.write(f"the fleet is to have {workers} workers, until `tensorfleet workers target auto`\n")


def _percent(worker: dict[str, Any], key: str) -> str:
    value = (worker.get("stats") or {}).get(key)
    return "" if value is None else f"{float(value):.0f}%"
