"""Limits of workspaces, and what is over them.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any

from tensorfleet.errors import FieldError, OverQuota
from tensorfleet.kit.units import format_bytes
from tensorfleet.scheduling.model import Quota

CHANGED_EVENT = "quota.changed"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Limits:
    """What a workspace may take; None: as much as there is.

    Attributes:
        slots, cpus, gpus, memory_bytes: of all that runs at a time; the scheduler holds these.
        weight: in sharing a full fleet with others.
        queued_jobs: that wait at a time; trials of studies count, and are never refused.
        jobs_per_day: submitted within 24 hours, without the trials of studies.
        dataset_bytes: of all versions of all datasets.
    """

    slots: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    memory_bytes: int | None = None
    weight: float = 1.0
    queued_jobs: int | None = None
    jobs_per_day: int | None = None
    dataset_bytes: int | None = None

    @property
    def running(self) -> Quota:
        """What the scheduler has to know."""
        return Quota(self.slots, self.cpus, self.gpus, self.memory_bytes, self.weight)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Used:
    """What a workspace takes now."""

    slots: int = 0
    cpus: float = 0.0
    gpus: float = 0.0
    memory_bytes: int = 0
    queued_jobs: int = 0
    jobs_per_day: int = 0
    dataset_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def limits_from(stored: Mapping[str, Any]) -> Limits:
    """What was stored, by this version or by one that knew more or less."""
    known = {field.name for field in fields(Limits)}
    return Limits(**{name: value for name, value in stored.items() if name in known and value is not None})


def never_fits(limits: Limits, resources: Mapping[str, Any], workspace: str) -> list[FieldError]:
    """What of a job's `resources` is over the limits even if nothing else of its workspace ran, by field."""
    least = int(resources.get("min_workers") or resources["workers"])
    which = "min_workers" if resources.get("min_workers") else "workers"
    found = []
    if limits.slots is not None and least > limits.slots:
        found.append(
            _error(
                which, f"is {least}", "1 slot" if limits.slots == 1 else f"{limits.slots} slots", workspace
            )
        )
    for name, words, limit, each in (
        ("cpus", "CPUs", limits.cpus, float(resources.get("cpus") or 0)),
        ("gpus", "GPUs", limits.gpus, float(resources.get("gpus") or 0)),
    ):
        if limit is not None and least * each > limit + 1e-9:
            found.append(
                _error(
                    name,
                    _times(least, f"{each:g}", f"{least * each:g} {words}"),
                    f"{limit:g} {words}",
                    workspace,
                )
            )
    memory = int(resources.get("memory") or 0)
    if limits.memory_bytes is not None and least * memory > limits.memory_bytes:
        asked = _times(least, format_bytes(memory), format_bytes(least * memory))
        found.append(_error("memory", asked, f"{format_bytes(limits.memory_bytes)} of memory", workspace))
    return found


def _times(least: int, each: str, together: str) -> str:
    return f"is {each}" if least == 1 else f"is {each} for each of {least} workers, {together} together"


def _error(field: str, asked: str, limit: str, workspace: str) -> FieldError:
    message = (
        f"{asked}, but the quota of workspace {workspace} is {limit}, so it could never start; ask for less, or an administrator "
        "for more"
    )
    return FieldError(f"resources.{field}", message, "over_quota")


def check_queue(limits: Limits, queued: int, workspace: str) -> None:
    """Raises OverQuota when more wait than may."""
    if limits.queued_jobs is not None and queued > limits.queued_jobs:
        raise OverQuota(
            f"workspace {workspace} may have {limits.queued_jobs} jobs waiting, and has as many; submit it when some have started"
        )


def check_day(limits: Limits, submitted: int, workspace: str) -> None:
    """Raises OverQuota when more were submitted than may be."""
    if limits.jobs_per_day is not None and submitted > limits.jobs_per_day:
        raise OverQuota(
            f"workspace {workspace} may submit {limits.jobs_per_day} jobs in 24 hours, and has; submit it later, or ask an "
            "administrator for more"
        )


def check_datasets(limits: Limits, stored: int, added: int, workspace: str) -> None:
    """Raises OverQuota when the datasets are larger than they may be; `stored` includes what was `added`."""
    if limits.dataset_bytes is not None and stored > limits.dataset_bytes:
        raise OverQuota(
            f"the datasets of workspace {workspace} have {format_bytes(stored - added)} and may have "
            f"{format_bytes(limits.dataset_bytes)}, so {format_bytes(added)} more is too much; delete a dataset, or ask an "
            "administrator for more"
        )
