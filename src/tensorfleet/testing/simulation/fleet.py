"""Many simulated agents in one process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tensorfleet.testing.simulation.agent import Identity, Observer, SimulatedAgent, resources
from tensorfleet.testing.simulation.misbehaviour import Misbehaviour


@dataclass(frozen=True)
class FleetPlan:
    """How many agents, and what each says that it has."""

    agents: int
    slots: int
    gpus_per_slot: int = 0
    memory_bytes: int = 0
    prefix: str = "sim"


class SimulatedFleet:
    """The agents of a plan, each a task of the running event loop."""

    def __init__(
        self,
        plan: FleetPlan,
        address: str,
        token: str,
        misbehaviour: Misbehaviour | None = None,
        observer: Observer | None = None,
    ) -> None:
        machine = resources(plan.slots, plan.gpus_per_slot, plan.memory_bytes)
        self.agents = [
            SimulatedAgent(
                Identity(f"{plan.prefix}-{number:03d}", plan.slots, machine),
                address,
                token,
                misbehaviour,
                observer,
            )
            for number in range(plan.agents)
        ]

    async def run(self) -> None:
        """Works until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for agent in self.agents:
                group.create_task(agent.run())

    def some(self, rng: random.Random) -> SimulatedAgent:
        return rng.choice(self.agents)

    @property
    def held(self) -> int:
        """Tasks that agents still have something of."""
        return sum(len(agent.tasks) for agent in self.agents)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SimulatedFleet]:
        """Works in the background of the caller's event loop."""
        work = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            work.cancel()
            await asyncio.wait({work})
