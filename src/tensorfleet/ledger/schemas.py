"""The ledger as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorfleet.kit.clock import rfc3339
from tensorfleet.ledger.grouping import Row
from tensorfleet.ledger.model import KINDS, Amounts, HeldLease, PriceBook

JOULES_PER_KWH = 3.6e6
HINT = "nothing has a price; set prices in tensorfleet.yaml, and what was used so far is priced as well"


def amounts_to_dict(found: Amounts, book: PriceBook) -> dict[str, Any]:
    energy_j = found.energy_j if found.energy_how else None
    return {
        "leases": len(found.tokens),
        "held_s": _by_kind(found.held_s),
        "cpu_s": _by_kind(found.cpu_s),
        "gpu_s": _by_kind(found.gpu_s),
        "memory_gb_s": _by_kind(found.memory_gb_s),
        "cpu_used_s": round(found.cpu_used / 1e6, 6),
        "energy_j": energy_j,
        "energy_how": found.energy_how,
        "carbon_g": None if energy_j is None else energy_j / JOULES_PER_KWH * book.carbon_g_per_kwh,
        "cost": _by_kind(found.money),
    }


def _by_kind(read: Callable[[str], float]) -> dict[str, float]:
    values = {kind: read(kind) for kind in KINDS}
    return {**values, "total": sum(values.values())}


def row_to_dict(row: Row, book: PriceBook) -> dict[str, Any]:
    return {"key": row.key, "name": row.name, **amounts_to_dict(row.amounts, book)}


def lease_to_dict(lease: HeldLease) -> dict[str, Any]:
    names = ("idle_s", "useful_s", "lost_s", "hung_s")
    return {
        "token": lease.token,
        "worker_id": lease.worker_id,
        "worker_type": lease.worker_type,
        "granted_at": rfc3339(lease.granted_at),
        "released_at": rfc3339(lease.released_at),
        "cpus": lease.cpus,
        "gpus": lease.gpus,
        "memory_bytes": lease.memory_bytes,
        **dict(zip(names, lease.parts or (None,) * 4, strict=True)),
        "cpu_used_s": lease.cpu_used_s,
        "energy_j": lease.energy_j,
        "energy_how": lease.energy_how,
    }


def money_of(book: PriceBook) -> dict[str, Any]:
    """What the figures are in; with a hint where nothing has a price."""
    hint = {"hint": HINT} if book.is_empty else {}
    return {"currency": book.currency, "carbon_g_per_kwh": book.carbon_g_per_kwh, **hint}
