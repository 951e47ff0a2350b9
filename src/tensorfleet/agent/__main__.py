"""`python -m tensorfleet.agent`: an agent with its configuration in TENSORFLEET_AGENT_CONFIG (JSON)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

from tensorfleet.agent import processes
from tensorfleet.agent.agent import Agent
from tensorfleet.agent.config import AgentConfig
from tensorfleet.kit.logs import configure_logging


async def _run(config: AgentConfig) -> int:
    agent = Agent(config)
    work = asyncio.create_task(agent.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    asyncio.get_running_loop().add_signal_handler(processes.LEAVE, agent.leave)
    shown = _show(agent, config) if config.metrics else contextlib.nullcontext()
    with shown, contextlib.suppress(asyncio.CancelledError):
        return await work
    return 0


def _show(agent: Agent, config: AgentConfig) -> contextlib.AbstractContextManager[object]:
    from tensorfleet.agent import numbers

    return contextlib.closing(numbers.serve(agent, config))


def main() -> int:
    parent = os.environ.pop("TENSORFLEET_AGENT_PARENT", "")
    if parent:  # whoever has started it may be killed, and is not there then to end it
        processes.die_with(int(parent))
    return run(AgentConfig.from_json(os.environ["TENSORFLEET_AGENT_CONFIG"]))


def run(config: AgentConfig) -> int:
    """An agent as this whole process, until it is told to end; what that is to end with."""
    configure_logging("agent")
    processes.adopt()
    return asyncio.run(_run(config))


if __name__ == "__main__":
    sys.exit(main())
