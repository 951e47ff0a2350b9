"""`tensorfleet jobs`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tensorfleet.cli import (
    cancelling,
    evaluation,
    job_files,
    leaderboard,
    ledger,
    made_of,
    plots,
    profiling,
    session,
)
from tensorfleet.cli.session import AsJson, JobRef

if TYPE_CHECKING:
    from tensorfleet.sdk.events import Event
    from tensorfleet.sdk.jobs import Job

DRAWN_POINTS = 1000
app = typer.Typer(no_args_is_help=True, help="List, follow and steer jobs.")
made_of.add_to(app)
evaluation.add_to(app)
plots.add_to(app)
leaderboard.add_to(app)
job_files.add_to(app)
cancelling.add_to(app)
profiling.add_to(app)


@app.command("list")
def list_jobs(
    status: Annotated[
        list[str] | None, typer.Option(help="Only jobs in this status; several times for several.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs of this name.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Only jobs with this in their name, or at the begin of their id.")
    ] = None,
    algorithm: Annotated[str | None, typer.Option(help="Only jobs of this algorithm.")] = None,
    study: Annotated[str | None, typer.Option(help="Only trials of this study, an id or a name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    from tensorfleet.cli.output import ago, emit_json, print_table, took, values

    with session.connect() as client:
        of = client.studies.find(study).id if study else None
        found = client.jobs.list(
            status=status, name=name, study=of, search=search, algorithm=algorithm, limit=limit
        )
    if as_json:
        emit_json([job.data for job in found])
        return
    rows = [
        (
            job.id,
            job.name,
            job.status,
            f"{float(job.data.get('progress') or 0):.0%}",
            values(dict(list((job.data.get("metrics") or {}).items())[:2])),
            took(job.data.get("started_at"), job.data.get("finished_at")),
            ago(job.data.get("created_at")),
        )
        for job in found
    ]
    headers = ("id", "name", "status", "done", "metrics", "took", "submitted")
    print_table(headers, rows, empty="There are no jobs yet; submit one with `tensorfleet submit job.yaml`.")


@app.command()
def show(ref: JobRef, as_json: AsJson = False) -> None:
    """Show one job."""
    from tensorfleet.cli.output import emit_json, print_pairs

    with session.connect() as client:
        job = client.jobs.find(ref)
        spent = [] if as_json else ledger.told_of_job(job)
    if as_json:
        emit_json(job.data)
        return
    print_pairs(f"{job.name}  {job.id}", [*_described(job.data), *spent])


def _described(data: dict[str, Any]) -> list[tuple[str, str]]:
    from tensorfleet.cli.output import ago, took, values

    spec = data.get("spec") or {}
    error = data.get("error") or {}
    model = f"{data['model_name']} version {data['version']}" if data.get("version") is not None else ""
    return [
        ("status", str(data["status"])),
        ("reason", str(data.get("reason") or "")),
        ("error", str(error.get("message") or "")),
        ("progress", f"{float(data.get('progress') or 0):.0%}"),
        ("runs", str(spec.get("algorithm") or spec.get("entrypoint") or "")),
        ("dataset", str(spec.get("dataset") or "")),
        ("workers", str(data.get("workers") or "")),
        ("attempt", str(data.get("attempt") or "")),
        ("steps lost", str(data.get("steps_lost") or "")),
        ("metrics", values(data.get("metrics") or {})),
        ("throughput", profiling.pace(data)),
        ("model", model),
        ("submitted", ago(data.get("created_at"))),
        ("started", ago(data.get("started_at"))),
        ("took", took(data.get("started_at"), data.get("finished_at"))),
        ("traceback", str(error.get("traceback") or "").strip().rsplit("\n", 1)[-1]),
    ]


@app.command()
def logs(
    ref: JobRef,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    rank: Annotated[int | None, typer.Option(min=0, help="Only this worker of the job.")] = None,
    tail: Annotated[int | None, typer.Option(min=1, help="Only the last lines.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print what the job's tasks wrote."""
    from tensorfleet.cli.output import emit_json_line

    with session.connect() as client:
        job = client.jobs.find(ref)
        prefixed = rank is None and int(job.data.get("workers") or 1) > 1
        for line in job.logs(follow=follow, rank=rank, tail=tail):
            if as_json:
                emit_json_line({"attempt": line.attempt, "rank": line.rank, "text": line.text})
                continue
            sys.stdout.write(f"{line.rank} | {line.text}\n" if prefixed else f"{line.text}\n")
            if follow:
                sys.stdout.flush()


@app.command()
def metrics(
    ref: JobRef,
    name: Annotated[str | None, typer.Option("--name", help="Only this metric.")] = None,
    points: Annotated[
        int | None,
        typer.Option("--points", min=1, help="With --json: so many of each at most, with its extremes."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the course of each metric."""
    from tensorfleet.cli.charts import sparkline
    from tensorfleet.cli.output import emit_json, number, print_table
    from tensorfleet.errors import NotFound, nearest

    with session.connect() as client:
        job = client.jobs.find(ref)
        summaries = job.metric_summaries()
        if name is not None and name not in summaries:
            raise NotFound(f"job {job.id} has no metric '{name}'; {nearest(name, summaries)}")
        found = job.metrics(points if as_json else DRAWN_POINTS, None if name is None else [name])
    if as_json:
        emit_json(
            {
                key: [{"step": p.step, "value": p.value, "at": p.at} for p in course]
                for key, course in found.items()
            }
        )
        return
    rows = []
    for key, course in found.items():
        if not course:
            continue  # nothing but what is not finite
        numbers = [point.value for point in course]
        ends = (number(numbers[0]), number(numbers[-1]), number(min(numbers)), number(max(numbers)))
        rows.append((key, f"{summaries[key].count:,}", *ends, sparkline(numbers, 24)))
    headers = ("metric", "points", "first", "last", "least", "greatest", "course")
    print_table(headers, rows, empty=f"Job {job.id} has reported no metrics yet.")


@app.command()
def why(ref: JobRef, as_json: AsJson = False) -> None:
    """Say why a job waits or failed, and what would help."""
    from tensorfleet.cli.output import emit_json, print_pairs
    from tensorfleet.cli.waiting import told

    with session.connect() as client:
        job = client.jobs.find(ref)
        answer = job.why()
    if as_json:
        emit_json(answer)
        return
    print_pairs(f"{job.name}  {job.id}  {answer['status']}", told(answer))


@app.command()
def events(
    ref: JobRef,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the job's history."""
    from tensorfleet.cli.output import emit_json_line, printable
    from tensorfleet.kit.clock import rfc3339

    with session.connect() as client:
        job = client.jobs.find(ref)
        for event in job.stream() if follow else job.events():
            if as_json:
                emit_json_line(
                    {"id": event.id, "kind": event.kind, "at": rfc3339(event.at), "data": event.data}
                )
                continue
            told = printable(_told(event))
            sys.stdout.write(f"{event.at.astimezone():%H:%M:%S}  {event.kind:<20}  {told[:400]}\n")


def _told(event: Event) -> str:
    import json

    if event.kind == "hang.found":  # the stacks of all ranks are for --json
        return str(event.data.get("message") or "")
    return json.dumps(event.data, ensure_ascii=False)[:200]


@app.command()
def cancel(ref: JobRef, as_json: AsJson = False) -> None:
    """Stop a job for good."""
    _steer(ref, "cancel", as_json)


@app.command()
def pause(ref: JobRef, as_json: AsJson = False) -> None:
    """Stop a job now; it is resumed from its last checkpoint."""
    _steer(ref, "pause", as_json)


@app.command()
def resume(ref: JobRef, as_json: AsJson = False) -> None:
    """Let a paused job go on."""
    _steer(ref, "resume", as_json)


@app.command()
def retry(ref: JobRef, as_json: AsJson = False) -> None:
    """Run a failed or cancelled job again."""
    _steer(ref, "retry", as_json)


@app.command()
def checkpoints(ref: JobRef, as_json: AsJson = False) -> None:
    """List the checkpoints that are kept of a job."""
    from tensorfleet.cli.output import ago, emit_json, print_table
    from tensorfleet.kit.units import format_bytes

    with session.connect() as client:
        found = client.jobs.find(ref).checkpoints()
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            str(one["step"]),
            str(one["attempt"]),
            format_bytes(float(one.get("bytes") or 0)),
            ago(one["at"]),
            one["key"],
        )
        for one in found
    ]
    headers = ("step", "attempt", "size", "saved", "object")
    print_table(headers, rows, empty="This job has no checkpoint.")


@app.command()
def fork(
    ref: JobRef,
    step: Annotated[
        int | None, typer.Option(min=0, help="Of the checkpoint; the newest one when left out.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change one field, such as hyperparameters.epochs=50."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show the new job to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Begin a new job at a checkpoint of another one; prints its id."""
    from tensorfleet.cli.submit import show_submitted, with_settings

    changes = with_settings({}, settings).spec
    with session.connect() as client:
        job = client.jobs.find(ref).fork(step, **changes)
        show_submitted(job, follow=follow, as_json=as_json)


def _steer(ref: str, verb: str, as_json: bool) -> None:
    from tensorfleet.cli.output import emit_json

    with session.connect() as client:
        job: Job = client.jobs.find(ref)
        before = job.status
        getattr(job, verb)()
    if as_json:
        emit_json(job.data)
    else:
        sys.stdout.write(f"{job.id} ({job.name}): {verb} requested (it was {before})\n")
