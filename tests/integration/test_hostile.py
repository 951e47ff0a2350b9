"""What somebody with ill intent sends to a running platform; the rest of it stands beside its subjects, see docs/security.md."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tensorfleet.errors import JobFailed
from tests.integration.api import open_api, refused
from tests.integration.platform import Platform, wait_until

GOOD = {"name": "good", "algorithm": "random_forest", "dataset": "iris"}
ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp.exe"
PASSWORD = "correct horse battery staple"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[httpx.Client]:
    with open_api(platform) as client:
        assert client.post("/api/v1/jobs", json=GOOD).status_code == 201
        yield client


# ---- the connection ------------------------------------------------------------------------------------------------------


def said_to(platform: Platform, request: bytes, within_s: float = 10.0) -> bytes:
    """All that a gateway answers to these bytes until it closes the connection."""
    host, port = platform.client.url.removeprefix("http://").split(":")
    said = b""
    with socket.create_connection((host, int(port)), timeout=within_s) as link:
        try:
            link.sendall(request)
            while piece := link.recv(65536):
                said += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    return said


def _head(platform: Platform, *lines: str, method: str = "POST /api/v1/plan") -> bytes:
    token = (platform.home / "token").read_text().strip()
    wanted = (f"{method} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", *lines, "", "")
    return "\r\n".join(wanted).encode("latin-1")


SECOND = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
TWO_WAYS = {
    "both lengths": (["Content-Length: 5", "Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    "both, the other way": (["Transfer-Encoding: chunked", "Content-Length: 5"], b"0\r\n\r\n"),
    "an unknown coding": (["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
    "chunked, and then not": (["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
    "two codings": (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], b"0\r\n\r\n"),
    "a space before the colon": (["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
    "a vertical tab": (["Transfer-Encoding: \x0bchunked"], b"0\r\n\r\n"),
    "a folded coding": (["Transfer-Encoding:", " chunked"], b"0\r\n\r\n"),
    "a folded header": (["X-A: b", " c", "Content-Length: 0"], b""),
    "two lengths": (["Content-Length: 5", "Content-Length: 6"], b"hello!"),
    "a list of lengths": (["Content-Length: 5, 5"], b"hello"),
    "a length with a sign": (["Content-Length: +5"], b"hello"),
    "a negative length": (["Content-Length: -1"], b""),
    "a length in hexadecimal": (["Content-Length: 0x5"], b"hello"),
    "a length beyond all": (["Content-Length: 99999999999999999999999"], b""),
    "a chunk that ends with LF": (["Transfer-Encoding: chunked"], b"2\n{}\n0\n\n"),
    "a chunk beyond all": (["Transfer-Encoding: chunked"], b"FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"),
    "a negative chunk": (["Transfer-Encoding: chunked"], b"-2\r\n{}\r\n0\r\n\r\n"),
    "a length in a trailer": (["Transfer-Encoding: chunked"], b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n"),
    "a bare CR": (["X-A: b\rX-B: c", "Content-Length: 0"], b""),
    "a NUL": (["X-A: b\x00c", "Content-Length: 0"], b""),
}


@pytest.mark.parametrize("case", TWO_WAYS)
def test_a_request_that_a_proxy_could_read_otherwise_is_no_request(case: str, platform: Platform) -> None:
    lines, body = TWO_WAYS[case]
    said = said_to(platform, _head(platform, *lines) + body + SECOND)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1") == 1, "what follows is not read"


def test_a_request_inside_a_body_is_a_body(platform: Platform) -> None:
    lines = (f"Content-Length: {len(SECOND)}", "Connection: close")
    said = said_to(platform, _head(platform, *lines, method="GET /health/live") + SECOND)
    assert said.count(b"HTTP/1.1 200 ") == 1


def test_what_comes_after_a_body_changes_nothing_of_the_request(platform: Platform) -> None:
    """A proxy looks at headers and passes trailers: who the caller is must not be found there."""
    body = b"2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\nX-Forwarded-For: 10.0.0.1\r\nHost: evil\r\n\r\n"
    said = said_to(platform, _head(platform, "Transfer-Encoding: chunked") + body + SECOND)
    assert said.startswith(b"HTTP/1.1 422 ")
    assert b"is required" in said
    assert said.count(b"HTTP/1.1 200 ") == 1, "the next request is one of its own"


ENDLESS = {
    "headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(10_000)) + b"\r\n",
    "a few long headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"y" * 30_000 + b"\r\n") * 3 + b"\r\n",
    "an address": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("case", ENDLESS)
def test_a_head_has_an_end_also_if_it_comes_at_once(case: str, platform: Platform) -> None:
    assert said_to(platform, ENDLESS[case])[:13] in (b"HTTP/1.1 431 ", b"")


@pytest.mark.parametrize(
    "piece", [b"X-T: " + b"y" * 1000 + b"\r\n", b"y" * 1000], ids=["many trailers", "one that does not end"]
)
def test_trailers_have_an_end(piece: bytes, platform: Platform) -> None:
    """They would be kept in memory for as long as they come."""
    begin = _head(platform, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\nX: "
    host, port = platform.client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(begin)
        sent, most = 0, 64 * 1024**2
        with suppress(ConnectionResetError, BrokenPipeError):
            while sent < most:
                sent += link.send(piece * 64)
        assert sent < most


def test_a_client_that_leaves_in_the_middle_is_no_fault_of_ours(platform: Platform) -> None:
    log = platform.home / "logs" / "gateway.log"
    before = log.stat().st_size
    host, port = platform.client.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as link:
        link.sendall(_head(platform, "Content-Length: 500") + b"{")
    assert said_to(platform, SECOND).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: _counted(platform, 'status="400"') > 0, "the call to be counted")
    assert b"Traceback" not in log.read_bytes()[before:]


def _counted(platform: Platform, word: str) -> float:
    with open_api(platform) as api:
        lines = api.get("/metrics").text.splitlines()
    found = [line for line in lines if word in line and "/plan" in line and not line.startswith("#")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


# ---- JSON ----------------------------------------------------------------------------------------------------------------


def _with(text: str) -> bytes:
    return (json.dumps(GOOD)[:-1] + text + "}").encode("utf-8", "surrogatepass")


TWISTED = {
    "NaN": _with(',"hyperparameters":{"max_features":NaN}'),
    "infinity": _with(',"hyperparameters":{"max_features":-Infinity}'),
    "a number beyond all": _with(',"hyperparameters":{"max_features":1e999}'),
    "a whole number of 100,000 digits": _with(',"seed":' + "9" * 100_000),
    "a whole number of 4,000 digits": _with(',"seed":' + "9" * 4_000),
    "half a character": _with(',"labels":{"a":"\\ud800"}'),
    "half a character as a name": _with(',"labels":{"\\udfff":"a"}'),
    "half a character as bytes": _with(',"labels":{"a":"\ud800"}'),
    "a NUL in a name": _with(',"model_name":"a\\u0000b"'),
    "an overlong NUL": json.dumps(GOOD).encode()[:-1] + b',"labels":{"a":"\xc0\x80"}}',
    "a size of 300 digits": _with(',"resources":{"memory":"' + "9" * 400 + '"}'),
    "a size of 400,000 digits": _with(',"resources":{"memory":"' + "1" * 400_000 + '"}'),
    "a duration of 400,000 digits": _with(',"timeout":"' + "1" * 400_000 + '"'),
    "100,000 unknown fields": b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}",
    "60,000 unknown hyperparameters": json.dumps(GOOD | {"hyperparameters": {f"k{n}": 1 for n in range(60_000)}}).encode(),
    "50,000 labels": json.dumps(GOOD | {"labels": {f"k{n}": "v" for n in range(50_000)}}).encode(),
    "a field of its makers": _with(',"__class__":{"__init__":{"__globals__":1}}'),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "UTF-16 that hides its depth": ('{"a":"\\"","b":' + "[" * 50_000 + "]" * 50_000 + ',"c":"x"}').encode("utf-16-le"),
    "packed": gzip.compress(json.dumps(GOOD).encode()),
}  # fmt: skip


@pytest.mark.parametrize("case", TWISTED)
def test_twisted_json_is_refused_at_once_and_in_short(case: str, api: httpx.Client) -> None:
    began = time.monotonic()
    answer = api.post("/api/v1/plan", content=TWISTED[case], headers=JSON)
    assert time.monotonic() - began < 3.0
    problem = refused(answer, 422)
    assert len(problem.get("errors", ())) <= 20
    assert len(answer.content) < 20_000


@pytest.mark.parametrize("path", ["/auth/token", "/auth/refresh"])
def test_who_is_not_signed_in_sends_little(path: str, platform: Platform) -> None:
    body = json.dumps({f"k{n}": 1 for n in range(5_000)}).encode()
    with httpx.Client(base_url=platform.client.url, trust_env=False) as nobody:
        refused(nobody.post(f"/api/v1{path}", content=body, headers=JSON), 413, "16 KiB")


def test_the_last_of_two_equal_keys_counts_for_all_that_look_at_it(api: httpx.Client) -> None:
    """There is one reader: who may is asked about the workspace that the job would be in."""
    made = api.post("/api/v1/workspaces", json={"name": "closed"})
    assert made.status_code in (201, 409)
    with _user(api, "kim", "default") as kim:
        for order in (("default", "closed"), ("closed", "default")):
            text = "".join(f',"workspace":"{name}"' for name in order)
            answer = kim.post("/api/v1/jobs", content=_with(text), headers=JSON)
            if order[-1] == "closed":
                assert answer.status_code in (403, 404), answer.text
            else:
                assert answer.json()["workspace"] == "default"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_packed_body_is_not_unpacked(encoding: str, api: httpx.Client) -> None:
    """50 MB in 50 kB: nothing here looks at Content-Encoding."""
    bomb = gzip.compress(b"[" * 50_000_000)
    answer = api.post("/api/v1/plan", content=bomb, headers=JSON | {"Content-Encoding": encoding})
    refused(answer, 422)
    answer = api.post(
        "/api/v1/datasets/bomb/versions?format=csv", content=bomb, headers={"Content-Encoding": encoding}
    )
    refused(answer, 422, "unpack it first")


def test_a_form_is_no_body(api: httpx.Client) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="name"; filename="../../x"\r\n\r\na\r\n--x--\r\n'
    for path in ("/plan", "/datasets", "/users"):
        answer = api.post(
            f"/api/v1{path}", content=form, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        refused(answer, 422)


class _Evil:
    """Says in a file that it was unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_table_that_holds_a_pickle_is_a_table(api: httpx.Client, tmp_path: Path) -> None:
    """Arrow's old extension types and pandas' notes in Parquet can carry pickles, which some readers load."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pickled = pickle.dumps(_Evil(tmp_path / "unpickled"))
    about = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": pickled}
    fields = [pa.field("a", pa.int64(), metadata=about), pa.field("label", pa.string())]
    schema = pa.schema(fields, metadata={b"pandas": pickled, b"ARROW:schema": pickled})
    table = pa.table({"a": list(range(40)), "label": ["x", "y"] * 20}, schema=schema)
    pq.write_table(table, tmp_path / "table.parquet")
    answer = api.post(
        "/api/v1/datasets/pickled/versions?format=parquet&target=label",
        content=(tmp_path / "table.parquet").read_bytes(),
    )
    assert answer.status_code in (201, 422), answer.text
    if answer.status_code == 201:
        job = api.post("/api/v1/jobs", json=GOOD | {"dataset": "pickled"}).json()["job_id"]
        wait_until(lambda: api.get(f"/api/v1/jobs/{job}").json()["finished_at"], "the job to end", 60)
    assert not (tmp_path / "unpickled").exists()
    pickle.loads(pickled)
    assert (tmp_path / "unpickled").exists(), "it would have shown"


# ---- names ---------------------------------------------------------------------------------------------------------------

CONFUSING = (
    "d\u0435fault", "\uff44efault", "default\u200b", "\u202etluafed", "de\u0301fault", "defau\u0131t", "defaul\u03c4",
    "default\0", "default\n", "default/x", "..", "-default", " default", "default ",
)  # fmt: skip


@pytest.mark.parametrize("name", CONFUSING)
def test_a_name_that_looks_like_another_is_refused(name: str, api: httpx.Client) -> None:
    refused(api.post("/api/v1/workspaces", json={"name": name}), 422)
    body = {"name": name.replace("default", "root"), "password": PASSWORD, "role": "user"}
    assert api.post("/api/v1/users", json=body).status_code in (201, 409, 422)
    names = [one["name"] for one in api.get("/api/v1/users").json()["items"]]
    assert all(one.isascii() and one.isprintable() and one == one.strip() for one in names)
    for field in ("name", "model_name"):
        refused(api.post("/api/v1/plan", json=GOOD | {field: name + "\u0435"}), 422)
    refused(api.post("/api/v1/models", json={"name": name + "\u0435", "job_id": "j-0"}), 422)
    refused(api.post("/api/v1/datasets", json={"name": name + "\u0435"}), 422)


@pytest.mark.parametrize("where", ["' OR 1=1 --", "%", "_", "*", "\\", "(a+)+$", "a%", "%00"])
def test_a_filter_is_a_value_and_no_pattern(where: str, api: httpx.Client) -> None:
    for path in ("/jobs?name=", "/studies?name=", "/audit?actor=", "/audit?action=", "/audit?target="):
        answer = api.get(f"/api/v1{path}", params={path.split("?")[1].rstrip("="): where})
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 200 and "audit" not in path:
            assert answer.json()["items"] == []


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def test_a_cursor_of_ones_own_making_shows_nothing_of_others(api: httpx.Client) -> None:
    api.post("/api/v1/workspaces", json={"name": "closed"})
    with _user(api, "lee", "default") as lee:
        for path in ("/jobs", "/datasets", "/models", "/studies", "/workspaces"):
            for values in (("",), ("", ""), ("' OR 1=1 --",), ("9999", "j-~"), ("\uffff", "")):
                answer = lee.get(f"/api/v1{path}", params={"cursor": _cursor(*values), "workspace": "closed"})
                assert answer.status_code in (200, 403, 404, 422), answer.text
                if answer.status_code == 200:
                    assert all(
                        "closed" not in (one.get("workspace"), one.get("name"))
                        for one in answer.json()["items"]
                    )


# ---- more than one may ---------------------------------------------------------------------------------------------------


def _user(api: httpx.Client, name: str, workspace: str, role: str = "user") -> httpx.Client:
    api.post("/api/v1/users", json={"name": name, "password": PASSWORD, "role": None})
    api.post("/api/v1/workspaces", json={"name": workspace})
    given = api.put(f"/api/v1/workspaces/{workspace}/members/{name}", json={"role": role})
    assert given.status_code == 204, given.text
    answer = api.post("/api/v1/auth/token", json={"username": name, "password": PASSWORD})
    token = answer.json()["access_token"]
    return httpx.Client(base_url=api.base_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


def test_nobody_gives_oneself_what_is_not_asked_for(api: httpx.Client) -> None:
    """Mass assignment: fields of the row that are none of the body."""
    with _user(api, "max", "default") as max_:
        mine = max_.get("/api/v1/auth/me").json()
        for extra in ("role", "user_id", "is_root", "disabled", "password_hash", "created_at", "permissions"):
            for path, body in (
                ("/auth/password", {"old": PASSWORD, "new": PASSWORD + "2"}),
                ("/keys", {"name": "k"}),
                ("/datasets", {"name": "d"}),
                ("/jobs", GOOD),
            ):
                answer = max_.post(f"/api/v1{path}", json=body | {extra: "admin"})
                refused(answer, 422)
        assert max_.patch("/api/v1/users/max", json={"role": "admin"}).status_code == 403
        assert max_.get("/api/v1/auth/me").json() == mine


def test_all_bodies_name_all_their_fields(api: httpx.Client) -> None:
    found = api.get("/api/openapi.json").json()
    schemas = found["components"]["schemas"]
    checked = 0
    for path, item in found["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            reference = content.get("schema", {}).get("$ref")
            if reference is None:
                continue
            schema = schemas[reference.rsplit("/", 1)[1]]
            assert schema.get("additionalProperties") is False, (
                f"{method} {path} takes fields that it does not name"
            )
            checked += 1
    assert checked >= 20


def test_ids_cannot_be_guessed_from_each_other(api: httpx.Client, platform: Platform) -> None:
    jobs = [platform.client.submit(GOOD | {"name": f"guess-{n}"}).id for n in range(2)]
    ends = {job[-5:] for job in jobs}
    assert len(ends) == 2
    with _user(api, "noa", "closed-to-others") as noa:
        near = [jobs[0][:-1] + char for char in "0123456789abcdefghjkmnpqrstvwxyz"]
        answers = {job: noa.get(f"/api/v1/jobs/{job}") for job in (*jobs, *near)}
        assert {answer.status_code for answer in answers.values()} == {404}
        told = {answer.json()["detail"].replace(job, "ID") for job, answer in answers.items()}
        assert len(told) == 1, "what is somebody else's looks like what is not there"


# ---- what people read ----------------------------------------------------------------------------------------------------


def _obeyed(text: str) -> set[str]:
    return {char for char in text if not char.isprintable() and char not in "\n\t"}


def test_nothing_of_others_speaks_to_a_terminal(platform: Platform, api: httpx.Client) -> None:
    made = api.post("/api/v1/datasets", json={"name": "loud", "description": ESCAPES})
    assert made.status_code in (201, 409), made.text
    rows = f"{ESCAPES},label\n".encode() + b"1,x\n2,y\n" * 20
    api.post("/api/v1/datasets/loud/versions?format=csv", content=rows)
    job = api.post("/api/v1/jobs", json=GOOD | {"labels": {"note": ESCAPES}}).json()["job_id"]
    commands = (
        ("datasets", "list"), ("datasets", "show", "loud"), ("datasets", "list", "--json"), ("jobs", "show", job),
        ("jobs", "show", job, "--json"), ("jobs", "events", job), ("jobs", "show", ESCAPES), ("audit", "list"),
    )  # fmt: skip
    for command in commands:
        done = platform.cli(*command, check=False)
        assert _obeyed(done.stdout + done.stderr) == set(), command
    assert json.loads(platform.cli("jobs", "show", job, "--json").stdout)["spec"]["labels"] == {
        "note": ESCAPES
    }


def test_a_log_of_a_task_speaks_to_no_terminal(
    platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> None:
    code = tmp_path_factory.mktemp("loud")
    (code / "main.py").write_text(f"print({ESCAPES!r})\nraise SystemExit({ESCAPES!r})\n")
    job = platform.client.submit(name="loud", entrypoint="main.py", code=str(code))
    with pytest.raises(JobFailed):
        job.wait(60)
    for command in (
        ("jobs", "logs", job.id),
        ("jobs", "show", job.id),
        ("jobs", "events", job.id),
        ("jobs", "list"),
    ):
        done = platform.cli(*command, check=False)
        assert _obeyed(done.stdout + done.stderr) == set(), command


def test_a_log_of_the_gateway_has_lines_of_its_own_only(platform: Platform, api: httpx.Client) -> None:
    log = platform.home / "logs" / "gateway.log"
    before = log.stat().st_size
    forged = "2026-01-01 [info] all is well"
    said_to(platform, b"GET /x\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n")
    api.get(
        f"/api/v1/jobs/%0a{forged}%1b%5b31m",
        headers={"User-Agent": "\x1b[31m", "traceparent": f"00-{forged}"},
    )
    api.post("/api/v1/auth/token", json={"username": f"x\n{forged}\x1b[2J", "password": "x"})
    written = log.read_bytes()[before:].decode()
    assert _obeyed(written) == set()
    assert not any(line.startswith(forged) for line in written.splitlines())


# ---- a reader that takes too long ----------------------------------------------------------------------------------------

SLOW_TEXTS = ("a." * 100_000, "a" * 300_000 + "!", " " * 300_000 + "x", "1 " * 150_000, "a@" * 100_000, "../" * 100_000,
              "a==1;" * 60_000, "aA1._-" * 50_000 + "\n")  # fmt: skip


@pytest.mark.parametrize(
    "field",
    [
        "name",
        "dataset",
        "entrypoint",
        "model_name",
        "target_column",
        "timeout",
        "workspace",
        "requirements",
        "args",
    ],
)
def test_no_text_holds_a_pattern_up(field: str, api: httpx.Client) -> None:
    for text in SLOW_TEXTS:
        for value in (text, [text]):
            began = time.monotonic()
            answer = api.post(
                "/api/v1/plan",
                json={"name": "x", "entrypoint": "a.py", "code": {"digest": "0" * 64}, field: value},
            )
            assert time.monotonic() - began < 2.0, (field, text[:10])
            assert answer.status_code in (200, 413, 422)
            assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    "name",
    ["If-None-Match", "If-Match", "Range", "Accept", "Cookie", "traceparent", "X-Forwarded-For", "Forwarded"],
)
def test_no_header_holds_a_pattern_up(name: str, api: httpx.Client) -> None:
    for value in (
        'W/"' + " ," * 10_000,
        '"' * 20_000,
        ",".join(f'"{n}"' for n in range(3000)),
        ";" * 20_000,
        "bytes=" + "0-0," * 6000,
    ):
        began = time.monotonic()
        answer = api.get("/api/v1/jobs", headers={name: value})
        assert time.monotonic() - began < 2.0
        assert answer.status_code in (200, 304, 400, 422)
