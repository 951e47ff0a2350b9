"""Energy that nobody has measured, from what was used: the formula and the figures that CodeCarbon falls back on.

CodeCarbon (mlco2/codecarbon, MIT) takes 4 W for each core of a CPU that it does not know, counts a process by its CPU time, takes
half of the full power where no use is known, and 3 W for each 8 GB of memory.  The package itself is not used: it brings pandas
and a tracker of its own, and asks the network where it is.
"""

from __future__ import annotations

WATTS_PER_CORE = 4.0
WATTS_PER_GIB = 3.0 / 8.0
USE_WHEN_UNKNOWN = 0.5
"""Of the cores that a task was given."""
_GIB = 1024**3


def estimated_j(cpu_s: float, memory_bytes: float, held_s: float) -> float:
    """Joules of `cpu_s` seconds of one core, with `memory_bytes` held for `held_s`."""
    return cpu_s * WATTS_PER_CORE + memory_bytes / _GIB * WATTS_PER_GIB * held_s
