"""Twenty hangs, five of each kind, on a rank and at a step drawn by a seed: how soon found, and is the right rank named."""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tensorfleet
from benchmarks.fleet import fleet
from benchmarks.report import table, write
from tensorfleet.sdk.jobs import Job
from tensorfleet.testing import hangs

AFTER_S = 2.0
OF_EACH = 5
SEED = int(os.environ.get("BENCH_SEED", "7"))


@dataclass(frozen=True)
class Found:
    kind: str
    rank: int
    step: int
    named: list[int]
    within_s: float | None
    message: str
    completed: bool

    @property
    def right(self) -> bool:
        return self.named == [self.rank]

    @property
    def in_time(self) -> bool:
        return self.within_s is not None and self.within_s <= 2 * AFTER_S


def main() -> None:
    draw = random.Random(SEED)
    cases = [(kind, draw.randrange(2), draw.randint(2, 18)) for kind in hangs.KINDS * OF_EACH]
    with fleet(workers=2) as ours, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_text(hangs.SCRIPT)
        found = [one(ours.client, Path(folder), number, *case) for number, case in enumerate(cases)]
    rows = [
        (
            one.kind,
            str(one.rank),
            str(one.step),
            str(one.named),
            _seconds(one),
            "yes" if one.completed else "NO",
        )
        for one in found
    ]
    table(
        f"hangs with a limit of {AFTER_S:g} s",
        rows,
        ("kind", "rank", "step", "named", "found within", "completed then"),
    )
    right, in_time = sum(one.right for one in found), sum(one.in_time for one in found)
    print(
        f"\nthe right rank is named: {right} of {len(found)}; within twice the limit: {in_time} of {len(found)}"
    )
    write(
        "hangs",
        {
            "limit_s": AFTER_S, "seed": SEED, "of": len(found), "named_right": right, "within_twice_the_limit": in_time,
            "cases": [asdict(one) for one in found],
        },
    )  # fmt: skip


def one(client: tensorfleet.Client, folder: Path, number: int, kind: str, rank: int, step: int) -> Found:
    marker = folder / f"hung-{number}"
    given = hangs.parameters(kind, str(marker), rank=rank, step=step)
    job = client.submit(
        name="hang", entrypoint="main.py", code=str(folder), resources={"workers": 2}, hang={"after": AFTER_S},
        hyperparameters=given, retries=1,
    )  # fmt: skip
    completed = True
    try:
        job.wait(120)
    except (tensorfleet.errors.JobFailed, TimeoutError):
        completed = False
        job.cancel()
    events = _hangs(job)
    if not events:
        return Found(kind, rank, step, [], None, "", completed)
    data: dict[str, Any] = events[0].data
    stood_s = events[0].at.timestamp() - float(marker.read_text())
    culprits = data["evidence"]["culprits"] if len(events) == 1 else [-1]
    return Found(kind, rank, step, culprits, round(stood_s, 2), data["message"], completed)


def _hangs(job: Job) -> list[Any]:
    return [event for event in job.events() if event.kind == "hang.found"]


def _seconds(found: Found) -> str:
    return "not found" if found.within_s is None else f"{found.within_s:.2f} s"
