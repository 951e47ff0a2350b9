"""Charts as SVG, without a library: axes, lines, points, bars and cells.  Text is text, whatever it holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

COLOURS = (
    "#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f", "#57534e", "#1e3a8a",
)  # fmt: skip
GREY = "#94a3b8"
_WIDTH, _HEIGHT = 520, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 56
_LEGEND_LINE = 16
_MOST_TEXT = 40
_STYLE = "font-family:system-ui,sans-serif;font-size:12px;fill:#0f172a"


class Chart:
    """One picture with two axes.

    Args:
        x, y: the ranges of the axes, (from, to).
        rows: names for the places 0, 1, ... of the y axis, instead of numbers, from the top; `columns` the same for x.
    """

    def __init__(
        self,
        title: str,
        x_label: str,
        y_label: str,
        x: tuple[float, float],
        y: tuple[float, float],
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        left: int = _LEFT,
    ) -> None:
        self._left = left
        self._x, self._y = _widened(x), _widened(y)
        self._rows, self._columns = rows, columns
        self._parts: list[str] = []
        self._legend: list[tuple[str, str]] = []
        self._head = [
            _label(_WIDTH / 2, 22, title, "middle", "font-weight:600;font-size:14px"),
            _label((left + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, x_label, "middle"),
            f'<g transform="translate(16 {(_TOP + _HEIGHT - _BOTTOM) / 2:.1f}) rotate(-90)">',
            f"{_label(0, 0, y_label, 'middle')}</g>",
        ]

    def line(self, points: Iterable[tuple[float, float]], colour: str, *, dashed: bool = False) -> None:
        path = " ".join(f"{self._at_x(x):.1f},{self._at_y(y):.1f}" for x, y in points if _finite(x, y))
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>'
        )

    def points(self, points: Iterable[tuple[float, float]], colour: str, radius: float = 2.5) -> None:
        self._parts += [
            f'<circle cx="{self._at_x(x):.1f}" cy="{self._at_y(y):.1f}" r="{radius}" fill="{colour}" fill-opacity="0.55"/>'
            for x, y in points
            if _finite(x, y)
        ]

    def box(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        colour: str,
        opacity: float = 1.0,
        text: str = "",
    ) -> None:
        """A rectangle between two places on each axis, with a text in its middle."""
        left, right = sorted((self._at_x(x[0]), self._at_x(x[1])))
        top, bottom = sorted((self._at_y(y[0]), self._at_y(y[1])))
        self._parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'
            f' fill="{colour}" fill-opacity="{opacity:.3f}" stroke="#ffffff" stroke-width="0.5"/>'
        )
        if text:
            dark = "fill:#ffffff" if opacity > 0.5 else ""
            self._parts.append(_label((left + right) / 2, (top + bottom) / 2 + 4, text, "middle", dark))

    def legend(self, text: str, colour: str) -> None:
        self._legend.append((text, colour))

    def svg(self) -> str:
        height = _HEIGHT + _LEGEND_LINE * len(self._legend)
        frame = (
            f'<rect x="{self._left}" y="{_TOP}" width="{_WIDTH - self._left - _RIGHT}"'
            f' height="{_HEIGHT - _TOP - _BOTTOM}" fill="none" stroke="{GREY}"/>'
        )
        legend = [
            f'<rect x="{self._left}" y="{_HEIGHT + n * _LEGEND_LINE - 9}" width="10" height="10" fill="{colour}"/>'
            + _label(self._left + 16, _HEIGHT + n * _LEGEND_LINE, text, "start")
            for n, (text, colour) in enumerate(self._legend)
        ]
        body = [*self._head, *self._axes(), *self._parts, frame, *legend]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
            f' role="img" style="{_STYLE}"><rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
            + "".join(body)
            + "</svg>\n"
        )

    def _axes(self) -> Iterable[str]:
        floor = _HEIGHT - _BOTTOM
        for place, text in _marks(self._x, self._columns, 6):
            x = self._at_x(place)
            yield f'<line x1="{x:.1f}" y1="{floor}" x2="{x:.1f}" y2="{floor + 4}" stroke="{GREY}"/>'
            yield _label(x, floor + 17, text, "middle")
        for place, text in _marks(self._y, self._rows, 6):
            y = self._at_y(place)
            yield f'<line x1="{self._left - 4}" y1="{y:.1f}" x2="{self._left}" y2="{y:.1f}" stroke="{GREY}"/>'
            yield _label(self._left - 7, y + 4, text, "end")

    def _at_x(self, x: float) -> float:
        low, high = self._x
        return self._left + (float(x) - low) / (high - low) * (_WIDTH - self._left - _RIGHT)

    def _at_y(self, y: float) -> float:
        low, high = self._y
        share = (float(y) - low) / (high - low)
        room = _HEIGHT - _TOP - _BOTTOM
        return _TOP + share * room if self._rows else _HEIGHT - _BOTTOM - share * room


def range_of(values: Iterable[float]) -> tuple[float, float]:
    """From the least to the largest of the finite ones; (0, 1) where there is none."""
    finite = [float(value) for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)


def _widened(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = float(limits[0]), float(limits[1])
    if not (math.isfinite(low) and math.isfinite(high)) or high - low > 1e300:
        raise ValueError(f"an axis cannot go from {low} to {high}")
    if high > low + 1e-12 * max(abs(low), abs(high)):
        return low, high
    margin = abs(low) * 0.1 or 0.5
    return low - margin, high + margin


def _marks(limits: tuple[float, float], names: Sequence[str], most: int) -> list[tuple[float, str]]:
    if names:
        return [(place + 0.5, name) for place, name in enumerate(names)]
    low, high = limits
    step = _step((high - low) / most)
    first = math.ceil(low / step - 1e-9)
    places = [(first + n) * step for n in range(2 * most) if (first + n) * step <= high + step * 1e-9]
    return [(place, f"{0.0 if abs(place) < step * 1e-9 else place:.6g}") for place in places]


def _step(least: float) -> float:
    """1, 2 or 5 times a power of ten, the smallest that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= least), 10 * power)


def _finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)


def _label(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    styled = f' style="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{styled}>{plain(text)}</text>'


def plain(text: object, most: int = _MOST_TEXT) -> str:
    """Text for SVG: one line without what XML forbids, its markup escaped, and cut where it is long."""
    line = "".join(one if one.isprintable() else " " for one in str(text))
    line = "".join(
        one for one in line if not 0xD800 <= ord(one) <= 0xDFFF and ord(one) not in (0xFFFE, 0xFFFF)
    )
    return escape(line if len(line) <= most else f"{line[: most - 1]}…")
