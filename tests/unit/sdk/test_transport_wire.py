"""Requests, retries and refusals, over httpx.MockTransport."""

from pathlib import Path

import httpx
import pytest

from tensorfleet import errors
from tensorfleet.sdk.address import find_address
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.problems import error_of
from tensorfleet.sdk.transport import segments
from tensorfleet.testing.gateway import FakeGateway, problem


def answer(response: httpx.Response) -> errors.TensorFleetError:
    response.request = httpx.Request("GET", "http://gateway.test/api/v1/jobs")
    return error_of(response)


@pytest.mark.parametrize("code", sorted(set(errors.all_error_classes()) - {"job_failed"}))
def test_each_code_becomes_its_class(code: str):
    error = answer(problem(400, code, "what happened"))
    assert type(error) is errors.all_error_classes()[code]
    assert error.detail.startswith("what happened")


def test_fields_of_a_refused_job_come_back():
    fields = [{"field": "resources.workers", "message": "is 9, the fleet has 2", "code": "too_many"}]
    error = answer(problem(422, "spec_invalid", "resources.workers: is 9", fields))
    assert isinstance(error, errors.SpecInvalid)
    assert error.errors == (errors.FieldError("resources.workers", "is 9, the fleet has 2", "too_many"),)


@pytest.mark.parametrize(
    ("status", "cls"),
    [(404, errors.NotFound), (409, errors.Conflict), (507, errors.StorageFull), (418, errors.Internal)],
)
def test_unknown_code_falls_back_on_the_status(status: int, cls: type[errors.TensorFleetError]):
    assert type(answer(problem(status, "from_the_future", "new"))) is cls


def test_page_of_a_proxy_is_named_as_such():
    error = answer(httpx.Response(502, text="<html>Bad Gateway</html>"))
    assert isinstance(error, errors.Unavailable)
    assert "answered 502, not as TensorFleet does" in str(error)


def test_missing_token_says_where_one_comes_from(gateway: FakeGateway, tmp_path: Path):
    with (
        Client("http://gateway.test", home=tmp_path, http=gateway.transport()) as client,
        pytest.raises(errors.NotAuthenticated, match="TENSORFLEET_TOKEN"),
    ):
        client.jobs.list()


def test_server_that_is_not_there_is_named_at_once(gateway: FakeGateway, tmp_path: Path, naps: list[float]):
    gateway.fault("GET", "/jobs$", httpx.ConnectError("refused"), times=100)
    with Client("http://127.0.0.1:9", "t", tmp_path, http=gateway.transport()) as client:
        client.transport.sleep = naps.append
        with pytest.raises(
            errors.Unavailable, match=r"not running at http://127.0.0.1:9; start it with `tensorfleet up`"
        ):
            client.jobs.list()
    assert naps == []


def test_server_that_answered_before_is_waited_for(client: Client, gateway: FakeGateway, naps: list[float]):
    client.jobs.list()
    gateway.fault("GET", "/jobs$", httpx.ConnectError("refused"), times=2)
    gateway.fault("GET", "/jobs$", 503, times=2)
    assert client.jobs.list() == []
    assert len(naps) == 4


def test_refusals_are_not_repeated(client: Client, gateway: FakeGateway, naps: list[float]):
    client.jobs.list()
    with pytest.raises(errors.NotFound):
        client.jobs.get("j-none")
    assert naps == []


def test_lost_answer_of_a_submission_does_not_make_two_jobs(client: Client, gateway: FakeGateway):
    client.jobs.list()
    submit = gateway.handle
    lost = [True]

    def lose_first_answer(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and lost:
            lost.clear()
            submit(request)
            raise httpx.ReadError("reset")
        return None

    gateway.faults.append(lose_first_answer)
    client.submit(name="once", algorithm="random_forest", dataset="wine")
    assert len(gateway.jobs) == 1
    assert len({request.headers["Idempotency-Key"] for request in gateway.sent("POST", "/jobs$")}) == 1


def test_every_post_carries_a_key_of_its_own(client: Client, gateway: FakeGateway):
    job = client.jobs.get(gateway.add_job()["job_id"])
    job.pause().resume().cancel()
    keys = [request.headers["Idempotency-Key"] for request in gateway.sent("POST", ".")]
    assert len(set(keys)) == 3


def test_lists_are_read_page_by_page(client: Client, gateway: FakeGateway):
    for _ in range(450):
        gateway.add_job()
    assert len(client.jobs.list(limit=None)) == 450
    assert len(client.jobs.list(limit=250)) == 250


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "a?b=c", "a#b", "%2e%2e"])
def test_names_cannot_reach_another_path(name: str):
    assert segments("jobs", name).count("/") == 2
    assert not set("?#") & set(segments("jobs", name))


@pytest.mark.parametrize("name", ["", ".", "..", "a\0b"])
def test_names_that_mean_another_place_are_refused(name: str):
    with pytest.raises(errors.InvalidInput):
        segments("jobs", name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TENSORFLEET_URL", raising=False)
    monkeypatch.delenv("TENSORFLEET_TOKEN", raising=False)
    (tmp_path / "address.json").write_text('{"url": "http://10.1.2.3:8080/"}')
    (tmp_path / "token").write_text("of-the-home\n")
    return tmp_path


def test_home_tells_url_and_token(home: Path):
    found = find_address(home=home)
    assert (found.url, found.token) == ("http://10.1.2.3:8080", "of-the-home")
    assert "of-the-home" not in repr(found)


def test_environment_beats_the_home_and_arguments_beat_both(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENSORFLEET_URL", "https://fleet.example")
    monkeypatch.setenv("TENSORFLEET_TOKEN", "env")
    assert (find_address(home=home).url, find_address(home=home).token) == ("https://fleet.example", "env")
    assert find_address("http://localhost:1", "mine", home).token == "mine"


@pytest.mark.parametrize(
    ("url", "token"), [("http://127.0.0.1:99", "of-the-home"), ("https://fleet.example", None)]
)
def test_token_of_the_home_is_not_sent_to_strangers(home: Path, url: str, token: str | None):
    assert find_address(url, home=home).token == token


@pytest.mark.parametrize("url", ["fleet.example:8080", "ftp://fleet", "http://", "nonsense"])
def test_wrong_address_is_refused(home: Path, url: str):
    with pytest.raises(errors.InvalidInput, match="not a server address"):
        find_address(url, home=home)


def test_broken_address_file_is_passed_over(home: Path):
    (home / "address.json").write_text("[1")
    assert find_address(home=home).url == "http://127.0.0.1:8080"


def test_several_jobs_are_cancelled_at_once(client: Client, gateway: FakeGateway) -> None:
    ids = [gateway.add_job(name="sweep")["job_id"] for _ in range(5)]
    answers = client.jobs.cancel([*ids, "j-0"])
    assert {job_id: one["status"] for job_id, one in answers.items()} == dict.fromkeys(ids, 202) | {
        "j-0": 404
    }
    assert list(client.jobs.cancel(name="sweep", status="queued")) == ids
    assert len(gateway.sent("POST", "/jobs/cancel")) == 3, "one by ids, two pages of the filter"
