"""One trace follows a job from the request over orchestrator and agent to its ranks, as a collector receives it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import tensorfleet
from tensorfleet.testing.inbox import Inbox, inbox
from tensorfleet.testing.platform import own_platform

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
CODE = """
import os
from tensorfleet import train
train.report(step=1, loss=0.5)
print("goes on in", os.environ["TRACEPARENT"])
"""


def spans_of(collector: Inbox) -> dict[str, tuple[str, Span]]:
    """By name: `(service, span)`, of the caller's trace."""
    found = {}
    for posted in list(collector.posted):
        assert posted.headers["content-type"] == "application/x-protobuf"
        assert posted.headers["x-key"] == "a b"
        for group in ExportTraceServiceRequest.FromString(posted.body).resource_spans:
            (service,) = [
                one.value.string_value for one in group.resource.attributes if one.key == "service.name"
            ]
            for span in group.scope_spans[0].spans:
                if span.trace_id.hex() == TRACE:
                    found[span.name] = (service, span)
    return found


def submit(url: str, token: str, code: str) -> str:
    """With a traceparent, as a traced caller would."""
    headers = {"authorization": f"Bearer {token}", "traceparent": CALLER}
    job = {"name": "traced", "entrypoint": "train.py", "code": {"digest": code}, "resources": {"workers": 2}}
    answer = httpx.post(f"{url}/api/v1/jobs", json=job, headers=headers, trust_env=False)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["job_id"])


def test_one_trace_from_the_request_to_the_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(CODE)

    def watched(url: str, token: str, collector: Inbox) -> None:
        with tensorfleet.Client(url, token) as client:
            first = client.submit({"name": "first", "entrypoint": "train.py", "code": str(tmp_path / "code")})
            digest = first.cancel().data["spec"]["code"]["digest"]  # it has brought the code
            job = client.jobs.get(submit(url, token, digest)).wait(60)
            log = "".join(line.text for line in job.logs())
        deadline = time.monotonic() + 20
        while (
            not {"rank 0", "rank 1", "task 0", "task 1", "assign 0", "POST /api/v1/jobs"}
            <= spans_of(collector).keys()
        ):
            assert time.monotonic() < deadline, list(spans_of(collector))
            time.sleep(0.05)
        check(spans_of(collector), job.id, log)

    def check(spans: dict[str, tuple[str, Span]], job_id: str, log: str) -> None:
        chain = [spans[name] for name in ("POST /api/v1/jobs", "assign 0", "task 0", "rank 0")]
        services = [service.removeprefix("tensorfleet-") for service, _ in chain]
        assert services == ["gateway", "orchestrator", "agent", "rank"]
        parents = ["b7ad6b7169203331", *(span.span_id.hex() for _, span in chain[:-1])]
        assert [span.parent_span_id.hex() for _, span in chain] == parents
        for _, span in chain[1:]:
            about = {one.key: one.value.string_value for one in span.attributes}
            assert about["tensorfleet.job_id"] == job_id
            assert span.start_time_unix_nano <= span.end_time_unix_nano
        rank = spans["rank 0"][1]
        assert {"opened", "ended"} <= {mark.name for mark in rank.events}
        assert spans["rank 1"][1].parent_span_id == spans["task 1"][1].span_id
        assert f"goes on in 00-{TRACE}-{rank.span_id.hex()}-01" in log

    async def story(collector: Inbox) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b")
        monkeypatch.setenv("TENSORFLEET_LOG_FORMAT", "json")
        async with own_platform(tmp_path / "home") as platform:
            platform.add(platform.agent_role("agent", 2, platform.service))
            await asyncio.to_thread(watched, platform.url, platform.token, collector)
        written = (tmp_path / "home" / "logs" / "agent.log").read_text().splitlines()
        ended = [line for line in map(json.loads, written) if line["event"] == "task ended"]
        assert [line["job_id"] for line in ended if line["trace_id"] == TRACE]

    with inbox() as collector:
        asyncio.run(story(collector))
