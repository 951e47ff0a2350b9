"""Whose a job is: what the caller may see of answers that speak of several jobs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from tensorfleet.access.current import the_caller
from tensorfleet.access.model import Permission
from tensorfleet.errors import NotFound

MOST = 100_000
ANOTHER = "another workspace"
ELSEWHERE = f"a job of {ANOTHER}"
_JOB_ID = re.compile(r"\bj-[0-9a-hjkmnp-tv-z]{16}\b")


class Whose:
    """Remembers the workspaces of jobs, which never change."""

    def __init__(
        self, look_up: Callable[[str], str | None], workspaces: Callable[[], Iterable[str]] = tuple
    ) -> None:
        """`workspaces`: the names of all that have jobs."""
        self._look_up = look_up
        self._workspaces = workspaces
        self._known: dict[str, str] = {}

    def workspace_of(self, job_id: str) -> str | None:
        """None if there is no such job; blocks for one that was not asked for before."""
        found = self._known.get(job_id)
        if found is None:
            found = self._look_up(job_id)
            if found is not None:
                if len(self._known) >= MOST:
                    self._known.clear()
                self._known[job_id] = found
        return found

    def may_see(self, job_id: str) -> bool:
        """Whether the caller may read the job; no to one that there is not."""
        who = the_caller()
        if Permission.JOBS_READ in who.everywhere:
            return True
        workspace = self.workspace_of(job_id)
        return workspace is not None and who.may(Permission.JOBS_READ, workspace)

    def find(self, job_id: str) -> str:
        """The workspace of a job that the caller may read.

        Raises:
            NotFound: it may not, or there is none.
        """
        workspace = self._look_up(job_id)  # not what is remembered: a job may be gone
        if workspace is None or not self.may_see(job_id):
            raise NotFound(
                f"there is no job '{job_id[:80]}'; `tensorfleet jobs list` shows those that there are"
            )
        return workspace

    def redacted(self, answer: Any) -> Any:
        """The same answer, with jobs and workspaces that the caller may not see taken out of all its texts."""
        who = the_caller()
        if Permission.JOBS_READ in who.everywhere:
            return answer
        hidden = {name for name in self._workspaces() if not who.knows(name)}
        return self._redacted(answer, hidden)

    def _redacted(self, value: Any, hidden: set[str]) -> Any:
        if isinstance(value, str):
            return self._redacted_text(value, hidden)
        if isinstance(value, dict):
            return {
                self._redacted_text(key, hidden): self._redacted(item, hidden) for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._redacted(item, hidden) for item in value]
        return value

    def _redacted_text(self, text: str, hidden: set[str]) -> str:
        if text in hidden:
            return ANOTHER
        text = _JOB_ID.sub(lambda found: found[0] if self.may_see(found[0]) else ELSEWHERE, text)
        for name in hidden:
            text = text.replace(f"workspace {name} ", f"{ANOTHER} ")
        return text
