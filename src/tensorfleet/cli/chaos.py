"""`tensorfleet chaos`: faults against a fleet of its own."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tensorfleet.errors import InvalidInput, nearest

_AGENTS = ("real", "sim")


def chaos(
    jobs: Annotated[int, typer.Option(min=1, help="How many jobs to run.")] = 100,
    seed: Annotated[int, typer.Option(help="Equal seeds plan equal jobs and faults.")] = 7,
    minutes: Annotated[
        float, typer.Option(help="Jobs that have not ended by then count as a problem.")
    ] = 15.0,
    agents: Annotated[
        str, typer.Option(help="How many of each kind, such as real:1,sim:4.")
    ] = "real:1,sim:4",
    faults: Annotated[
        str, typer.Option(help="Which faults: kill, stall, cut, slow, duplicate, late, database; or all.")
    ] = "all",
    database: Annotated[str, typer.Option(help="sqlite or postgresql.")] = "sqlite",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Kill, stall and cut a fleet of its own while jobs run, then check every job.

    The fleet lives in a temporary home and touches no other.  The exit code is 0 when every job ended as it had to and
    nothing was lost, doubled or left over, and 1 otherwise.
    """
    import asyncio
    import json
    import os

    os.environ.setdefault(
        "GRPC_ENABLE_FORK_SUPPORT", "false"
    )  # it starts processes, and none of them goes on with gRPC

    from tensorfleet.testing.chaos import report
    from tensorfleet.testing.chaos.plan import FAULTS, Options
    from tensorfleet.testing.chaos.run import run

    if database not in ("sqlite", "postgresql"):
        raise InvalidInput(f"--database is sqlite or postgresql, not '{database}'")
    chosen = FAULTS if faults == "all" else _faults(faults, FAULTS)
    counts = _agents(agents)
    options = Options(jobs=jobs, seed=seed, real=counts["real"], simulated=counts["sim"], faults=chosen)
    found = asyncio.run(run(options, database, minutes, _say))
    text = json.dumps(report.to_dict(found), indent=2) if as_json else report.to_text(found)
    sys.stdout.write(text + "\n")
    raise typer.Exit(0 if found.good else 1)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _faults(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise InvalidInput(f"--faults: there is no fault '{name}'; {nearest(name, known)}")
    return tuple(name for name in known if name in wanted)


def _agents(text: str) -> dict[str, int]:
    counts = dict.fromkeys(_AGENTS, 0)
    for part in text.split(","):
        kind, _, number = part.strip().partition(":")
        if kind not in counts or not number.isdecimal():
            raise InvalidInput(f"--agents '{text}' is not of the form real:1,sim:4")
        counts[kind] = int(number)
    if not sum(counts.values()):
        raise InvalidInput("--agents: at least one agent is needed")
    return counts
