"""What can be asked of service levels: the report of a month, and how the objectives stand now."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.clock import Clock, rfc3339
from tensorfleet.ledger.budgets import month_after, month_of
from tensorfleet.sla.figures import Api, Jobs
from tensorfleet.sla.model import WINDOWS, Name, Objective, Objectives, Standing, burn_rate
from tensorfleet.sla.ports import JobFigures, Measurements
from tensorfleet.sla.schemas import api_to_dict, jobs_to_dict, standing_to_dict

Burn = Mapping[str, float | None]


@dataclass(frozen=True)
class _Time:
    """From when to when is looked at; `to_come_s`: what of the month is still ahead."""

    begin: datetime
    end: datetime
    now: datetime
    to_come_s: float = 0.0


class ServiceLevels:
    """Reads only.  Safe to use from several threads."""

    def __init__(
        self, jobs: JobFigures, measured: Measurements, objectives: Objectives, clock: Clock
    ) -> None:
        self._jobs = jobs
        self._measured = measured
        self._objectives = objectives
        self._clock = clock

    def report(
        self, month: str | None, workspace: str | None, visible: Collection[str] | None = None
    ) -> dict[str, Any]:
        """A month (UTC; this one so far if none is said), of one workspace, or of all together and each.

        Args:
            visible: where not all are to be told of, those that are.

        Raises:
            InvalidInput: it is not a month, or has not begun.
        """
        time = self._month(month)
        only = visible if workspace is None else (workspace,)
        found = self._jobs.read(time.begin, time.end, time.now, self._objectives.edges, only)
        api = self._api(time, by_minute=False)
        jobs = Jobs.summed(found.values())
        over = not time.to_come_s
        burn = None if over else self._burn(workspace, only)
        standings = self._standings(self._objectives.of(workspace), jobs, api, time)
        report = {
            "month": f"{time.begin:%Y-%m}",
            "from": rfc3339(time.begin),
            "to": rfc3339(time.end),
            "complete": over,
            "workspace": workspace,
            "objectives": [
                standing_to_dict(one, None if burn is None else self._with_month(one, burn))
                for one in standings
            ],
            "jobs": jobs_to_dict(jobs, self._objectives.edges),
            "api": api_to_dict(api, (time.end - time.begin).total_seconds()),
        }
        if workspace is None:
            report["workspaces"] = [
                self._of_workspace(name, found[name], api, time) for name in sorted(found)
            ]
        return report

    def standings(self) -> list[tuple[str | None, Standing]]:
        """How the objectives of all, and those of workspaces that have their own, stand this month."""
        time = self._month(None)
        api = self._api(time, by_minute=False)
        found = self._jobs.read(time.begin, time.end, time.now, self._objectives.edges, None)
        every = Jobs.summed(found.values())
        return [
            (name, one)
            for name in (None, *sorted(self._objectives.workspaces))
            for one in self._standings(
                self._objectives.own(name), every if name is None else found.get(name, Jobs()), api, time
            )
        ]

    def burning(self) -> list[tuple[str | None, Standing, Burn]]:
        """The same, with how fast the budgets burn: by window, and `month` for this month so far."""
        burns = {
            name: self._burn(name, None if name is None else (name,))
            for name in (None, *self._objectives.workspaces)
        }
        return [(name, one, self._with_month(one, burns[name])) for name, one in self.standings()]

    def _of_workspace(self, name: str, jobs: Jobs, api: Api, time: _Time) -> dict[str, Any]:
        standings = self._standings(self._objectives.of(name), jobs, api, time)
        return {
            "workspace": name,
            "objectives": [standing_to_dict(one) for one in standings],
            "jobs": jobs_to_dict(jobs, self._objectives.edges),
        }

    def _standings(
        self, objectives: Sequence[Objective], jobs: Jobs, api: Api, time: _Time
    ) -> list[Standing]:
        return [
            Standing(
                one,
                self._objectives.tally(one, jobs, api),
                time.to_come_s if one.name is Name.AVAILABILITY else 0.0,
            )
            for one in objectives
        ]

    def _burn(
        self, workspace: str | None, only: Collection[str] | None
    ) -> dict[Name, dict[str, float | None]]:
        now = self._clock()
        found: dict[Name, dict[str, float | None]] = {}
        for window, length in WINDOWS.items():
            time = _Time(now - length, now, now)
            every = self._jobs.read(time.begin, now, now, self._objectives.edges, only)
            jobs, api = Jobs.summed(every.values()), self._api(time, by_minute=True)
            for one in self._objectives.of(workspace):
                rate = burn_rate(one, self._objectives.tally(one, jobs, api))
                found.setdefault(one.name, {})[window] = rate
        return found

    def _with_month(self, standing: Standing, burn: Mapping[Name, Burn]) -> Burn:
        return {**burn[standing.objective.name], "month": burn_rate(standing.objective, standing.tally)}

    def _api(self, time: _Time, *, by_minute: bool) -> Api:
        answers = self._measured.answers(time.begin, time.end, by_minute=by_minute)
        return Api(self._measured.uptime(time.begin, time.end), tuple(answers))

    def _month(self, text: str | None) -> _Time:
        now = self._clock()
        begin = month_of(now) if text is None else parse_month(text)
        if begin > now:
            raise InvalidInput(f"month '{text}' has not begun; the latest is {now:%Y-%m}")
        end = month_after(begin)
        return _Time(begin, min(now, end), now, max(0.0, (end - now).total_seconds()))


def parse_month(text: str) -> datetime:
    match = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if match is None or not 1970 <= int(match[1]) < 9999:
        raise InvalidInput(f"'{text[:40]}' is not a month; write it like 2026-11")
    return datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC)
