"""Jobs: follow, wait for, stop and read them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput, JobFailed, NotFound, Unavailable, nearest
from tensorfleet.kit.clock import rfc3339
from tensorfleet.sdk.aio.job_files import download_files, list_files
from tensorfleet.sdk.aio.models import AsyncModel, AsyncModels
from tensorfleet.sdk.aio.profiling import download_trace
from tensorfleet.sdk.aio.sse import follow
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.events import Event
from tensorfleet.sdk.logs import LineJoiner, LogLine
from tensorfleet.sdk.metrics import Courses, MetricSummary, asked, course_of, summary_of
from tensorfleet.sdk.paths import segments

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tensorfleet.sdk.progress import Progress

ENDED = frozenset({"completed", "failed", "cancelled"})
REGISTRATION_PATIENCE_S = 120.0
MOST_AT_ONCE = 1000


class AsyncJob:
    """A job as the server last described it; `refresh` asks again.

    Attributes:
        data: the whole answer of `GET /jobs/{id}`.
    """

    def __init__(self, transport: AsyncTransport, data: dict[str, Any]) -> None:
        self._transport = transport
        self.data = data

    def __repr__(self) -> str:
        return f"AsyncJob({self.id!r}, name={self.name!r}, status={self.status!r})"

    @property
    def id(self) -> str:
        return str(self.data["job_id"])

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def status(self) -> str:
        """`queued`, `running`, `paused`, `completed`, `failed` or `cancelled`."""
        return str(self.data["status"])

    @property
    def reason(self) -> str | None:
        return self.data.get("reason")

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    async def refresh(self) -> AsyncJob:
        self.data = await self._transport.call("GET", segments("jobs", self.id))
        return self

    async def stream(self, *, after: int = 0, patience_s: float = 60.0) -> AsyncGenerator[Event]:
        """Yields the job's events from the first (or the one behind `after`) to its end, as they happen.

        A broken connection is taken up again where it stopped: no event is left out or comes twice.

        Raises:
            Unavailable: the server stayed away for `patience_s`.
        """
        async with aclosing(self.watch(after=after, patience_s=patience_s)) as events:
            async for event in events:
                if event is not None:
                    yield event

    async def watch(
        self, *, after: int = 0, quiet_s: float = 30.0, patience_s: float = 60.0
    ) -> AsyncGenerator[Event | None]:
        """As `stream`, with None in between at least every `quiet_s`, for readers that watch the clock."""
        path = segments("jobs", self.id, "stream")
        following = follow(self._transport, path, after=after, quiet_s=quiet_s, patience_s=patience_s)
        async with aclosing(following) as told:
            async for found in told:
                if found is None:
                    yield None
                elif found[0] == "end":
                    self.data = found[1]
                else:
                    yield Event.from_dict(found[1])

    async def wait(self, timeout: float | None = None, *, poll_s: float = 5.0) -> AsyncJob:
        """Returns when the job is completed.

        Args:
            timeout: seconds to wait at most; for ever when None.
            poll_s: when its events are silent for so long, the job itself is asked for.

        Raises:
            JobFailed: it failed or was cancelled; the message has the reason.
            TimeoutError: it had not ended after `timeout`.
            Unavailable: the server stayed away.
        """
        if not (await self.refresh()).ended:
            await self._watch_to_the_end(timeout, poll_s)
        if self.status != "completed":
            raise JobFailed(self.data)
        return self

    async def _watch_to_the_end(self, timeout: float | None, poll_s: float) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        quiet_s = poll_s if timeout is None else max(0.05, min(poll_s, timeout))
        asked = time.monotonic()
        async with aclosing(self.watch(quiet_s=quiet_s)) as events:
            async for event in events:
                now = time.monotonic()
                if event is None and now - asked >= poll_s:
                    asked = now
                    if await self._ended_now():
                        return
                if deadline is not None and now >= deadline:
                    status = (await self.refresh()).status
                    raise TimeoutError(f"job {self.id} ({self.name}) is still {status} after {timeout:g} s")

    async def _ended_now(self) -> bool:
        try:
            return (await self.refresh()).ended
        except Unavailable:
            return False  # the stream's own patience decides when it has been away for too long

    @property
    async def model(self) -> AsyncModel:
        """The model version that the job registered; waits for the job and, shortly, for the registration.

        Raises:
            JobFailed: the job did not complete.
            NotFound: it leaves no model behind.
            Unavailable: the registration did not come in time.
        """
        if self.data.get("version") is None:
            await self.wait()
        if not self.data.get("model_name"):
            raise NotFound(
                f"job {self.id} ({self.name}) leaves no model behind; set model_name in its job file"
            )
        deadline = time.monotonic() + REGISTRATION_PATIENCE_S
        while self.data.get("version") is None:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the model of job {self.id} is trained but not registered yet; ask again later"
                )
            await self._transport.sleep(0.1)
            await self.refresh()
        models = AsyncModels(self._transport.within(self.data.get("workspace")))
        return await models.get(self.data["model_name"], self.data["version"])

    async def logs(
        self, *, follow: bool = False, rank: int | None = None, tail: int | None = None
    ) -> AsyncGenerator[LogLine]:
        """Yields the lines that the job's tasks wrote, in order; with `follow` until the job ends."""
        joiner = LineJoiner()
        last = 0
        params = {"rank": rank, "tail": tail}
        async for piece in self._pieces("logs", params):
            last = int(piece["id"])
            for line in joiner.feed(piece["text"], rank=piece["rank"], attempt=piece["attempt"]):
                yield line
        if follow:
            async with aclosing(self.stream(after=last)) as events:
                async for event in events:
                    data = event.data
                    if event.kind == "log" and rank in (None, data["rank"]):
                        for line in joiner.feed(data["text"], rank=data["rank"], attempt=data["attempt"]):
                            yield line
        for line in joiner.flush():
            yield line

    async def events(self, *, after: int = 0) -> AsyncIterator[Event]:
        """Yields the job's events so far."""
        async for item in self._pieces("events", {"after": after or None}):
            yield Event.from_dict(item)

    async def _pieces(self, kind: str, params: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        query = dict(params)
        while True:
            page = await self._transport.call("GET", segments("jobs", self.id, kind), params=query)
            for item in page["items"]:
                yield item
            if page.get("next_cursor") is None or not page["items"]:
                return
            query = {**query, "after": page["items"][-1]["id"], "tail": None}

    async def metrics(
        self,
        points: int | None = None,
        names: Sequence[str] | None = None,
        *,
        rank: int = 0,
        steps: tuple[int | None, int | None] = (None, None),
    ) -> Courses:
        """Every metric's values so far, by its name.

        Args:
            points: at most so many of each, with the least and the greatest of each part of a chart; all when left out.
            names: these metrics alone.
            rank: whose.
            steps: from where to where, both included; None for the begin or the end.
        """
        path = segments("jobs", self.id, "metrics")
        return {
            item["name"]: course_of(item)
            for query in asked(points, names, rank, steps)
            async for item in self._transport.pages(path, query)
        }

    async def metric_summaries(self, rank: int = 0) -> dict[str, MetricSummary]:
        """What metrics there are, by their names, without their courses: how many points, ends and extremes."""
        pages = self._transport.pages(segments("jobs", self.id, "metrics", "summary"), {"rank": rank})
        return {item["name"]: summary_of(item) async for item in pages}

    async def evaluation(self) -> dict[str, Any]:
        """All that was measured of the model: `{job_id, metrics, evaluation}`, with curves and importance of columns.

        Raises:
            NotFound: there is none, or not yet.
        """
        answer: dict[str, Any] = await self._transport.call("GET", segments("jobs", self.id, "evaluation"))
        return answer

    async def leaderboard(self) -> list[dict[str, Any]]:
        """What a job of `auto` has tried, the best first: `{number, family, hyperparameters, metric, score, std, seconds, weight,
        reason}`; while it runs, what it has tried so far.

        Raises:
            NotFound: it is of another algorithm.
        """
        return [one async for one in self._transport.pages(segments("jobs", self.id, "leaderboard"))]

    async def plots(self) -> list[str]:
        """The names of the pictures that there are of what was measured, such as `confusion` and `roc`."""
        return [str(item["name"]) async for item in self._transport.pages(segments("jobs", self.id, "plots"))]

    async def plot(self, name: str) -> str:
        """One picture, as SVG.

        Raises:
            NotFound: there is none of this name.
        """
        return (await self._transport.send("GET", segments("jobs", self.id, "plots", f"{name}.svg"))).text

    async def save_plot(self, name: str, path: str | Path) -> Path:
        """Writes one picture into a file, whose folder is made where it is missing."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(await self.plot(name), encoding="utf-8")
        return file

    async def why(self) -> dict[str, Any]:
        """Why the job waits or failed, with the evidence and what would help."""
        answer: dict[str, Any] = await self._transport.call("GET", segments("jobs", self.id, "why"))
        return answer

    async def ledger(self) -> dict[str, Any]:
        """What the job has held and used so far, and what that cost: `{job_id, currency, carbon_g_per_kwh, total, leases}`."""
        answer: dict[str, Any] = await self._transport.call("GET", segments("jobs", self.id, "ledger"))
        return answer

    async def cancel(self) -> AsyncJob:
        return await self._do("cancel")

    async def pause(self) -> AsyncJob:
        return await self._do("pause")

    async def resume(self) -> AsyncJob:
        return await self._do("resume")

    async def retry(self) -> AsyncJob:
        return await self._do("retry")

    async def checkpoints(self) -> list[dict[str, Any]]:
        """What is kept of its checkpoints, oldest first: `{at, attempt, step, key, sha256, bytes}`."""
        return [one async for one in self._transport.pages(segments("jobs", self.id, "checkpoints"))]

    async def fork(self, step: int | None = None, **changes: Any) -> AsyncJob:
        """A new job that goes on from this one's checkpoint at `step` (the newest one when left out).

        `changes` are fields of the job file: `job.fork(step=40, hyperparameters={"learning_rate": 1e-4})`.
        Mappings are changed field by field.

        Raises:
            NotFound: there is no such checkpoint.
        """
        body = {"step": step, "changes": changes}
        return AsyncJob(
            self._transport, await self._transport.call("POST", segments("jobs", self.id, "fork"), json=body)
        )

    async def provenance(self) -> dict[str, Any]:
        """What the job was made of: code, environment, data, hyperparameters, seed, machine; see `docs/provenance.md`."""
        answer: dict[str, Any] = await self._transport.call("GET", segments("jobs", self.id, "provenance"))
        return answer

    async def files(self) -> list[dict[str, Any]]:
        """What its own code wrote where it ran, as far as it is kept: `{path, bytes, sha256, attempt}`."""
        return await list_files(self._transport, self.id)

    async def download(
        self, to: str | Path, paths: Collection[str] | None = None, *, progress: Progress | None = None
    ) -> Path:
        """Writes those files (only `paths` when given) below `to` and returns it; each is checked.

        Raises:
            NotFound: one of `paths` is not kept.
            DataInvalid: a file does not have its checksum: a running job has just written it anew.
        """
        return await download_files(self._transport, self.id, to, paths, progress)

    async def waterfall(self) -> dict[str, Any]:
        """The job's way from submission to its end, by attempt and rank: `{job_id, status, attempts}`."""
        answer: dict[str, Any] = await self._transport.call("GET", segments("jobs", self.id, "waterfall"))
        return answer

    async def profile(self) -> dict[str, Any]:
        """Where the time of a step went: `{job_id, attempt, unit, sentence, ms, phases, ranks}`.

        Raises:
            NotFound: the job was not profiled, or not yet.
        """
        answer: dict[str, Any] = await self._transport.call("GET", segments("jobs", self.id, "profile"))
        return answer

    async def download_trace(self, to: str | Path, rank: int = 0) -> Path:
        """Writes a rank's trace, in Chrome's format and gzipped, to the file `to`.

        Raises:
            NotFound: there is none.
        """
        return await download_trace(self._transport, await self.profile(), Path(to), rank)

    async def git_diff(self) -> str:
        """What had changed in its code since the commit that it names, as a patch.

        Raises:
            NotFound: nothing had, or its folder was in no repository.
        """
        return (await self._transport.send("GET", segments("jobs", self.id, "git-diff"))).text

    async def replay(self) -> AsyncJob:
        """The same job once more, as a new one: same code, version of the data, environment and seed.

        `await job.diff(await (await job.replay()).wait())` says whether it made the same files.

        Raises:
            Conflict: it has not ended.
        """
        return AsyncJob(
            self._transport, await self._transport.call("POST", segments("jobs", self.id, "replay"))
        )

    async def diff(self, other: AsyncJob) -> dict[str, Any]:
        """What changed from this job to the other: `{changed, metrics, files, bit_equal}`."""
        path = segments("jobs", self.id, "diff", other.id)
        answer: dict[str, Any] = await self._transport.call("GET", path)
        return answer

    async def _do(self, verb: str) -> AsyncJob:
        self.data = await self._transport.call("POST", segments("jobs", self.id, verb))
        return self


class AsyncJobs:
    """`client.jobs`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get(self, job_id: str) -> AsyncJob:
        """The job with this id.

        Raises:
            NotFound: there is none.
        """
        return AsyncJob(self._transport, await self._transport.call("GET", segments("jobs", job_id)))

    async def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        name: str | None = None,
        kind: str | None = None,
        study: str | None = None,
        workspace: str | None = None,
        search: str | None = None,
        algorithm: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: str = "-created_at",
        limit: int | None = 100,
    ) -> list[AsyncJob]:
        """AsyncJobs, the newest first; all of them when `limit` is None.

        Args:
            status: one, or several of which a job has one.
            study: a study's id: only its trials.
            search: somewhere in the name, or at the begin of the id, in upper or lower case.
            since, until: submitted from an instant on, and before another one; both with a time zone.
            sort: created_at, name, status or priority, with - in front for descending.
        """
        params = {
            "status": status, "name": name, "kind": kind, "study": study, "workspace": workspace, "q": search,
            "algorithm": algorithm, "since": rfc3339(since), "until": rfc3339(until), "sort": sort,
        }  # fmt: skip
        return [
            AsyncJob(self._transport, item) async for item in self._transport.pages("/jobs", params, limit)
        ]

    async def counts(self, **having: Any) -> dict[str, int]:
        """How many jobs there are of each status.

        Args:
            having: of those alone that are looked for, as `list` has it: status, name, kind, study, workspace, search, ...
        """
        found = {("q" if key == "search" else key): value for key, value in having.items()}
        params = {
            key: rfc3339(value) if isinstance(value, datetime) else value for key, value in found.items()
        }
        answer: dict[str, Any] = await self._transport.call("GET", "/jobs/counts", params=params)
        return dict(answer["counts"])

    async def metrics(
        self, jobs: Sequence[str], names: Sequence[str], points: int = 300
    ) -> dict[str, Courses]:
        """The same metrics of up to 20 jobs, by the job's id and the metric's name, thinned out as `AsyncJob.metrics` does it."""
        found: dict[str, Courses] = {job_id: {} for job_id in jobs}
        query = {"job_id": [*found], "name": [*names], "points": points}
        async for item in self._transport.pages("/metrics", query):
            found[item["job_id"]][item["name"]] = course_of(item)
        return found

    async def cancel(self, ids: Sequence[str] = (), **having: str) -> dict[str, dict[str, Any]]:
        """Cancels several jobs at once; returns what became of each by its id, as `POST /jobs/cancel` answers it.

        Args:
            ids: which ones.
            having: or what they have in common: status, name, kind, workspace, study; those that have not ended.
        """
        parts = [ids[at : at + MOST_AT_ONCE] for at in range(0, len(ids), MOST_AT_ONCE)]
        bodies: tuple[dict[str, Any], ...] = tuple({"ids": [*part]} for part in parts)
        bodies += ({"filter": having},) if having else ()
        return {one["job_id"]: one for body in bodies async for one in self._cancelled(body)}

    async def _cancelled(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        while True:
            page = await self._transport.call("POST", "/jobs/cancel", json=body)
            for item in page["items"]:
                yield item
            if page["next_cursor"] is None:
                return
            body = {**body, "cursor": page["next_cursor"]}

    async def find(self, ref: str) -> AsyncJob:
        """The job that `ref` means: an id, a name (the latest job of that name), or the beginning of one id.

        Raises:
            NotFound: there is none.
            InvalidInput: several ids begin so.
        """
        try:
            return await self.get(ref)
        except NotFound:
            named = await self.list(name=ref, limit=1)
        if named:
            return named[0]
        recent = await self.list(limit=2000)
        begin = [job for job in recent if job.id.startswith(ref)]
        if len(begin) > 1:
            raise InvalidInput(
                f"'{ref}' begins {len(begin)} job ids, such as {begin[0].id}; write more of it"
            )
        if not begin:
            hint = nearest(ref, {job.name for job in recent[:200]})
            raise NotFound(f"there is no job '{ref[:100]}'; {hint}")
        return begin[0]
