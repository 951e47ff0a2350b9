"""How those who wait for files hear how far they are."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the bytes that are done and the bytes in all."""

Step = Callable[[str], Progress | None]
"""Told what is sent (`dataset sales.csv`); returns the progress callback for it, or None."""
