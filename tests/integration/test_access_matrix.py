"""Every route and every RPC, for every role, in one's own workspace and in another's, with every kind of wrong token.

The routes are those of the running gateway's own description, the RPCs those of the proto file; what should come of a call
is worked out here from the roles, and compared with what the server does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import jwt
import pytest

from tensorfleet.access.model import PERMISSIONS, Permission, Role
from tensorfleet.access.policy import RULES, Matcher, Rule, Where
from tensorfleet.access.tokens import derive
from tensorfleet.settings import load_settings
from tensorfleet.testing.description import operations
from tensorfleet.wire import tensorfleet_pb2 as pb
from tests.integration.api import open_api
from tests.integration.platform import Platform, wait_until

OWN, OTHER = "matrix-own", "matrix-other"
ROWS = b"a,b,label\n" + b"".join(b"%d,%d,%s\n" % (n, n * n % 7, b"x" if n % 3 else b"y") for n in range(60))
PLATFORM_ONLY = {Permission.FLEET_STEER, Permission.PLATFORM_ADMIN}
HIDDEN = re.compile(r"there is no (job|workspace|object|model folder) '")
DISTURBS = {
    "DELETE /api/v1/jobs/{job_id}",
    "DELETE /api/v1/datasets/{name}",
    "POST /api/v1/workers/{worker_id}/drain",
    "POST /api/v1/workers/{worker_id}/quarantine",
    "POST /api/v1/workers/{worker_id}/release",
    "POST /api/v1/workers/{worker_id}/check",
}
"""Not called by those who may: the next call would find nothing, or the other tests no worker."""


@dataclass(frozen=True)
class Place:
    """A workspace with something of each kind in it."""

    workspace: str
    job: str


@dataclass(frozen=True)
class Caller:
    role: Role
    within: str | None  # None: everywhere
    token: str

    def expected(self, rule: Rule, workspace: str | None) -> str:
        """`in`, `forbidden` or `hidden`."""
        held = PERMISSIONS[self.role]
        if self.within is not None:
            held = held - PLATFORM_ONLY if workspace in (self.within, "anywhere") else frozenset()
        if rule.permission is None or rule.permission in held:
            return "in"
        knows = self.within is None or workspace in (self.within, "anywhere", None)
        return "forbidden" if knows else "hidden"


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[httpx.Client]:
    with open_api(platform) as client:
        yield client


@pytest.fixture(scope="module")
def places(platform: Platform, api: httpx.Client) -> dict[str, Place]:
    found = {}
    for workspace in (OWN, OTHER):
        api.post("/api/v1/workspaces", json={"name": workspace}).raise_for_status()
        query = {"format": "csv", "target": "label", "workspace": workspace}
        api.post("/api/v1/datasets/things/versions", params=query, content=ROWS).raise_for_status()
        spec = {"name": "matrix", "algorithm": "decision_tree", "dataset": "things", "model_name": "things"}
        job = platform.client.submit(spec | {"workspace": workspace})
        job.wait(60)
        found[workspace] = Place(workspace, job.id)
        address = f"/api/v1/models/things/versions/1?workspace={workspace}"
        wait_until(lambda address=address: api.get(address).status_code == 200, "the model to be registered")
    return found


def make_key(api: httpx.Client, name: str, role: Role, within: str | None, **key: Any) -> dict[str, Any]:
    """A service account with that role, and a key of it."""
    body = {"name": name, "service": True, "role": role.value if within is None else None}
    api.post("/api/v1/users", json=body).raise_for_status()
    if within is not None:
        address = f"/api/v1/workspaces/{within}/members/{name}"
        api.put(address, json={"role": role.value}).raise_for_status()
    answer = api.post("/api/v1/keys", json={"name": "matrix", "user": name, **key})
    answer.raise_for_status()
    return dict(answer.json())


@pytest.fixture(scope="module")
def callers(api: httpx.Client, places: dict[str, Place]) -> list[Caller]:
    return [
        Caller(role, within, make_key(api, f"matrix-{role.value}-{within or 'all'}", role, within)["key"])
        for role in Role
        for within in (None, OWN)
    ]


@pytest.fixture(scope="module")
def routes(api: httpx.Client) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in operations(api.get("/api/openapi.json").json())]


@pytest.fixture(scope="module")
def worker(api: httpx.Client) -> str:
    return str(api.get("/api/v1/workers").json()["items"][0]["worker_id"])


def address(path: str, place: Place, worker: str) -> str:
    """The path, with something of that place for each name in it."""
    values = {
        "job_id": place.job,
        "study_id": place.job,
        "other_id": place.job,
        "worker_id": worker,
        "name": "things",
        "version": "1",
        "alias": "matrix",
        "bucket": "models",
        "upload_id": "u-0000000000000000",
        "session_id": "s-0000000000000000",
        "key_id": "k-0000000000000000",
        "user": "matrix-nobody",
        "provider": "nobody",
        "webhook_id": "wh-0000000000000000",
        "delivery_id": "wh-0000000000000000-1",
        "workspace": place.workspace,
        "index": "0",
        "path": "nothing",
    }
    if "/download/" in path:
        values["name"] = f"{place.job}/1/MLmodel"
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: values[found[1]], path)


def call(
    api: httpx.Client, method: str, url: str, token: str | None, workspace: str | None
) -> tuple[int, str]:
    """Status and text; of a stream only the status.  A body, where there is one, is never a right one."""
    headers = {"Idempotency-Key": f"matrix-{workspace}".encode()}
    if token is not None:
        headers["Authorization"] = token.encode("latin-1")
    body = None if method == "GET" else {"nonsense": 1}
    query = {"workspace": workspace} if workspace is not None else None
    request = api.build_request(method, url, json=body, params=query, headers=headers)
    if token is None:
        del request.headers["Authorization"]
    answer = api.send(request, stream=True)
    try:
        streaming = answer.headers.get("content-type", "").startswith("text/event-stream")
        return answer.status_code, "" if streaming else answer.read().decode(errors="replace")
    finally:
        answer.close()


def outcome(status: int, text: str) -> str:
    if status in (401, 403):
        return {401: "unknown", 403: "forbidden"}[status]
    return "hidden" if status == 404 and HIDDEN.search(text) else "in"


def test_every_role_in_each_workspace(
    api: httpx.Client,
    routes: list[tuple[str, str]],
    callers: list[Caller],
    places: dict[str, Place],
    worker: str,
) -> None:
    matcher, wrong, count = Matcher(RULES), [], 0
    for method, path in routes:
        for place in places.values():
            url = address(path, place, worker)
            rule, _, _ = matcher.find(method, url)
            assert rule is not None, f"{method} {path} has no line in access/policy.py"
            asked = place.workspace if rule.where is Where.WORKSPACE else None
            about = {Where.PLATFORM: None, Where.SOMEWHERE: "anywhere"}.get(rule.where, place.workspace)
            for who in callers:
                expected = who.expected(rule, about)
                if expected == "in" and f"{method} {rule.route}" in DISTURBS:
                    continue
                status, text = call(api, method, url, f"Bearer {who.token}", asked)
                count += 1
                assert status < 500, (method, url, status, text)
                if rule.permission is None:
                    if status == 401:
                        wrong.append((method, url, who, status))
                elif outcome(status, text) != expected:
                    wrong.append((method, url, who.role, who.within, status, text[:200], expected))
    assert not wrong, "\n".join(str(one) for one in wrong)
    assert count > 1000


def test_lists_and_sentences_name_nothing_of_others(
    api: httpx.Client,
    routes: list[tuple[str, str]],
    callers: list[Caller],
    places: dict[str, Place],
    worker: str,
) -> None:
    """Whatever somebody of one workspace can read: no id, no name, no count of another."""
    inside = [who for who in callers if who.within == OWN]
    other = places[OTHER]
    for method, path in routes:
        if method != "GET" or path.endswith(("/events", "/stream")):
            continue
        url = address(path, places[OWN], worker)
        for who in inside:
            _, text = call(api, method, url, f"Bearer {who.token}", None)
            assert other.job not in text, (url, who.role, text)
            assert OTHER not in text.replace(f"matrix-{who.role.value}", ""), (url, who.role, text)


def test_what_is_of_others_cannot_be_told_from_what_is_not_there(
    api: httpx.Client, callers: list[Caller], places: dict[str, Place]
) -> None:
    who = next(one for one in callers if one.within == OWN and one.role is Role.ADMIN)
    token = f"Bearer {who.token}"
    foreign, nothing = places[OTHER].job, "j-0000000000000000"
    for path in ("", "/metrics", "/logs", "/files", "/why", "/stream", "/ledger"):
        told = call(api, "GET", f"/api/v1/jobs/{foreign}{path}", token, None)
        missing = call(api, "GET", f"/api/v1/jobs/{nothing}{path}", token, None)
        assert (told[0], told[1].replace(foreign, nothing)) == missing
    for url in ("/api/v1/datasets/things", "/api/v1/models/things", "/api/v1/datasets/nothing"):
        told = call(api, "GET", url, token, OTHER)
        missing = call(api, "GET", url, token, "matrix-nowhere")
        assert (told[0], told[1].replace(OTHER, "matrix-nowhere")) == missing
    # Names do not lead there either.
    for name in (f"{OTHER}~things", "..%2fthings", f"things?workspace={OTHER}&workspace={OWN}"):
        assert call(api, "GET", f"/api/v1/models/{name}", token, None)[0] in (404, 422), name
    body = {"name": "stolen", "job_id": foreign}
    stolen = api.post(f"/api/v1/models?workspace={OWN}", json=body, headers={"Authorization": token})
    assert stolen.status_code == 404
    folder = {"name": "stolen", "source_prefix": f"models/{foreign}/1"}
    stolen = api.post(f"/api/v1/models?workspace={OWN}", json=folder, headers={"Authorization": token})
    assert stolen.status_code == 404, stolen.text


def test_a_job_goes_only_where_its_sender_may_write(
    api: httpx.Client, callers: list[Caller], places: dict[str, Place]
) -> None:
    spec = {"name": "matrix", "algorithm": "decision_tree", "dataset": "things"}
    own, foreign = places[OWN].job, places[OTHER].job
    for who in callers:
        headers = {"Authorization": f"Bearer {who.token}"}
        may_own = Permission.JOBS_WRITE in PERMISSIONS[who.role]
        for workspace in (OWN, OTHER):
            may = may_own and (who.within is None or workspace == who.within)
            body = spec | {"workspace": workspace}
            planned = api.post("/api/v1/plan", json=body, headers=headers)
            batch = api.post(
                "/api/v1/jobs/batch", json={"items": [body | {"dataset": "none"}]}, headers=headers
            )
            assert (planned.status_code == 200) is may, planned.text
            told = batch.json()["items"][0]["status"] if batch.status_code == 200 else batch.status_code
            assert (told == 422) is may, batch.text
        if may_own and who.within is not None:
            moved = api.post(
                f"/api/v1/jobs/{own}/fork", json={"changes": {"workspace": OTHER}}, headers=headers
            )
            assert moved.status_code == 404, moved.text
        body = {"ids": [own, foreign]}
        answer = api.post("/api/v1/jobs/cancel", json=body, headers=headers)
        if may_own:
            told = [one["status"] for one in answer.json()["items"]]
            assert told == ([409, 409] if who.within is None else [409, 404]), answer.text


def wrong_tokens(platform: Platform, api: httpx.Client) -> dict[str, str | None]:
    expired = make_key(
        api,
        "matrix-expired",
        Role.ADMIN,
        None,
        expires_at=(datetime.now(UTC) + timedelta(seconds=1)).isoformat(),
    )
    revoked = make_key(api, "matrix-revoked", Role.ADMIN, None)
    closed = make_key(api, "matrix-closed", Role.ADMIN, None)
    for key in (revoked, closed):
        assert api.get("/api/v1/jobs", headers={"Authorization": f"Bearer {key['key']}"}).status_code == 200
    api.delete(f"/api/v1/keys/{revoked['key_id']}").raise_for_status()
    api.patch("/api/v1/users/matrix-closed", json={"disabled": True}).raise_for_status()
    now = datetime.now(UTC)
    claims = {
        "iss": "tensorfleet",
        "aud": "tensorfleet",
        "sub": "root",
        "sid": "s-1",
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    home = (platform.home / "token").read_text()
    wait_until(
        lambda: (
            api.get("/api/v1/jobs", headers={"Authorization": f"Bearer {expired['key']}"}).status_code == 401
        ),
        "the key to expire",
    )
    return {
        "none": None,
        "empty": "Bearer",
        "another scheme": f"Basic {home}",
        "without a scheme": home,
        "garbage": "Bearer %s" % ("x" * 200),
        "not text": "Bearer \xff\xfe",
        "almost the home's": f"Bearer {home[:-1]}",
        "twice": f"Bearer {home} {home}",
        "alg none": f"Bearer {jwt.encode(claims, None, 'none')}",
        "signed by somebody": f"Bearer {jwt.encode(claims, 'k' * 32, 'HS256')}",
        "of a session that is none": f"Bearer {jwt.encode(claims, derive(home, b'access tokens'), 'HS256')}",
        "expired": f"Bearer {expired['key']}",
        "revoked": f"Bearer {revoked['key']}",
        "of a closed account": f"Bearer {closed['key']}",
        "half a key": f"Bearer {closed['key'][:20]}",
    }


def test_no_route_opens_to_a_wrong_token(
    platform: Platform,
    api: httpx.Client,
    routes: list[tuple[str, str]],
    places: dict[str, Place],
    worker: str,
) -> None:
    matcher, count = Matcher(RULES), 0
    for kind, token in wrong_tokens(platform, api).items():
        for method, path in routes:
            url = address(path, places[OWN], worker)
            rule, _, _ = matcher.find(method, url)
            assert rule is not None
            if rule.where is Where.OPEN:
                continue
            status, text = call(api, method, url, token, None)
            count += 1
            assert status == 401, (kind, method, url, status, text)
            assert OWN not in text
    assert count > 1000


def test_no_rpc_opens_to_a_wrong_token(platform: Platform, api: httpx.Client, callers: list[Caller]) -> None:
    """The RPCs are for the platform's own parts: whatever a person's or a program's key may do, it may not do this."""
    wrong = list(wrong_tokens_of_rpc(callers))
    (service,) = pb.DESCRIPTOR.services_by_name.values()
    with grpc.insecure_channel(load_settings(home=platform.home).orchestrator) as channel:
        for method in service.methods:
            make = channel.stream_stream if method.client_streaming else channel.unary_unary
            rpc = make(f"/{service.full_name}/{method.name}", lambda message: message, lambda data: data)
            for token in wrong:
                metadata = (("authorization", token),) if token is not None else ()
                sent = iter([b""]) if method.client_streaming else b""
                with pytest.raises(grpc.RpcError) as refused:
                    list(rpc(sent, metadata=metadata, timeout=20)) if method.client_streaming else rpc(
                        sent, metadata=metadata, timeout=20
                    )
                assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED, (method.name, token)


def wrong_tokens_of_rpc(callers: list[Caller]) -> Iterator[str | None]:
    yield from (None, "", "Bearer ", "Bearer nonsense")
    yield from (f"Bearer {who.token}" for who in callers)
