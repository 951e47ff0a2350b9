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


async def _run(config: AgentConfig) -> None:
    work = asyncio.create_task(Agent(config).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


def main() -> int:
    configure_logging("agent")
    processes.adopt()
    asyncio.run(_run(AgentConfig.from_json(os.environ["TENSORFLEET_AGENT_CONFIG"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
