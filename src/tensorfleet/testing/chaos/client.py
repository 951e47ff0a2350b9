"""The users of a run: they submit, cancel, pause and resume, and repeat whatever is not answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from tensorfleet.testing.chaos.plan import JobPlan

AGAIN_S = 0.2


class Users:
    """Every call is repeated until it is answered with something final; `refused` counts what had to be repeated, and why."""

    def __init__(self, http: httpx.AsyncClient, code_digest: str) -> None:
        self._http = http
        self._digest = code_digest
        self._ids: dict[str, str] = {}
        self.refused: Counter[str] = Counter()

    async def submit(self, plans: Sequence[JobPlan]) -> None:
        """Queues jobs, each under a key of its own, until every one is accepted."""
        left = {plan.name: plan.spec(self._digest) for plan in plans}
        while left:
            answer = await self._call("/jobs/batch", {"items": list(left.values())})
            for (name, spec), item in zip(list(left.items()), answer.json()["items"], strict=True):
                if "job" in item:
                    self._ids[name] = item["job"]["job_id"]
                    del left[name]
                elif item.get("status") == 503:  # the database went away in the middle of the batch
                    self.refused["503"] += 1
                elif any(error.get("code") == "impossible" for error in item.get("errors") or ()):
                    self.refused["no worker large enough at that moment"] += 1
                else:
                    raise AssertionError(f"{spec['name']} was refused: {item}")
            if left:
                await asyncio.sleep(AGAIN_S)

    async def act(self, plan: JobPlan) -> None:
        """Does to a job what its plan says; too late is fine."""
        if plan.action == "cancel":
            await self._call(f"/jobs/{self._ids[plan.name]}/cancel")
        elif plan.action == "pause":
            await self._call(f"/jobs/{self._ids[plan.name]}/pause")

    async def resume(self, job_id: str) -> None:
        await self._call(f"/jobs/{job_id}/resume")

    async def _call(self, path: str, body: Any = None) -> httpx.Response:
        while True:
            try:
                answer = await self._http.post(path, json=body)
            except httpx.HTTPError as error:
                self.refused[type(error).__name__] += 1
            else:
                if answer.status_code < 500 or answer.status_code == 501:
                    return answer
                self.refused[str(answer.status_code)] += 1
                if answer.status_code == 500:
                    raise AssertionError(f"{path} answered 500: {answer.text}")
            await asyncio.sleep(AGAIN_S)
