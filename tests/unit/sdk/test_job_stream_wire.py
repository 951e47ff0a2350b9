"""The stream of a job against the in-memory gateway, whose connections break where the test says."""

import json

import httpx
import pytest

from tensorfleet.errors import JobFailed, NotFound, Unavailable
from tensorfleet.sdk.client import Client
from tensorfleet.testing.gateway import FakeGateway


@pytest.fixture
def job_id(gateway: FakeGateway) -> str:
    job_id = gateway.add_job(status="completed")["job_id"]
    for step in range(10):
        gateway.add_event(
            job_id, "metrics", attempt=1, rank=0, points=[{"step": step, "values": {"loss": 1.0}}]
        )
    return job_id


@pytest.mark.parametrize("cuts", [[], [0, 0, 1], [400, 401, 7, 900], list(range(20, 400, 20))])
def test_breaks_leave_no_gap_and_no_duplicate(
    client: Client, gateway: FakeGateway, job_id: str, cuts: list[int]
):
    gateway.stream_cuts = list(cuts)
    seen = [event.id for event in client.jobs.get(job_id).stream()]
    assert seen == list(range(1, 11))
    assert len(gateway.sent("GET", "/stream$")) == len(cuts) + 1


def test_each_connection_names_the_last_event_seen(client: Client, gateway: FakeGateway, job_id: str):
    events = [f"id: {e['id']}\nevent: metrics\ndata: {json.dumps(e)}\n\n" for e in gateway.events[job_id]]
    start = len(": keep-alive\n\n")
    gateway.stream_cuts = [start + 5, start + len("".join(events[:3])) + 5]
    list(client.jobs.get(job_id).stream())
    assert [r.headers.get("Last-Event-ID") for r in gateway.sent("GET", "/stream$")] == [None, None, "3"]


def test_events_that_the_server_repeats_come_once(client: Client, gateway: FakeGateway, job_id: str):
    gateway.events[job_id].extend(gateway.events[job_id][:5])
    assert [event.id for event in client.jobs.get(job_id).stream()] == list(range(1, 11))


def test_stream_begins_behind_the_given_event(client: Client, job_id: str):
    assert [event.id for event in client.jobs.get(job_id).stream(after=8)] == [9, 10]


def test_server_that_stays_away_ends_the_patience(
    client: Client, gateway: FakeGateway, job_id: str, naps: list[float]
):
    job = client.jobs.get(job_id)
    gateway.fault("GET", "/stream$", httpx.ConnectError("refused"), times=10_000)
    with pytest.raises(Unavailable, match="the events stopped at 0"):
        list(job.stream(patience_s=5))
    assert 1 < sum(naps) <= 8


def test_restart_of_the_server_is_survived(client: Client, gateway: FakeGateway, job_id: str):
    job = client.jobs.get(job_id)
    gateway.fault("GET", "/stream$", httpx.ConnectError("refused"), times=3)
    gateway.fault("GET", "/stream$", 503, times=2)
    gateway.fault("GET", "/stream$", httpx.ReadTimeout("silence"), times=2)
    assert len(list(job.stream())) == 10


def test_stream_of_a_deleted_job_raises(client: Client, gateway: FakeGateway, job_id: str):
    job = client.jobs.get(job_id)
    gateway.fault("GET", "/stream$", 404)
    with pytest.raises(NotFound, match="as the test wants it"):
        list(job.stream())


def test_wait_returns_the_job_as_it_ended(client: Client, gateway: FakeGateway):
    job = client.jobs.get(gateway.add_job(status="running")["job_id"])
    gateway.fault("GET", "/stream$", httpx.ReadError("reset"))
    gateway.jobs[job.id]["metrics"] = {"accuracy": 0.9}

    def end(request: httpx.Request) -> None:
        if request.url.path.endswith("/stream"):
            gateway.jobs[job.id]["status"] = "completed"

    gateway.faults.append(end)
    assert job.wait(timeout=30).status == "completed"


def test_wait_raises_with_the_reason(client: Client, gateway: FakeGateway):
    job = client.jobs.get(gateway.add_job(status="failed", reason="the loss became NaN at step 3")["job_id"])
    with pytest.raises(JobFailed, match="the loss became NaN at step 3") as caught:
        job.wait()
    assert caught.value.job["job_id"] == job.id


def test_wait_ends_with_the_timeout_although_keep_alives_come(client: Client, gateway: FakeGateway):
    job = client.jobs.get(gateway.add_job(status="running")["job_id"])

    class KeepAlives(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self):
            while True:
                yield b": keep-alive\n\n"

        async def __aiter__(self):
            for piece in self:
                yield piece

    gateway.faults.append(
        lambda request: (
            httpx.Response(200, stream=KeepAlives()) if request.url.path.endswith("/stream") else None
        )
    )
    with pytest.raises(TimeoutError, match=r"still running after 0\.2 s"):
        job.wait(timeout=0.2)


def test_logs_are_whole_lines_over_pages_and_stream(client: Client, gateway: FakeGateway):
    job_id = gateway.add_job(status="completed", workers=2)["job_id"]
    for rank, text in [
        (0, "epo"),
        (1, "other\n"),
        (0, "ch 1\nepoch"),
        (0, " 2\n"),
        (0, "\x1b[31mred\x1b[0m 50%\r100%"),
    ]:
        gateway.add_event(job_id, "log", attempt=1, rank=rank, offset=0, text=text)
    job = client.jobs.get(job_id)
    lines = [(line.rank, line.text) for line in job.logs()]
    assert lines == [(1, "other"), (0, "epoch 1"), (0, "epoch 2"), (0, "100%")]
    assert [(line.rank, line.text) for line in job.logs(follow=True)] == lines


def test_model_waits_for_the_registration(client: Client, gateway: FakeGateway, naps: list[float]):
    job = client.jobs.get(gateway.add_job(status="completed", model_name="digits")["job_id"])
    gateway.models["digits"] = [{"name": "digits", "version": 1, "files": []}]

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            gateway.jobs[job.id]["version"] = 1

    client.transport.sleep = nap
    assert (job.model.name, job.model.version) == ("digits", 1)


def test_job_without_a_model_says_so(client: Client, gateway: FakeGateway):
    job = client.jobs.get(gateway.add_job(status="completed")["job_id"])
    with pytest.raises(NotFound, match="leaves no model behind"):
        _ = job.model
