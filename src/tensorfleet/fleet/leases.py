"""Leases on agents that a launcher has started: whoever has no use any more is given back.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tensorfleet.fleet.ports import Launched, LaunchState


def renewed(
    leases: Mapping[str, float],
    launched: Iterable[Launched],
    here: Collection[str],
    wanted: Collection[str],
    now: float,
    limit_s: float,
) -> tuple[dict[str, float], dict[str, str]]:
    """The leases after a look at what the launcher lists, and what is to be given back, each with why.

    A lease is renewed by a worker that is here, or by the wish to have one, as long as its engine has no place for it: that
    costs nothing.  An agent that is new to this list has the whole time to join, whoever has asked for it.  One that was given
    back and is still listed after another such time is given back once more.

    Args:
        leases: when each was last renewed.
        here: workers that are joined; `wanted`: agents that somebody wants to have.
    """
    after: dict[str, float] = {}
    over: dict[str, str] = {}
    for agent in launched:
        waits = agent.state is LaunchState.STARTING and agent.worker_id in wanted
        since = now if waits or agent.worker_id in here else leases.get(agent.worker_id, now)
        if now - since >= limit_s:
            over[agent.worker_id] = _why(agent, limit_s)
            since = now
        after[agent.worker_id] = since
    return after, over


def _why(agent: Launched, limit_s: float) -> str:
    detail = f" ({agent.detail})" if agent.detail else ""
    if agent.state is LaunchState.UP:
        return f"its process runs on {agent.node or 'its node'}, and for {limit_s:g} s no worker of this name was here"
    if agent.state is LaunchState.GONE:
        return f"it has ended{detail}, and for {limit_s:g} s nobody has asked for it again"
    return f"it waits for a place{detail}, and for {limit_s:g} s nobody has asked for it"
