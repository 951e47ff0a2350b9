"""An in-memory stand-in for the gateway, for tests of what speaks to it: the REST face, without a socket.

Use it as `Client(url, token, home, http=FakeGateway().transport())`.  Faults are put in by hand: connections
that break in the middle of an answer, and answers that say no.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from tensorfleet.training.registry import catalogue

CHUNK_BYTES = 1000
AT = "2026-01-02T03:04:05.000000Z"


class BrokenBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that breaks off after its last byte, as a connection does when the other side dies."""

    def __init__(self, data: bytes, piece_bytes: int = 64) -> None:
        self._data = data
        self._piece_bytes = piece_bytes

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), self._piece_bytes):
            yield self._data[start : start + self._piece_bytes]
        raise httpx.ReadError("connection reset by peer")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


class FakeGateway:
    """Jobs, uploads, datasets and models in dicts, which tests fill and read."""

    def __init__(self, token: str = "secret") -> None:  # noqa: S107 - a test's token
        self.token = token
        self.jobs: dict[str, dict[str, Any]] = {}
        self.plans: list[dict[str, Any]] = []
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.metrics: dict[str, list[dict[str, Any]]] = {}
        self.evaluations: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.waterfalls: dict[str, list[dict[str, Any]]] = {}
        self.profiles: dict[str, dict[str, Any]] = {}
        self.traces: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.contents: dict[str, bytes] = {}
        self.models: dict[str, list[dict[str, Any]]] = {}
        self.workers: list[dict[str, Any]] = []
        self.health: dict[str, Any] = {"status": "ok", "parts": {"database": {"status": "ok"}}}
        self.requests: list[httpx.Request] = []
        self.faults: list[Callable[[httpx.Request], httpx.Response | None]] = []
        self.stream_cuts: list[int] = []
        self._keys: dict[str, str] = {}

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    def add_job(self, **fields: Any) -> dict[str, Any]:
        """A job, queued unless `fields` say otherwise; its id grows by one with each."""
        job_id = fields.pop("job_id", f"j-{len(self.jobs) + 1:016d}")
        job = {
            "job_id": job_id, "name": "digits", "kind": "train", "status": "queued", "reason": None,
            "progress": 0.0, "metrics": {}, "model_name": None, "version": None, "error": None,
            "attempt": 1, "workers": 1, "created_at": AT, "started_at": None, "finished_at": None, "spec": {}, **fields,
        }  # fmt: skip
        self.jobs[job_id] = job
        return job

    def add_event(self, job_id: str, kind: str, **data: Any) -> None:
        """Appends to the log; ids are shared by all jobs, as in the real one."""
        number = sum(len(found) for found in self.events.values()) + 1
        event = {"id": number, "job_id": job_id, "kind": kind, "at": AT, "data": data}
        self.events.setdefault(job_id, []).append(event)

    def fault(self, method: str, path: str, answer: int | Exception, times: int = 1) -> None:
        """The next `times` requests of this kind get this status or exception; `path` is a regex."""
        left = [times]

        def strike(request: httpx.Request) -> httpx.Response | None:
            if request.method != method or not re.search(path, request.url.path) or left[0] == 0:
                return None
            left[0] -= 1
            if isinstance(answer, Exception):
                raise answer
            code = {404: "not_found", 409: "conflict", 503: "unavailable"}.get(answer, "internal")
            return problem(answer, code, "as the test wants it")

        self.faults.append(strike)

    def sent(self, method: str, path: str) -> list[httpx.Request]:
        return [r for r in self.requests if r.method == method and re.search(path, r.url.path)]

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        for strike in self.faults:
            answer = strike(request)
            if answer is not None:
                return answer
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return problem(401, "not_authenticated", "this call needs a token")
        path = request.url.path.removeprefix("/api/v1")
        for method, pattern, route in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                return route(self, request, *found.groups())
        return problem(404, "not_found", f"there is no {path}")

    def _health(self, _: httpx.Request) -> httpx.Response:
        return _json(self.health, 200 if self.health["status"] == "ok" else 503)

    def _submit(self, request: httpx.Request) -> httpx.Response:
        spec = json.loads(request.content)
        errors = [
            {"field": field, "message": "there is no such field", "code": "unknown_field"}
            for field in spec
            if field == "colour"
        ]
        if errors:
            return problem(422, "spec_invalid", "colour: there is no such field", errors)
        key = request.headers["Idempotency-Key"]
        if key not in self._keys:
            self._keys[key] = self.add_job(name=spec.get("name", "job"), spec=spec)["job_id"]
        return _json(self.jobs[self._keys[key]], 201)

    def _list_jobs(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        found = [
            job
            for job in reversed(self.jobs.values())
            if all(query.get(key) in (None, job[key]) for key in ("name", "status"))
        ]
        start, limit = int(query.get("cursor", 0)), int(query.get("limit", 50))
        following = str(start + limit) if start + limit < len(found) else None
        return _json({"items": found[start : start + limit], "next_cursor": following})

    def _job(self, request: httpx.Request, job_id: str, verb: str | None = None) -> httpx.Response:
        job = self.jobs.get(job_id)
        if job is None:
            return problem(404, "not_found", f"there is no job '{job_id}'")
        if verb is not None:
            job["status"] = {"cancel": "cancelled", "pause": "paused"}.get(verb, "queued")
        return _json(job, 202 if verb else 200)

    def _cancel_many(self, request: httpx.Request) -> httpx.Response:
        """By ids, or a filter of `name` and `status`; three on each page."""
        body = json.loads(request.content)
        having = body.get("filter", {}).items()
        wanted = body.get("ids") or [
            job["job_id"] for job in self.jobs.values() if all(job[key] == value for key, value in having)
        ]
        start = int(body.get("cursor") or 0)
        items: list[dict[str, Any]] = []
        for job_id in wanted[start : start + 3] if having else wanted:
            job = self.jobs.get(job_id)
            found = {"status": 202, "job": job} if job else {"status": 404, "code": "not_found"}
            items.append({"job_id": job_id, **found})
        following = str(start + 3) if having and start + 3 < len(wanted) else None
        return _json({"items": items, "next_cursor": following})

    def _why(self, _: httpx.Request, job_id: str) -> httpx.Response:
        return _json({"job_id": job_id, "status": "queued", "code": "no_slots", "reason": "all slots busy",
                      "evidence": {"free": 0}, "suggestion": "wait", "expected_start": None})  # fmt: skip

    def _plan(self, request: httpx.Request) -> httpx.Response:
        self.plans.append(json.loads(request.content))
        return _json({"starts_now": False, "code": "no_free_slots", "reason": "all slots busy", "suggestion": "wait",
                      "evidence": {"holders": [{"job_id": "j-1", "ranks": {"w-1": [0]}}]},
                      "expected_start": "2026-03-04T05:06:07.000000Z"})  # fmt: skip

    def _metrics(self, request: httpx.Request, job_id: str) -> httpx.Response:
        names = request.url.params.get_list("name")
        found = [one for one in self.metrics.get(job_id, []) if not names or one["name"] in names]
        return _json({"items": found, "next_cursor": None})

    def _metrics_summary(self, _: httpx.Request, job_id: str) -> httpx.Response:
        items = []
        for one in self.metrics.get(job_id, []):
            values = [point["value"] for point in one["points"]]
            ends = {"min": min(values), "max": max(values), "last": one["points"][-1]}
            items.append({"name": one["name"], "rank": 0, "count": len(values), **ends})
        return _json({"items": items, "next_cursor": None})

    def _evaluation(self, _: httpx.Request, job_id: str) -> httpx.Response:
        found = self.evaluations.get(job_id)
        return _json(found) if found else problem(404, "not_found", f"job {job_id} has no evaluation")

    def _waterfall(self, _: httpx.Request, job_id: str) -> httpx.Response:
        job = self.jobs[job_id]
        return _json({"job_id": job_id, "status": job["status"], "attempts": self.waterfalls[job_id]})

    def _profile(self, _: httpx.Request, job_id: str) -> httpx.Response:
        found = self.profiles.get(job_id)
        missing = problem(404, "not_found", f"job {job_id} was not profiled")
        return _json({"job_id": job_id, **found}) if found else missing

    def _trace(self, request: httpx.Request, job_id: str) -> httpx.Response:
        return self._serve(request, self.traces[job_id])

    def _files(self, _: httpx.Request, job_id: str) -> httpx.Response:
        found = sorted(self.files.get(job_id, {}).items())
        items = [{"path": path, "bytes": len(data), "sha256": _sha256(data)} for path, data in found]
        return _json({"items": items, "next_cursor": None})

    def _file(self, request: httpx.Request, job_id: str, path: str) -> httpx.Response:
        return self._serve(request, self.files[job_id][path])

    def _algorithms(self, _: httpx.Request) -> httpx.Response:
        return _json({"items": catalogue(), "next_cursor": None})

    def _logs(self, request: httpx.Request, job_id: str) -> httpx.Response:
        after = int(request.url.params.get("after", 0))
        found = [
            {"id": event["id"], "at": event["at"], **event["data"]}
            for event in self.events.get(job_id, [])
            if event["kind"] == "log" and event["id"] > after
        ]
        return _json({"items": found[:2], "next_cursor": str(found[1]["id"]) if len(found) > 2 else None})

    def _events(self, request: httpx.Request, job_id: str) -> httpx.Response:
        return _json({"items": self.events.get(job_id, []), "next_cursor": None})

    def _stream(self, request: httpx.Request, job_id: str) -> httpx.Response:
        last = int(request.headers.get("Last-Event-ID", 0))
        text = ": keep-alive\n\n"
        for event in self.events.get(job_id, []):
            if event["id"] > last:
                text += f"id: {event['id']}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n"
        text += f"event: end\ndata: {json.dumps(self.jobs[job_id])}\n\n"
        headers = {"Content-Type": "text/event-stream"}
        if self.stream_cuts:
            return httpx.Response(
                200, headers=headers, stream=BrokenBody(text.encode()[: self.stream_cuts.pop(0)])
            )
        return httpx.Response(200, headers=headers, content=text.encode())

    def _start_upload(self, _: httpx.Request) -> httpx.Response:
        upload_id = f"u-{len(self.uploads) + 1}"
        self.uploads[upload_id] = {}
        return _json({"upload_id": upload_id, "chunk_bytes": CHUNK_BYTES}, 201)

    def _upload(self, _: httpx.Request, upload_id: str) -> httpx.Response:
        if upload_id not in self.uploads:
            return problem(404, "not_found", f"there is no upload '{upload_id}'")
        chunks = {str(index): _sha256(data) for index, data in self.uploads[upload_id].items()}
        return _json({"chunks": chunks})

    def _chunk(self, request: httpx.Request, upload_id: str, index: str) -> httpx.Response:
        data = request.content
        if request.headers["X-Content-SHA256"] != _sha256(data):
            return problem(422, "data_invalid", f"chunk {index} does not have its checksum")
        self.uploads[upload_id][int(index)] = data
        return _json({"index": int(index), "sha256": _sha256(data)})

    def _code(self, request: httpx.Request) -> httpx.Response:
        return _json({"digest": _sha256(self.uploaded(json.loads(request.content)["upload_id"]))}, 201)

    def _add_version(self, request: httpx.Request, name: str) -> httpx.Response:
        body = json.loads(request.content)
        data = self.uploaded(body["upload_id"])
        self.contents[_sha256(data)] = data
        found = self.versions.setdefault(name, [])
        found.append({"name": name, "version": len(found) + 1, "digest": _sha256(data), "format":
                      body["format"], "rows": data.count(b"\n"), "bytes": len(data), "columns": [],
                      "target": body["target"], "created_at": AT})  # fmt: skip
        return _json(found[-1], 201)

    def _versions(self, _: httpx.Request, name: str) -> httpx.Response:
        return _json({"items": self.versions.get(name, []), "next_cursor": None})

    def _version(self, _: httpx.Request, name: str, version: str) -> httpx.Response:
        return _json(self.versions[name][int(version) - 1])

    def _download(self, request: httpx.Request, name: str, version: str) -> httpx.Response:
        return self._serve(request, self.contents[self.versions[name][int(version) - 1]["digest"]])

    def _model_versions(self, _: httpx.Request, name: str) -> httpx.Response:
        return _json({"items": self.models.get(name, []), "next_cursor": None})

    def _model_version(self, _: httpx.Request, name: str, version: str) -> httpx.Response:
        return _json(self.models[name][int(version) - 1])

    def _model_file(self, request: httpx.Request, path: str) -> httpx.Response:
        return self._serve(request, self.contents[path])

    def _list_workers(self, _: httpx.Request) -> httpx.Response:
        return _json({"items": self.workers, "next_cursor": None})

    def _serve(self, request: httpx.Request, data: bytes) -> httpx.Response:
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(wanted.group(1)) if wanted else 0
        if wanted and start >= len(data):
            return httpx.Response(416, headers={"Content-Range": f"bytes */{len(data)}"})
        rest = data[start:]
        headers = {"Content-Length": str(len(rest))}
        status = 206 if wanted else 200
        if self.stream_cuts:
            return httpx.Response(status, headers=headers, stream=BrokenBody(rest[: self.stream_cuts.pop(0)]))
        return httpx.Response(status, headers=headers, content=rest)

    def uploaded(self, upload_id: str) -> bytes:
        """The whole content of an upload."""
        chunks = self.uploads[upload_id]
        return b"".join(chunks[index] for index in sorted(chunks))


def problem(
    status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None
) -> httpx.Response:
    """A refusal in the form of RFC 9457."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": code,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = errors
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


def _json(data: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=data)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_JOB = r"/jobs/([^/]+)"
_ROUTES: list[tuple[str, str, Callable[..., httpx.Response]]] = [
    ("GET", "/health", FakeGateway._health),
    ("POST", "/jobs", FakeGateway._submit),
    ("POST", "/jobs/cancel", FakeGateway._cancel_many),
    ("POST", "/plan", FakeGateway._plan),
    ("GET", "/jobs", FakeGateway._list_jobs),
    ("GET", _JOB, FakeGateway._job),
    ("POST", _JOB + "/(cancel|pause|resume|retry)", FakeGateway._job),
    ("GET", _JOB + "/why", FakeGateway._why),
    ("GET", _JOB + "/metrics", FakeGateway._metrics),
    ("GET", _JOB + "/metrics/summary", FakeGateway._metrics_summary),
    ("GET", _JOB + "/evaluation", FakeGateway._evaluation),
    ("GET", _JOB + "/waterfall", FakeGateway._waterfall),
    ("GET", _JOB + "/profile", FakeGateway._profile),
    ("GET", "/download/profiles/([^/]+)/.+", FakeGateway._trace),
    ("GET", _JOB + "/files", FakeGateway._files),
    ("GET", _JOB + "/files/(.+)", FakeGateway._file),
    ("GET", "/algorithms", FakeGateway._algorithms),
    ("GET", _JOB + "/logs", FakeGateway._logs),
    ("GET", _JOB + "/events", FakeGateway._events),
    ("GET", _JOB + "/stream", FakeGateway._stream),
    ("POST", "/uploads", FakeGateway._start_upload),
    ("GET", "/uploads/([^/]+)", FakeGateway._upload),
    ("PUT", r"/uploads/([^/]+)/chunks/(\d+)", FakeGateway._chunk),
    ("POST", "/code", FakeGateway._code),
    ("POST", "/datasets/([^/]+)/versions", FakeGateway._add_version),
    ("GET", "/datasets/([^/]+)/versions", FakeGateway._versions),
    ("GET", r"/datasets/([^/]+)/versions/(\d+)", FakeGateway._version),
    ("GET", r"/datasets/([^/]+)/versions/(\d+)/download", FakeGateway._download),
    ("GET", "/models/([^/]+)/versions", FakeGateway._model_versions),
    ("GET", r"/models/([^/]+)/versions/(\d+)", FakeGateway._model_version),
    ("GET", "/download/models/(.+)", FakeGateway._model_file),
    ("GET", "/workers", FakeGateway._list_workers),
]
