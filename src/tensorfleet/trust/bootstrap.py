"""Secrets by which machines of one role let themselves in, as many as there happen to be: proofs and limits, without I/O.

Whoever joins and the authority know the same random secret, and each proves that to the other without sending it: the authority
by signing who it is, together with what the other has drawn, the other by signing its request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass

from tensorfleet.errors import Unavailable

BURST = 64
"""So many may join at once with one secret ..."""
EVERY_S = 2.0
"""... and then one in so many seconds."""
TO_KNOW, TO_ENTER = "know", "enter"


def secret_id(role: str, secret: str) -> str:
    """What a secret is called where people see it."""
    return f"{role}/{hashlib.sha256(b'tensorfleet bootstrap' + secret.encode()).hexdigest()[:12]}"


def prove(secret: str, purpose: str, *parts: str) -> str:
    """What only those who know the secret can say of `parts`; a proof for one purpose is none for another."""
    return hmac.new(secret.encode(), json.dumps([purpose, *parts]).encode(), hashlib.sha256).hexdigest()


def proves(proof: str, secret: str, purpose: str, *parts: str) -> bool:
    return hmac.compare_digest(proof.encode(), prove(secret, purpose, *parts).encode())


def proven_by(proof: str, secrets: Iterable[str], purpose: str, *parts: str) -> str | None:
    """Which of several secrets the proof was made with."""
    return next((secret for secret in secrets if proves(proof, secret, purpose, *parts)), None)


@dataclass(frozen=True)
class Allowance:
    """How many may join with a secret without waiting, as it was at an instant (seconds)."""

    left: float
    at: float


def spend(allowance: Allowance | None, now: float) -> Allowance:
    """The allowance after one more has joined; None is a secret that nobody has used.

    Raises:
        Unavailable: too many have joined with it of late.
    """
    grown = BURST if allowance is None else allowance.left + max(0.0, now - allowance.at) / EVERY_S
    left = min(grown, BURST)
    if left < 1:
        wait_s = (1 - left) * EVERY_S
        raise Unavailable(f"too many have joined with this secret of late; try again in {wait_s:.1f} s")
    return Allowance(left - 1, now)
