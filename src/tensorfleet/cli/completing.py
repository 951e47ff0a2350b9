"""What the shell offers when Tab is pressed: names that the platform knows, if it answers at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tensorfleet.sdk.client import Client

LIMIT_S = 1.0
MOST = 100
Offer = tuple[str, str]
"""A word, and what it is."""


def jobs(incomplete: str) -> list[Offer]:
    """Names of the latest jobs; their ids for who has begun to write one."""
    return _offered(incomplete, lambda client: _of_jobs(client.jobs.list(limit=MOST), incomplete))


def studies(incomplete: str) -> list[Offer]:
    return _offered(
        incomplete, lambda client: _of_jobs(client.jobs.list(kind="tune", limit=MOST), incomplete)
    )


def _of_jobs(found: Iterable[Any], incomplete: str) -> Iterator[Offer]:
    for job in found:
        yield (job.id, f"{job.name}, {job.status}") if incomplete.startswith("j-") else (job.name, job.status)


def datasets(incomplete: str) -> list[Offer]:
    return _offered(incomplete, lambda client: [(one["name"], "dataset") for one in client.datasets.list()])


def models(incomplete: str) -> list[Offer]:
    """Names; behind an @ the aliases of that model."""
    name, at, _ = incomplete.partition("@")

    def found(client: Client) -> Iterator[Offer]:
        for one in client.models.list():
            if not at:
                yield one["name"], f"version {one['latest_version']}"
            elif one["name"] == name:
                for alias, version in (one.get("aliases") or {}).items():
                    yield f"{name}@{alias}", f"version {version}"

    return _offered(incomplete, found)


def workers(incomplete: str) -> list[Offer]:
    return _offered(incomplete, lambda client: [(one["name"], one["state"]) for one in client.workers.list()])


def workspaces(incomplete: str) -> list[Offer]:
    return _offered(
        incomplete, lambda client: [(one["name"], "workspace") for one in client.access.workspaces()]
    )


def users(incomplete: str) -> list[Offer]:
    return _offered(incomplete, lambda client: [(one["name"], "user") for one in client.access.users()])


def _offered(incomplete: str, ask: Callable[[Client], Iterable[Offer]]) -> list[Offer]:
    """Each word once; none when the platform is away, slow, or says no: a shell is no place for messages."""
    from tensorfleet.cli import session

    with contextlib.suppress(Exception), _in_time():
        with session.connect() as client:
            found = {word: what for word, what in reversed(list(ask(client))) if word.startswith(incomplete)}
        return sorted(found.items())[:MOST]
    return []


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    """Raises TimeoutError within, whatever it is that takes so long."""

    def over(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
