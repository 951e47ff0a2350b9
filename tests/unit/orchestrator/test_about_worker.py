"""What happens to a worker stands in the log, with the jobs that it touched, in the same transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tensorfleet.adapters.database import Database
from tensorfleet.adapters.migrate import ensure_schema
from tensorfleet.fleet.model import LOST_EVENT, LOW_DISK_EVENT, Worker, WorkerState
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.events import DiskLow, WorkerLost
from tensorfleet.jobs.overview import SqlOverview
from tensorfleet.jobs.store import SqlJobStore
from tensorfleet.orchestrator.handlers import about_worker

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
WORKER = Worker("w-1", "north", WorkerState.ONLINE, 2, {}, {}, NOW, NOW)


def test_a_lost_worker_and_a_full_disk_are_told(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tensorfleet.db'}")
    try:
        ensure_schema(database)
        store = SqlJobStore(database)
        with store.orchestrate() as tx:
            about_worker(tx, WORKER, LOW_DISK_EVENT, "5 MiB are free", DiskLow("w-1", 5 << 20), NOW)
            about_worker(tx, WORKER, LOST_EVENT, "it has said nothing for 8 s", WorkerLost("w-1"), NOW)
            recorded = [event.kind for event in tx.recorded]
        first, second = SqlEventLog(database).read_after(0)

        assert recorded == [LOW_DISK_EVENT, LOST_EVENT]
        assert (first.job_id, first.data["why"]) == (None, "5 MiB are free")
        assert second.data == {
            "worker": "w-1", "name": "north", "why": "it has said nothing for 8 s", "jobs": 0,
        }  # fmt: skip
        assert SqlOverview(database).workers_lost() == 1
    finally:
        database.close()
