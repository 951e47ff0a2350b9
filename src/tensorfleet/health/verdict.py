"""`judge(measured, limits) -> Verdict`: one small function for each check."""

from __future__ import annotations

from tensorfleet.health.model import MIB, Finding, Gpu, Limits, Link, Measured, Status, Verdict

GIB = 1024**3


def judge(measured: Measured, limits: Limits) -> Verdict:
    """What the figures mean.  A check without figures is skipped, with the reason: it has not been passed."""
    findings: list[Finding] = []
    skipped: list[str] = []
    for check in (_clock, _disk, _memory, _swap, _gpus):
        found = check(measured, limits)
        if isinstance(found, str):
            skipped.append(found)
        else:
            findings.append(found)
    return Verdict(tuple(findings), tuple(skipped))


def unanswered(after_s: float) -> Verdict:
    """For an agent that speaks, and whose checks do not come to an end."""
    sentence = (
        f"its checks have not ended within {after_s:g} s, though its agent speaks: its disk or a driver hangs; "
        "look at the machine, and restart it"
    )
    return Verdict((Finding("answer", Status.FAILED, sentence),))


def _status(value: float, degraded: float, failed: float) -> Status:
    if value > failed:
        return Status.FAILED
    return Status.DEGRADED if value > degraded else Status.OK


def _clock(measured: Measured, limits: Limits) -> Finding | str:
    offset_s = measured.clock_offset_s
    if offset_s is None:
        return "clock: the agent did not say what time it has"
    surely_s = max(0.0, abs(offset_s) - measured.clock_error_s)
    status = _status(surely_s, limits.clock_degraded_s, limits.clock_failed_s)
    where = "ahead of" if offset_s > 0 else "behind"
    said = f"its clock is {abs(offset_s):.3f} s {where} the orchestrator's (± {measured.clock_error_s:.3f} s)"
    limit_s = limits.clock_failed_s if status is Status.FAILED else limits.clock_degraded_s
    return _finding("clock", status, said, f"{limit_s:g} s", "set it by NTP")


def _disk(measured: Measured, limits: Limits) -> Finding | str:
    if measured.disk_trouble:
        sentence = (
            f"nothing can be written where its agent works: {measured.disk_trouble}; "
            "make room there, or mount it for writing"
        )
        return Finding("disk", Status.FAILED, sentence)
    write_s, free, total = measured.disk_write_s, measured.disk_free_bytes, measured.disk_total_bytes
    if write_s is None:
        return "disk: the agent did not write to it"
    status = _status(write_s, limits.disk_degraded_s, limits.disk_failed_s)
    if status is not Status.OK:
        limit_s = limits.disk_failed_s if status is Status.FAILED else limits.disk_degraded_s
        said = f"a small file took {write_s:.1f} s to the disk"
        return _finding("disk", status, said, f"{limit_s:g} s", "see what else uses the disk, or replace it")
    if free is None or not total:
        return Finding("disk", Status.OK, f"a small file took {write_s:.3f} s to the disk")
    share = free / total
    said = f"{share:.1%} of its disk is free ({free / GIB:.1f} GiB)"
    status = Status.DEGRADED if share < limits.disk_free else Status.OK
    return _finding("disk", status, said, f"at least {limits.disk_free:.0%}", "make room")


def _memory(measured: Measured, limits: Limits) -> Finding | str:
    available = measured.memory_available_bytes
    offered = measured.memory_offered_bytes or measured.memory_total_bytes
    if available is None or not offered:
        return "memory: the agent did not say how much is available"
    total = measured.memory_total_bytes
    if total and offered > total * 1.01:
        sentence = (
            f"it offers {offered / GIB:.1f} GiB of memory and its machine has {total / GIB:.1f} GiB; "
            "lower the memory of its type"
        )
        return Finding("memory", Status.DEGRADED, sentence)
    share = available / offered
    said = f"{available / GIB:.1f} GiB of the {offered / GIB:.1f} GiB of memory that it offers are available"
    failed = share < limits.memory_failed
    status = Status.FAILED if failed else Status.DEGRADED if share < limits.memory_degraded else Status.OK
    limit = limits.memory_failed if failed else limits.memory_degraded
    return _finding("memory", status, said, f"at least {limit:.0%}", "end what else runs on the machine")


def _swap(measured: Measured, limits: Limits) -> Finding | str:
    moved = measured.swap_bytes_s
    if moved is None:
        return "swap: this system does not count it"
    status = _status(moved, limits.swap_degraded, limits.swap_failed)
    limit = limits.swap_failed if status is Status.FAILED else limits.swap_degraded
    said = f"{moved / MIB:.1f} MiB/s go between its memory and its swap"
    return _finding("swap", status, said, f"{limit / MIB:g} MiB/s", "run less at a time there, or add memory")


def _gpus(measured: Measured, limits: Limits) -> Finding | str:
    if measured.gpu_trouble:
        sentence = (
            f"its GPU driver does not answer: {measured.gpu_trouble}; load it again, or restart the machine"
        )
        return Finding("gpus", Status.FAILED, sentence)
    if not measured.gpus:
        return f"gpus: {measured.no_gpus or 'the agent did not look at any'}"
    broken = [f"{gpu.name} {number}" for number, gpu in enumerate(measured.gpus) if gpu.ecc_errors]
    if broken:
        errors = sum(gpu.ecc_errors or 0 for gpu in measured.gpus)
        sentence = (
            f"{errors} memory errors that could not be corrected on {', '.join(broken)}, allowed are 0; "
            "reset the GPU, and replace it if they come back"
        )
        return Finding("gpus", Status.FAILED, sentence)
    slowed = [
        f"{gpu.name} {number} by {', '.join(gpu.slowed_by)}"
        for number, gpu in enumerate(measured.gpus)
        if gpu.slowed_by
    ]
    if slowed:
        return Finding(
            "gpus", Status.DEGRADED, f"slowed down: {'; '.join(slowed)}; look at cooling and power supply"
        )
    return Finding("gpus", Status.OK, _well(measured.gpus))


def _well(gpus: tuple[Gpu, ...]) -> str:
    uncounted = sum(gpu.ecc_errors is None for gpu in gpus)
    told = f" ({uncounted} do not count memory errors)" if uncounted else ""
    return f"{len(gpus)} GPUs answer, without memory errors, and none is slowed down{told}"


def _finding(check: str, status: Status, said: str, limit: str, remedy: str) -> Finding:
    if status is Status.OK:
        return Finding(check, status, said)
    return Finding(check, status, f"{said}, the limit is {limit}; {remedy}")


# ---- links ---------------------------------------------------------------------------------------------------------------


def judge_links(machine: str, links: tuple[Link, ...], limits: Limits) -> tuple[Finding, ...]:
    """What the ways between machines say of this one.

    One way that does not work says nothing of which end is to blame: a machine has failed when it reaches none of at least two
    others, while one of those reaches somebody else.
    """
    own = [link for link in links if machine in (link.here, link.there)]
    dead = [link for link in own if link.bytes_s is None]
    found = [_slow(link, machine, limits) for link in own if link.bytes_s is not None]
    peers = {_other(link, machine) for link in dead}
    others_work = any(
        link.bytes_s is not None
        and peers & {link.here, link.there}
        and machine not in (link.here, link.there)
        for link in links
    )
    failed = len(peers) >= 2 and len(dead) == len(own) and others_work
    status = Status.FAILED if failed else Status.DEGRADED
    for link in dead:
        sentence = (
            f"no connection with {_other(link, machine)}: {link.trouble or 'no reason is known'}; "
            "look at its address, at firewalls and cables"
        )
        found.append(Finding("link", status, sentence))
    return tuple(found)


def _other(link: Link, machine: str) -> str:
    return link.there if link.here == machine else link.here


def _slow(link: Link, machine: str, limits: Limits) -> Finding:
    pace, trip_s = link.bytes_s or 0.0, link.round_trip_s or 0.0
    said = f"{pace / MIB:.0f} MiB/s with {_other(link, machine)}, round trip {trip_s * 1000:.1f} ms"
    slow = pace < limits.link_bytes_s or trip_s > limits.link_round_trip_s
    limit = f"at least {limits.link_bytes_s / MIB:g} MiB/s and at most {limits.link_round_trip_s * 1000:g} ms"
    return _finding(
        "link", Status.DEGRADED if slow else Status.OK, said, limit, "see what else uses the network"
    )
