"""`tensorfleet demo`: a platform in a temporary home, two models trained at the same time, and what came of them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.cli.output import print_table
from tensorfleet.cli.platform import start_detached, wait_until_ready
from tensorfleet.kit.units import format_duration
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.jobs import Job
from tensorfleet.sdk.models import Model

if TYPE_CHECKING:
    from rich.console import Console

    from tensorfleet.settings import Settings

SLOTS = 3
LINE_WIDTH = 100
FOREST = {
    "name": "wine-forest",
    "algorithm": "random_forest",
    "dataset": "wine",
    "model_name": "wine",
    "hyperparameters": {"n_estimators": 300},
}
NETWORK = {
    "name": "digits-mlp",
    "algorithm": "mlp",
    "dataset": "digits",
    "model_name": "digits",
    "hyperparameters": {"hidden": [256, 128], "epochs": 20, "batch_size": 128, "learning_rate": 0.001},
    "resources": {"workers": 2},
}


def run_demo(keep: bool) -> int:
    """Runs the demo; 0 when both models were trained and registered."""
    from rich.console import Console

    console = Console(highlight=False, emoji=False, width=None)
    began = time.monotonic()
    with _platform(console, keep) as (settings, url):
        with Client(home=settings.home) as client:
            completed = _train(console, client)
        if completed:
            _say_goodbye(console, settings, url, keep, time.monotonic() - began)
    return 0 if completed else 1


@contextmanager
def _platform(console: Console, keep: bool) -> Iterator[tuple[Settings, str]]:
    """A platform in a home of its own, gone at the end unless it is to be kept."""
    from tensorfleet.settings import load_settings

    home = Path(tempfile.mkdtemp(prefix="tensorfleet-demo-"))
    settings = load_settings(home=home, port=0, workers=SLOTS)
    _heading(console, "Starting TensorFleet", f"one command, no services, home {home}")
    began = time.monotonic()
    process, log = start_detached(settings, tied=not keep)
    try:
        url = wait_until_ready(settings, process, log)
        took = format_duration(time.monotonic() - began)
        console.print(
            f"  ready at {url} after {took}: gateway, orchestrator, one agent with {SLOTS} worker slots"
        )
        yield settings, url
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            _stop(process)
            shutil.rmtree(home, ignore_errors=True)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _train(console: Console, client: Client) -> bool:
    from tensorfleet.cli.live import LiveBoard

    _heading(
        console,
        "Training",
        "a random forest on wine and a neural network on digits, over two workers, at once",
    )
    jobs = [client.submit(FOREST), client.submit(NETWORK)]
    if not LiveBoard(jobs, console, logs=False).run():
        for job in jobs:
            console.print(f"  {job.name}: {job.refresh().status}: {job.reason}")
        return False
    for job in jobs:
        job.refresh()
    _heading(console, "Results", "on rows that were held out of training")
    _show_results(jobs, [job.model for job in jobs])
    for job in jobs:
        _show_predictions(console, job)
    return True


def _show_results(jobs: Sequence[Job], models: Sequence[Model]) -> None:
    rows = [
        (
            job.name,
            str(job.data["spec"]["algorithm"]),
            str(job.data["workers"]),
            f"{job.data['metrics']['accuracy']:.4f}",
            f"{job.data['metrics']['f1_macro']:.4f}",
            f"{model.name}, version {model.version}",
        )
        for job, model in zip(jobs, models, strict=True)
    ]
    print_table(("job", "algorithm", "workers", "accuracy", "F1", "registered model"), rows, empty="")


def _show_predictions(console: Console, job: Job) -> None:
    samples: list[dict[str, Any]] = (job.data.get("evaluation") or {}).get("samples", [])
    if not samples:
        return
    from rich.text import Text

    right = [sample["predicted"] == sample["truth"] for sample in samples]
    width = max(len(str(sample[side])) for sample in samples for side in ("predicted", "truth"))
    shown = max(1, min(len(samples), (LINE_WIDTH - 16) // (width + 1)))
    note = (
        f"{sum(right)} of {len(samples)} right, {shown} of them shown"
        if shown < len(samples)
        else f"{sum(right)} of {len(samples)} right"
    )
    console.print(Text.assemble(f"\n  {job.data['model_name']}  ", (note, "dim")), soft_wrap=True)
    for side in ("predicted", "truth"):
        line = Text(f"    {side:<9}  ")
        for sample, good in zip(samples[:shown], right, strict=False):
            line.append(f"{sample[side]!s:<{width}} ", style="green" if good else "bold red")
        console.print(line, soft_wrap=True)


def _say_goodbye(console: Console, settings: Settings, url: str, keep: bool, took_s: float) -> None:
    _heading(console, "Next", f"all of this took {format_duration(took_s)}")
    if keep:
        console.print(f"  It goes on running at {url}.  Try:\n")
        prefix = f"TENSORFLEET_HOME={settings.home} .venv/bin/tensorfleet"
        for command, what in (
            ("open", "its page, signed in"),
            ("jobs list", "what ran"),
            ("jobs metrics digits-mlp", "how it learned"),
            ("models list", "what came of it"),
            ("down", "stop it"),
        ):
            console.print(f"    {prefix} {command}    [dim]# {what}[/dim]", soft_wrap=True)
        return
    console.print("  Start your own, and give it a table of yours:\n")
    for command in (
        ".venv/bin/tensorfleet up",
        ".venv/bin/tensorfleet datasets add mytable.csv",
        ".venv/bin/tensorfleet submit examples/iris.yaml --follow",
    ):
        console.print(f"    {command}", soft_wrap=True)
    console.print("\n  README.md goes on from here; `make demo KEEP=1` leaves the demo running.")


def _heading(console: Console, title: str, rest: str) -> None:
    from rich.text import Text

    console.print(Text.assemble("\n", (title, "bold"), ("  " + rest, "dim")), soft_wrap=True)
