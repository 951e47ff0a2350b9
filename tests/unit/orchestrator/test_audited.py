"""Calls over gRPC in the audit log: whose certificate, from where, and what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.schema import metadata
from tensorfleet.audit.current import note
from tensorfleet.audit.journal import Journal
from tensorfleet.audit.model import Draft, derive_keys, verify
from tensorfleet.audit.spool import Spool
from tensorfleet.audit.store import SqlAuditStore
from tensorfleet.errors import Conflict
from tensorfleet.orchestrator.audited import AuditedCalls, is_ours, source_of
from tensorfleet.trust.roles import CLIENT, Peer

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEYS = derive_keys("the home's token")
ANNAS = Peer(CLIENT, "annas-laptop", "4f3a", NOW + timedelta(days=1))


def context(peer: str) -> SimpleNamespace:
    return SimpleNamespace(peer=lambda: peer)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlAuditStore]:
    database = Database(f"sqlite:///{tmp_path / 'metadata.db'}")
    with database.begin() as connection:
        metadata.create_all(connection)
    yield SqlAuditStore(database)
    database.close()


def calls_of(store: SqlAuditStore, tmp_path: Path, peer: Peer | None) -> AuditedCalls:
    journal = Journal(store, Spool(tmp_path / "audit"), KEYS, lambda last: None)
    return AuditedCalls(journal, lambda: is_ours(store, KEYS), lambda context: peer, lambda: NOW)


async def test_a_call_is_told_with_the_certificates_name(store: SqlAuditStore, tmp_path: Path) -> None:
    calls = calls_of(store, tmp_path, ANNAS)
    calls.start()
    async with calls.told("jobs.submit", context("ipv6:%5Bfd00::7%5D:4711")):
        await asyncio.to_thread(note, target=("job", "j-1"), workspace="vision", after={"name": "cats"})
    with pytest.raises(Conflict):
        async with calls.told("jobs.cancel", context("ipv4:10.0.0.7:4711"), "j-1"):
            raise Conflict("it is completed")
    with pytest.raises(RuntimeError):
        async with calls.told("jobs.cancel", context("unix:"), "j-2"):
            raise RuntimeError("a defect")
    calls.close()
    submitted, cancelled, broken = (entry.draft for entry in store.walk())
    assert (submitted.actor_id, submitted.actor_name) == ("client:annas-laptop", "annas-laptop")
    assert (submitted.via, submitted.credential, submitted.source) == ("certificate", "4f3a", "fd00::7")
    assert (submitted.target, submitted.workspace, submitted.outcome) == ("j-1", "vision", 200)
    assert submitted.after == '{"name": "cats"}'
    assert (cancelled.target, cancelled.outcome, cancelled.source) == ("j-1", 409, "10.0.0.7")
    assert (broken.target, broken.outcome, broken.source) == ("j-2", None, "socket")
    assert verify(store.walk(), KEYS, []).ok


async def test_a_chain_of_another_token_is_left_alone(store: SqlAuditStore, tmp_path: Path) -> None:
    others = derive_keys("another token")
    for number in range(2):
        store.append([Draft(f"a-{number}", 0, "jobs.submit")], others)
    assert is_ours(store, others)
    calls = calls_of(store, tmp_path, None)
    calls.start()
    async with calls.told("jobs.cancel", context("unix:"), "j-1"):
        pass
    calls.close()
    assert len(list(store.walk())) == 2
    assert verify(store.walk(), others, []).ok


async def test_without_a_certificate_it_is_whoever_has_the_token(
    store: SqlAuditStore, tmp_path: Path
) -> None:
    calls = calls_of(store, tmp_path, None)
    calls.start()
    async with calls.told("jobs.cancel", context("unix:"), "j-1"):
        pass
    calls.close()
    (entry,) = store.walk()
    assert (entry.draft.actor_name, entry.draft.via, entry.draft.credential) == ("root", "token", None)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:4711", "10.0.0.7"),
        ("ipv6:[::1]:80", "::1"),
        ("unix:/run/x.sock", "socket"),
        ("", "socket"),
    ],
)
def test_addresses_are_read_out_of_the_names_of_grpc(peer: str, address: str) -> None:
    assert source_of(peer) == address
