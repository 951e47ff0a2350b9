"""How long things took, counted between fixed edges, so that what several processes counted can be added up: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ANSWER_EDGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
WAIT_EDGES_S = tuple(round(10 ** (power / 5), 6) for power in range(-10, 30))
"""10 ms to a week, five in each power of ten."""
ENDLESS = 1e9
"""The edge above all others: of what lies below it only is known that it is more than the last one."""
Counts = Mapping[float, int]
"""By upper edge in seconds: how many took that long at most, and longer than the edge before."""
_LARGE = ("/uploads", "/download", "/files", "/code")
"""Requests that take as long as they are large."""
_API = "/api/v1/"
SUBMIT = "submit"


def route_class(method: str, route: str) -> str | None:
    """What kind of request it is, by its pattern; None for those that say nothing of the service."""
    if not route.startswith(_API) or method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        return None
    if (method, route) == ("POST", f"{_API}jobs"):
        return SUBMIT
    if any(part in route for part in _LARGE) or (method == "POST" and route.endswith("/versions")):
        return "files"
    return "read" if method == "GET" else "write"


def edge_of(seconds: float, edges: Sequence[float]) -> float:
    return next((edge for edge in edges if seconds <= edge), ENDLESS)


def summed(parts: Iterable[Counts]) -> dict[float, int]:
    whole: dict[float, int] = {}
    for counts in parts:
        for edge, count in counts.items():
            whole[edge] = whole.get(edge, 0) + count
    return whole


def within(counts: Counts, limit_s: float, edges: Sequence[float]) -> float:
    """How many took no longer than the limit; between two edges they are taken to lie evenly."""
    found, below = 0.0, 0.0
    for edge in edges:
        part = min(1.0, max(0.0, (limit_s - below) / (edge - below)))
        found += counts.get(edge, 0) * part
        below = edge
    return found


def percentile(counts: Counts, share: float, edges: Sequence[float]) -> float | None:
    """Seconds within which this share was done, as `histogram_quantile` of Prometheus reckons it; the last edge for more."""
    wanted, seen, below = share * sum(counts.values()), 0, 0.0
    if not wanted:
        return None
    for edge in edges:
        count = counts.get(edge, 0)
        if count and seen + count >= wanted:
            return below + (edge - below) * (wanted - seen) / count
        seen, below = seen + count, edge
    return edges[-1]
