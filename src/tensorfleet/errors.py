"""Every error that TensorFleet raises on purpose.

TensorFleetError
├── InvalidInput          what was asked for can never work as written          400 / 422
│   ├── SpecInvalid       a job file or spec; names each field                  422
│   └── DataInvalid       a dataset or its file                                 422
├── NotAuthenticated      no token, or a wrong one                              401
├── NotPermitted          known, but not allowed                                403
├── NotFound              no such job, dataset, model ...                       404
├── Conflict              it exists, but its state forbids this                 409
│   ├── IllegalTransition a pair that the lifecycle table does not have         409
│   ├── OverQuota         its workspace has as much as it may have          409
│   ├── LostLead          an orchestrator that another one has taken over from  409
│   └── Replaced          an agent that a later one of its name took over from  409
├── PreconditionFailed    it is no longer as If-Match says                      412
├── TooLarge              over a size limit                                     413
├── StorageFull           no space left where it has to be written              507
├── TooManyRequests       more than one caller may ask; says when to ask again  429
├── Unavailable           a part is away; the same call may work later          503
├── Internal              a defect of ours                                      500
└── JobFailed             raised by the SDK when a job that is waited for fails

A message says what happened, the value, and what to do next.  `code` is stable: programs match on it, not on the text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

MOST_FIELDS = 20
"""How many fields that are wrong are named at once."""


class TensorFleetError(Exception):
    """Base of all errors raised on purpose; `str(error)` is one sentence for a person."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Error"
    http_status: ClassVar[int] = 500
    retriable: ClassVar[bool] = False
    wait_s: float = 0.0
    """How long to wait before the same call may work, as far as the server has said."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True)
class FieldError:
    """One field that is wrong: its path (`resources.workers`), what is wrong, and its code."""

    field: str
    message: str
    code: str = "invalid"

    def to_dict(self) -> dict[str, str]:
        return {"field": self.field, "message": self.message, "code": self.code}


class InvalidInput(TensorFleetError):
    code = "invalid_input"
    title = "Invalid input"
    http_status = 422

    def __init__(self, detail: str, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(islice(errors, MOST_FIELDS))


class SpecInvalid(InvalidInput):
    code = "spec_invalid"
    title = "The job cannot run as written"

    def __init__(self, errors: Iterable[FieldError]) -> None:
        found = tuple(islice(errors, MOST_FIELDS))
        super().__init__("; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in found), found)


class DataInvalid(InvalidInput):
    code = "data_invalid"
    title = "The data cannot be used"


class NotAuthenticated(TensorFleetError):
    code = "not_authenticated"
    title = "Not signed in"
    http_status = 401


class NotPermitted(TensorFleetError):
    code = "not_permitted"
    title = "Not permitted"
    http_status = 403


class NotFound(TensorFleetError):
    code = "not_found"
    title = "Not found"
    http_status = 404


class Conflict(TensorFleetError):
    code = "conflict"
    title = "Conflict"
    http_status = 409


class IllegalTransition(Conflict):
    code = "illegal_transition"
    title = "Not possible in this state"


class OverQuota(Conflict):
    code = "over_quota"
    title = "Over the workspace's quota"


class PreconditionFailed(TensorFleetError):
    code = "precondition_failed"
    title = "Not as it was"
    http_status = 412


class TooLarge(TensorFleetError):
    code = "too_large"
    title = "Too large"
    http_status = 413


class StorageFull(TensorFleetError):
    code = "storage_full"
    title = "No space left"
    http_status = 507


class LostLead(Conflict):
    code = "lost_lead"
    title = "Not the leader any more"


class Replaced(Conflict):
    code = "replaced"
    title = "Another has taken its place"


class TooManyRequests(TensorFleetError):
    """
    Attributes:
        wait_s: how long to wait before the same call may work.
    """

    code = "too_many_requests"
    title = "Too many requests"
    http_status = 429
    retriable = True

    def __init__(self, detail: str, wait_s: float = 1.0) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class Unavailable(TensorFleetError):
    code = "unavailable"
    title = "Not available now"
    http_status = 503
    retriable = True


class Internal(TensorFleetError):
    code = "internal"
    title = "Internal error"


class JobFailed(TensorFleetError):
    """A job that was waited for did not complete.

    Attributes:
        job: the job as the API returns it (a dict with at least `job_id`, `status`, `reason`, `error`).
    """

    code = "job_failed"
    title = "Job failed"

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        super().__init__(
            f"job {job['job_id']} ({job['name']}) {job['status']}: {job.get('reason') or 'no reason recorded'}"
        )


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` for the known name closest to `name`, or the list of known ones when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names[:30])}" if names else "there are none yet"


def all_error_classes() -> dict[str, type[TensorFleetError]]:
    """Every class of the tree by its `code` (the SDK maps answers back with it)."""
    found: dict[str, type[TensorFleetError]] = {}
    todo: list[type[TensorFleetError]] = [TensorFleetError]
    while todo:
        cls = todo.pop()
        found.setdefault(cls.code, cls)
        todo.extend(cls.__subclasses__())
    found["internal"] = Internal
    return found
