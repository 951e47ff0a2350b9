"""The way into the SDK: `tensorfleet.AsyncClient()`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tensorfleet.errors import SpecInvalid
from tensorfleet.sdk.address import find_address
from tensorfleet.sdk.aio.access import AsyncAccess
from tensorfleet.sdk.aio.audit import AsyncAudit
from tensorfleet.sdk.aio.datasets import AsyncDatasets
from tensorfleet.sdk.aio.jobs import AsyncJob, AsyncJobs
from tensorfleet.sdk.aio.ledger import AsyncLedger
from tensorfleet.sdk.aio.models import AsyncModels
from tensorfleet.sdk.aio.retention import AsyncRetention
from tensorfleet.sdk.aio.secrets import AsyncSecrets
from tensorfleet.sdk.aio.sending import send_files
from tensorfleet.sdk.aio.sse import follow
from tensorfleet.sdk.aio.studies import AsyncStudies, AsyncStudy
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.aio.webhooks import AsyncWebhooks
from tensorfleet.sdk.aio.workers import AsyncWorkers
from tensorfleet.sdk.events import Event
from tensorfleet.sdk.progress import Step
from tensorfleet.sdk.submission import Submission


class AsyncClient:
    """A connection to one TensorFleet server.  Safe to use from several tasks.

    Attributes:
        jobs: list, get and find jobs.
        datasets: add, list and download datasets.
        models: list, get, promote and download models.
        studies: list and get studies.
        workers: the fleet.
        audit: who did what.
        access: users, workspaces and keys; signing in.
        secrets: what tasks are given without it being written down.
        webhooks: addresses that are told what happens.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        home: str | Path | None = None,
        *,
        workspace: str | None = None,
        ca: str | Path | None = None,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Finds the server by the arguments, else `TENSORFLEET_URL` and `TENSORFLEET_TOKEN`, else the home.

        Args:
            home: where `tensorfleet up` keeps its state; `TENSORFLEET_HOME` or `~/.tensorfleet` when None.
            workspace: where jobs go that name none, and whose datasets and models are meant; `TENSORFLEET_WORKSPACE` when None.
            ca: a file with the authority that the server's certificate is of; `TENSORFLEET_CA` when None, else the system's.
            http: an httpx transport to send through, such as a proxy or, in tests, `httpx.MockTransport`.
        """
        self.transport = AsyncTransport(find_address(url, token, home, workspace, ca), http=http)
        self.jobs = AsyncJobs(self.transport)
        self.datasets = AsyncDatasets(self.transport)
        self.models = AsyncModels(self.transport)
        self.studies = AsyncStudies(self.transport)
        self.workers = AsyncWorkers(self.transport)
        self.ledger = AsyncLedger(self.transport)
        self.audit = AsyncAudit(self.transport)
        self.access = AsyncAccess(self.transport)
        self.secrets = AsyncSecrets(self.transport)
        self.webhooks = AsyncWebhooks(self.transport)
        self.retention = AsyncRetention(self.transport)

    @property
    def url(self) -> str:
        return self.transport.address.url

    async def submit(
        self,
        spec: str | Path | Mapping[str, Any] | None = None,
        /,
        *,
        step: Step | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> AsyncJob:
        """Submits a job: a job file, a mapping, or keywords; keywords replace fields of the other two.

        A `dataset` that is a local path or URL, and a `code` folder, are uploaded first.

        Args:
            step: called with what is being uploaded; may return a progress callback for it.
            idempotency_key: the same key gives the same job, however often it is submitted.

        Raises:
            SpecInvalid: the job cannot run as written; names each field, and its line in the file.
            InvalidInput: the file cannot be read as a job.

        >>> await client.submit("job.yaml", seed=3)
        >>> await client.submit(name="wine", algorithm="random_forest", dataset="wine")
        """
        return await self.send(Submission.of(spec, fields), step=step, idempotency_key=idempotency_key)

    async def send(
        self, submission: Submission, *, step: Step | None = None, idempotency_key: str | None = None
    ) -> AsyncJob:
        """Submits a prepared submission."""
        if self.transport.address.workspace is not None:
            submission.spec.setdefault("workspace", self.transport.address.workspace)
        await send_files(submission, self.transport.within(submission.spec.get("workspace")), step)
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        try:
            answer = await self.transport.call("POST", "/jobs", json=submission.spec, headers=headers)
        except SpecInvalid as error:
            raise submission.located(error) from error
        return AsyncJob(self.transport, answer)

    async def tune(
        self,
        spec: str | Path | Mapping[str, Any] | None = None,
        /,
        *,
        step: Step | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> AsyncStudy:
        """Submits a study, as `submit` does a job; `kind: tune` may be left out.

        >>> await client.tune(name="wine", algorithm="svm", dataset="wine", tune={
        ...     "space": {"C": {"float": [0.01, 100], "log": True}},
        ...     "objective": {"metric": "accuracy", "direction": "maximize"}, "trials": 20})
        """
        job = await self.submit(
            spec, step=step, idempotency_key=idempotency_key, **{"kind": "tune", **fields}
        )
        return AsyncStudy(self.transport, job.data)

    async def plan(
        self, spec: str | Path | Mapping[str, Any] | Submission | None = None, /, **fields: Any
    ) -> dict[str, Any]:
        """What would happen to a job if it were submitted now; nothing is uploaded and nothing is kept.

        Returns:
            `starts_now`; if not, `reason`, `evidence`, `suggestion` and `expected_start`, as `AsyncJob.why` gives them.

        Raises:
            SpecInvalid: the job cannot run as written; names each field, and its line in the file.
        """
        submission = spec if isinstance(spec, Submission) else Submission.of(spec, fields)
        if self.transport.address.workspace is not None:
            submission.spec.setdefault("workspace", self.transport.address.workspace)
        try:
            answer: dict[str, Any] = await self.transport.call(
                "POST", "/plan", json=submission.without_files()
            )
        except SpecInvalid as error:
            raise submission.located(error) from error
        return answer

    async def algorithms(self) -> list[dict[str, Any]]:
        """The built-in algorithms: `name`, `summary`, `library`, `tasks`, `distributes`, `defaults`, and the JSON `schema`."""
        return [one async for one in self.transport.pages("/algorithms")]

    async def sla(self, *, month: str | None = None, workspace: str | None = None) -> dict[str, Any]:
        """Which objectives were met in a month, what is left of their error budgets, and the figures behind that.

        Args:
            month: such as "2026-11" (UTC); this one so far when left out.
            workspace: only its jobs; without it the answer has every workspace in `workspaces`.
        """
        params = {"month": month, "workspace": workspace}
        answer: dict[str, Any] = await self.transport.call("GET", "/sla", params=params)
        return answer

    async def settings(self) -> dict[str, Any]:
        """What the platform runs with, without secrets: `version, runs, features, limits, retention, prices` and more."""
        answer: dict[str, Any] = await self.transport.call("GET", "/settings")
        return answer

    async def events(self, *, after: int = 0, detail: Sequence[str] | None = None) -> AsyncGenerator[Event]:
        """Yields the events of all jobs as they happen, without an end.

        Args:
            detail: ids of jobs, at most 50: `metrics` and `log` of these alone; without it those of all.
        """
        params = None if detail is None else {"detail": list(detail) or [""]}
        async with aclosing(follow(self.transport, "/events", after=after, params=params)) as told:
            async for found in told:
                if found is not None:
                    yield Event.from_dict(found[1])

    async def health(self) -> dict[str, Any]:
        """`{"status": "ok" | "degraded", "parts": {...}}`."""
        answer: dict[str, Any] = await self.transport.call(
            "GET", "/health", api="", retry=False, accepted=(503,)
        )
        return answer

    async def close(self) -> None:
        await self.transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
