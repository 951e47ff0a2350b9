"""A study as it runs: in a terminal a table of the best trials, in a pipe a line for each trial that ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tensorfleet.cli.output import number, printable, screen, values

if TYPE_CHECKING:
    from rich.table import Table

    from tensorfleet.sdk.events import Event
    from tensorfleet.sdk.studies import Study

ROWS = 10
_STYLES = {"completed": "green", "pruned": "yellow", "failed": "red", "cancelled": "dim"}


class TrialBoard:
    """Follows one study to its end.  `quiet`: shows nothing."""

    def __init__(self, study: Study, *, quiet: bool = False) -> None:
        self._study = study
        self._quiet = quiet
        self._tune = study.data["spec"]["tune"]
        self._sign = -1.0 if self._tune["objective"][0]["direction"] == "maximize" else 1.0
        self._metric = self._tune["objective"][0]["metric"]
        self._trials: list[dict[str, Any]] = []

    def run(self) -> None:
        console = screen()
        if self._quiet or not console.is_terminal:
            for event in self._study.stream():
                if self.take(event) and not self._quiet:
                    sys.stdout.write(self.line() + "\n")
                    sys.stdout.flush()
            return
        from rich.live import Live

        with Live(self.table(), console=console, refresh_per_second=8) as live:
            for event in self._study.stream():
                if self.take(event):
                    live.update(self.table())

    def take(self, event: Event) -> bool:
        """True when a trial has ended."""
        word, _, state = event.kind.partition(".")
        if word != "trial":
            return False
        self._trials.append({**event.data, "state": state})
        return True

    def line(self) -> str:
        """The last trial: `trial 3  completed  accuracy 0.97  C 0.2  best 0.98`."""
        trial = self._trials[-1]
        parts = [f"trial {trial['trial']}", trial["state"]]
        if trial["values"]:
            parts.append(f"{self._metric} {number(trial['values'][0])}")
        parts.append(values(trial["params"]))
        best = self._ranked()[:1]
        if best:
            parts.append(f"best {number(best[0]['values'][0])} (trial {best[0]['trial']})")
        if trial.get("reason"):
            parts.append(str(trial["reason"]))
        return printable("  ".join(parts))

    def table(self) -> Table:
        """How far it is, and the best trials so far."""
        from rich.table import Table
        from rich.text import Text

        ended = len(self._trials)
        title = f"{printable(self._study.name)}: {ended} of {self._tune['trials']} trials"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for name in ("trial", "state", printable(self._metric), "params"):
            table.add_column(name)
        for trial in self._ranked()[:ROWS]:
            shown = (str(trial["trial"]), trial["state"], number(trial["values"][0]), values(trial["params"]))
            cells = [Text(printable(cell), style=_STYLES.get(cell, "")) for cell in shown]
            table.add_row(*cells)
        return table

    def _ranked(self) -> list[dict[str, Any]]:
        done = [trial for trial in self._trials if trial["state"] == "completed"]
        return sorted(done, key=lambda trial: (self._sign * trial["values"][0], trial["trial"]))
