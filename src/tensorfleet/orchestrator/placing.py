"""Carries out what the scheduler decides, inside the transaction in which it was asked."""

from __future__ import annotations

import time
from datetime import datetime

from tensorfleet.fleet.model import Worker
from tensorfleet.jobs.events import Leased, Preempted, TimedOut
from tensorfleet.jobs.transaction import SqlJobTransaction
from tensorfleet.orchestrator.board import Board
from tensorfleet.orchestrator.handlers import apply_event
from tensorfleet.scheduling.model import Place, Preempt
from tensorfleet.scheduling.scheduler import schedule


def place_waiting(tx: SqlJobTransaction, board: Board, now: datetime) -> int:
    """Starts, and stops, what the scheduler says; returns how many jobs were started."""
    if not board.due():
        return 0
    stop_overdue(tx, board, now)
    gangs = []
    used = board.rendezvous
    began = time.monotonic()
    decisions = schedule(board.snapshot(now))
    took_s = time.monotonic() - began
    for decision in decisions:
        if not isinstance(decision, Place):
            reason = decision.reason if isinstance(decision, Preempt) else f"it grows: {decision.reason}"
            apply_event(tx, decision.job_id, Preempted(reason), now)
            continue
        rendezvous = _free_rendezvous(board.workers[decision.worker_ids[0]], used)
        if rendezvous is None and len(decision.worker_ids) > 1:
            continue  # a fleet scaled beyond the ports that its agent holds: the gang waits for one
        if rendezvous is not None:
            used.add(rendezvous)
        gangs.append((decision.job_id, decision.worker_ids, rendezvous))
    types = board.worker_types if gangs else {}
    tx.load_all([job_id for job_id, _, _ in gangs])
    for (job_id, _, _), granted in zip(gangs, tx.grant_all(gangs, now, types), strict=True):
        apply_event(tx, job_id, Leased(granted), now)
    board.follow(tx.touched, now)
    board.looked(took_s)
    return len(gangs)


def stop_overdue(tx: SqlJobTransaction, board: Board, now: datetime) -> None:
    """Ends the attempts that have run longer than their job allows."""
    for job_id, limit_s in board.overdue(now):
        apply_event(tx, job_id, TimedOut(limit_s), now)


def _free_rendezvous(worker: Worker, used: set[str]) -> str | None:
    """A port that the worker of rank 0 has reserved and that no live gang meets at."""
    host = worker.resources.get("host", "127.0.0.1")
    addresses = (f"{host}:{port}" for port in worker.resources.get("ports", ()))
    return next((address for address in addresses if address not in used), None)
