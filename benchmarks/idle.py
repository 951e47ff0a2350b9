"""What the platform takes when nothing runs: seconds until ready, memory (proportional set size), CPU."""

from __future__ import annotations

import time

import psutil

from benchmarks.fleet import fleet
from benchmarks.report import table, write

SETTLE_S = 80  # the tracking writer leaves after a minute without work
LOOK_S = 20.0


def role_of(process: psutil.Process) -> str:
    words = process.cmdline()
    if "tensorfleet.agent.template" in words:
        return "agent's warm template"
    if "tensorfleet.agent" in words:
        return "agent"
    if "tensorfleet.datasets.inspect" in words:
        return "inspection of the file"
    if "datasets" in words:
        return f"command line, datasets {words[words.index('datasets') + 1]}"
    return words[-1].rsplit(".", 1)[-1].replace("up", "supervisor")


def main() -> None:
    with fleet(workers=2) as platform:
        supervisor, ready_s = platform.supervisor, platform.ready_s
        time.sleep(SETTLE_S)
        family = [supervisor, *supervisor.children(recursive=True)]
        before = sum(sum(process.cpu_times()[:2]) for process in family)
        time.sleep(LOOK_S)
        cpu = (sum(sum(process.cpu_times()[:2]) for process in family) - before) / LOOK_S
        memory = {role_of(process): process.memory_full_info().pss / 1e6 for process in family}
    control = sum(memory[role] for role in ("supervisor", "gateway", "orchestrator"))
    rows = [(role, f"{value:.0f} MB") for role, value in memory.items()]
    rows += [("control plane", f"{control:.0f} MB"), ("all", f"{sum(memory.values()):.0f} MB")]
    table(f"Idle, two worker slots: ready after {ready_s:.1f} s, {cpu:.1%} of a core", rows, ("", "PSS"))
    write(
        "idle",
        {
            "ready_s": ready_s,
            "cpu": cpu,
            "pss_mb": memory,
            "control_plane_mb": control,
            "all_mb": sum(memory.values()),
        },
    )


if __name__ == "__main__":
    main()
