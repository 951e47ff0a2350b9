"""Several jobs at once, one line each, as they run: bars in a terminal, a plain line per change in a pipe."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.charts import sparkline
from tensorfleet.cli.lane import Lane, Note
from tensorfleet.cli.output import STATUS_STYLES, printable
from tensorfleet.errors import TensorFleetError, Unavailable
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.units import format_duration
from tensorfleet.sdk.jobs import Job

_MARKS = {"queued": "○", "running": "●", "paused": "◌", "completed": "✓", "failed": "✗", "cancelled": "–"}
_REFRESH_S = 0.5
_FRAMES_PER_S = 10
_GAP = 2
_SPARK = 8
_METRICS = 32

_News = tuple[Lane, "list[Note] | TensorFleetError | None"]


class LiveBoard:
    """Follows jobs until all have ended.

    >>> board = LiveBoard([client.submit("a.yaml"), client.submit("b.yaml")], Console())
    >>> all_completed = board.run()
    """

    def __init__(
        self, jobs: Sequence[Job], console: Console, *, logs: bool = True, clock: Clock = utc_now
    ) -> None:
        self.lanes = [Lane(job) for job in jobs]
        self._console = console
        self._logs = logs
        self._clock = clock
        self._news: queue.Queue[_News] = queue.Queue()
        self._stopped = threading.Event()

    def run(self) -> bool:
        """Shows the jobs until they have ended; True when all completed.

        Raises:
            TensorFleetError: a stream could not be followed any longer; the jobs go on.
            KeyboardInterrupt: passed on; the jobs go on.
        """
        threads = [threading.Thread(target=self._follow, args=(lane,), daemon=True) for lane in self.lanes]
        for thread in threads:
            thread.start()
        try:
            if self._console.is_terminal:
                self._show_live()
            else:
                self._collect(lambda: None)
        finally:
            self._stopped.set()
        for thread in threads:
            thread.join()
        return all(lane.state == "completed" for lane in self.lanes)

    def render(self, width: int) -> Table:
        """The board at this moment, one row per job."""
        return render_lanes(self.lanes, width, self._clock())

    def _show_live(self) -> None:
        def draw() -> None:
            live.update(Group(Text(), self.render(self._console.width)), refresh=True)

        with Live(console=self._console, auto_refresh=False) as live:
            draw()
            self._collect(draw)
            draw()

    def _collect(self, draw: Callable[[], None]) -> None:
        left = len(self.lanes)
        while left:
            try:
                lane, news = self._news.get(timeout=1 / _FRAMES_PER_S)
            except queue.Empty:
                draw()
                continue
            if isinstance(news, TensorFleetError):
                raise news
            for note in news or ():
                self._tell(lane, note)
            if news is None:
                left -= 1
                self._tell(lane, Note("outcome", lane.outcome()))
            if self._news.empty():
                draw()

    def _tell(self, lane: Lane, note: Note) -> None:
        if note.kind == "log" and not self._logs:
            return
        live = self._console.is_terminal
        if (
            live
            and note.kind in ("metrics", "outcome")
            and not (note.kind == "outcome" and lane.state == "failed")
        ):
            return  # the board shows it
        name = f"{printable(lane.job.name)}  " if len(self.lanes) > 1 or not live else ""
        style = {"log": "dim", "outcome": "red"}.get(note.kind, "") if live else ""
        self._console.print(Text(f"{name}{printable(note.text)}", style=style), soft_wrap=True)

    def _follow(self, lane: Lane) -> None:
        asked = time.monotonic()
        try:
            for event in lane.job.watch(quiet_s=5.0):
                if self._stopped.is_set():
                    return
                if time.monotonic() - asked > _REFRESH_S:
                    asked = time.monotonic()
                    with contextlib.suppress(Unavailable):
                        lane.job.refresh()
                if event is not None:
                    self._news.put((lane, lane.apply(event)))
            self._news.put((lane, lane.end()))
            self._news.put((lane, None))
        except TensorFleetError as error:
            self._news.put((lane, error))


def render_lanes(lanes: Sequence[Lane], width: int, now: datetime) -> Table:
    """The rows, laid out for `width` columns: texts first, then bar and course of the loss."""
    names = [Text(printable(lane.job.name), style="bold") for lane in lanes]
    kinds = [Text(_kind(lane), style="dim") for lane in lanes]
    metrics = [_metrics(lane) for lane in lanes]
    for texts, most in ((names, 18), (kinds, 18), (metrics, _METRICS)):
        for text in texts:
            text.truncate(most, overflow="ellipsis")
    fixed = [max(text.cell_len for text in texts) for texts in (names, kinds, metrics)]
    fixed[2] = (
        _METRICS if width >= 100 else min(_METRICS, max(fixed[2], 20))
    )  # so that the bar keeps its place
    room = width - sum(fixed) - 4 - 11 - 8 - 6 * _GAP
    spark = _SPARK if room >= _SPARK + _GAP + 9 else 0
    bar = max(6, min(30, room - (spark + _GAP if spark else 0)))
    table = Table.grid(padding=(0, _GAP, 0, 0))
    for size in (*fixed[:2], bar, 4, fixed[2], *([spark] if spark else []), 11, 8):
        table.add_column(width=size, no_wrap=True, overflow="ellipsis")
    for lane, name, kind, shown in zip(lanes, names, kinds, metrics, strict=True):
        course = [Text(sparkline(lane.losses(), spark), style="cyan")] if spark else []
        percent = Text(f"{lane.progress:4.0%}", justify="right")
        table.add_row(name, kind, _bar(lane, bar), percent, shown, *course, _state(lane), _elapsed(lane, now))
    return table


def _kind(lane: Lane) -> str:
    return printable(lane.algorithm) + (f" ×{lane.workers}" if lane.workers > 1 else "")


def _metrics(lane: Lane) -> Text:
    text = Text()
    for name, value in lane.key_metrics():
        text.append(f"{printable(name)} ", style="dim")
        text.append(f"{value:.3g}  ")
    text.rstrip()
    return text


def _bar(lane: Lane, width: int) -> ProgressBar:
    colour = {"failed": "red", "cancelled": "bright_black", "completed": "green"}.get(lane.state, "cyan")
    return ProgressBar(
        total=1.0,
        completed=lane.progress,
        width=width,
        style="bright_black",
        complete_style=colour,
        finished_style=colour,
    )


def _state(lane: Lane) -> Text:
    return Text(f"{_MARKS.get(lane.state, '?')} {lane.state}", style=STATUS_STYLES.get(lane.state, ""))


def _elapsed(lane: Lane, now: datetime) -> Text:
    seconds = lane.elapsed_s(now)
    return Text("" if seconds is None else format_duration(seconds), style="dim", justify="right")
