"""Calls of programs over gRPC that change something, taken down for the audit log, as the gateway does it for its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog

from tensorfleet.access.model import ROOT_ID
from tensorfleet.audit.anchors import ObjectAnchors
from tensorfleet.audit.current import noting
from tensorfleet.audit.journal import Journal
from tensorfleet.audit.model import Draft, Keys, change_of, derive_keys, link
from tensorfleet.audit.ports import AuditFilter
from tensorfleet.audit.service import AuditLog, Upkeep, to_us
from tensorfleet.audit.spool import Spool
from tensorfleet.audit.store import SqlAuditStore
from tensorfleet.composition import Services
from tensorfleet.errors import TensorFleetError
from tensorfleet.kit.clock import Clock, utc_now
from tensorfleet.kit.ids import new_id
from tensorfleet.trust.roles import Peer

SPOOL_FOLDER = "audit"
"""The gateway's: whichever of the two starts next takes over what the other has left."""
_HERE = "socket"
log = structlog.get_logger()


class AuditedCalls:
    """Takes down calls.  A call is on the disk before it is made, and its answer waits for that."""

    def __init__(
        self,
        journal: Journal,
        may_append: Callable[[], bool],
        caller: Callable[[Any], Peer | None],
        clock: Clock,
    ) -> None:
        """`caller` knows whom the certificate of a connection names; `may_append` is asked once the store is there."""
        self._journal = journal
        self._may_append = may_append
        self._caller = caller
        self._clock = clock
        self._records = False

    def start(self) -> None:
        self._records = self._may_append()
        if self._records:
            self._journal.start()
        else:
            log.warning(
                "the audit log was written with another token than this home's: calls over gRPC are not in it; give the homes "
                "of gateways and orchestrators one token"
            )

    def close(self) -> None:
        self._journal.close()

    @asynccontextmanager
    async def told(self, action: str, context: Any, job_id: str | None = None) -> AsyncIterator[None]:
        """Around a call that changes a job; what it notes of itself is in its entry."""
        if not self._records:
            yield
            return
        draft = self._draft(action, context, job_id)
        taken = self._journal.begin(draft)
        written = asyncio.get_running_loop().run_in_executor(None, self._journal.sync, taken)
        outcome: int | None = None
        with noting() as notes:
            try:
                yield
                outcome = 200
            except TensorFleetError as error:
                outcome = error.http_status
                raise
            finally:
                kind, target = notes.target or (draft.target_kind, draft.target)
                self._journal.end(
                    taken,
                    replace(
                        draft,
                        outcome=outcome,
                        target_kind=kind,
                        target=target,
                        workspace=notes.workspace,
                        before=change_of(notes.before),
                        after=change_of(notes.after),
                    ),
                )
        await written

    def _draft(self, action: str, context: Any, job_id: str | None) -> Draft:
        peer = self._caller(context)
        return Draft(
            id=new_id("a"),
            at=to_us(self._clock()),
            action=action,
            actor_id=f"{peer.role}:{peer.name}" if peer else ROOT_ID,
            actor_name=peer.name if peer else ROOT_ID,
            via="certificate" if peer else "token",
            credential=peer.serial if peer else None,
            source=source_of(str(context.peer())),
            target_kind="job",
            target=job_id,
        )


def source_of(peer: str) -> str:
    """The address in gRPC's name of the other end, such as `ipv4:10.0.0.7:4711` or `ipv6:%5B::1%5D:4711`."""
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return _HERE
    return rest.rpartition(":")[0].replace("%5B", "").replace("%5D", "").strip("[]")


def is_ours(store: SqlAuditStore, keys: Keys) -> bool:
    """Whether the end of the chain was written with these keys: an entry with others would make all of it look forged."""
    newest = store.page(AuditFilter(), 2, None)
    if not newest or (len(newest) == 1 and newest[0].seq > 1):
        return True
    last, before = newest[0], newest[1] if len(newest) > 1 else None
    return link(before, last.draft, keys).hash == last.hash


def audited_calls(services: Services, token: str) -> AuditedCalls:
    """Over the orchestrator's services.  Nothing is appended before `start`."""
    from tensorfleet.orchestrator.trusted import caller

    settings = services.settings
    store, anchors, keys = (
        SqlAuditStore(services.database),
        ObjectAnchors(services.objects),
        derive_keys(token),
    )
    upkeep = Upkeep(AuditLog(store, anchors, keys, utc_now), store, anchors, keys, utc_now, None)
    journal = Journal(store, Spool(settings.home / SPOOL_FOLDER), keys, upkeep)
    return AuditedCalls(journal, lambda: is_ours(store, keys), caller, utc_now)
