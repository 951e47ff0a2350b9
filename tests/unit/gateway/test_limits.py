from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tensorfleet.access.current import caller
from tensorfleet.access.model import ROOT, Principal
from tensorfleet.errors import TooManyRequests
from tensorfleet.gateway.limits import Limits, SignInLimits, kind_of, limited, place_of, policies_of, who_of
from tensorfleet.kit.buckets import MemoryBuckets
from tensorfleet.settings_protection import LimitSettings, LimitsSettings

ANN = Principal("u-ann", "ann", via="session", credential="s-1")
TWO = LimitSettings(quota=2, per_s=60.0)


class World:
    def __init__(self, settings: LimitsSettings) -> None:
        self.now = 0.0
        self.asked = 0
        self.sent: list[Any] = []
        self.app = limited(self._app, Limits(settings, MemoryBuckets(lambda: self.now)))

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body"})

    async def ask(
        self,
        who: Principal | None,
        path: str = "/api/v1/jobs",
        method: str = "GET",
        address: str = "192.0.2.1",
    ) -> tuple[int, dict[str, str]]:
        self.sent = []

        async def send(message: Any) -> None:
            self.sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": [], "client": (address, 1)}
        token = caller.set(who)
        try:
            await self.app(scope, None, send)
        finally:
            caller.reset(token)
        headers = {name.decode().lower(): value.decode() for name, value in self.sent[0]["headers"]}
        return self.sent[0]["status"], headers


@pytest.fixture
def world() -> Iterator[World]:
    return World(LimitsSettings(read=TWO, write=TWO, anonymous=TWO))


async def test_a_caller_who_asks_too_much_learns_when_to_come_back(world: World) -> None:
    first = await world.ask(ANN)
    assert first == (
        200,
        {"x": "y", "ratelimit-policy": '"read";q=2;w=60', "ratelimit": '"read";r=1;t=31'},
    )
    await world.ask(ANN)
    status, headers = await world.ask(ANN)
    assert status == 429
    assert headers["content-type"] == "application/problem+json"
    assert headers["retry-after"] == "30"
    assert headers["ratelimit"] == '"read";r=0;t=31'
    assert b'"code":"too_many_requests"' in world.sent[1]["body"]
    assert b"limits.read" in world.sent[1]["body"]
    assert world.asked == 2, "the application did not see it"
    world.now = 30.0
    assert (await world.ask(ANN))[0] == 200


async def test_kinds_of_routes_and_callers_have_buckets_of_their_own(world: World) -> None:
    for _ in range(3):
        await world.ask(ANN)
    assert (await world.ask(ANN, method="POST"))[0] == 200
    key = Principal("u-ann", "ann", via="key", credential="k-1")
    assert (await world.ask(key))[0] == 200
    assert (await world.ask(None))[0] == 200
    another_session = Principal("u-ann", "ann", via="session", credential="s-2")
    assert (await world.ask(another_session))[0] == 429


async def test_who_has_not_signed_in_is_counted_by_address(world: World) -> None:
    for _ in range(2):
        assert (await world.ask(None, "/api/v1/auth/token", "POST"))[0] == 200
    assert (await world.ask(None, "/health"))[0] == 429
    assert (await world.ask(None, "/health", address="192.0.2.2"))[0] == 200
    assert (await world.ask(None, "/health/live"))[0] == 200


async def test_the_homes_own_token_is_not_limited(world: World) -> None:
    for _ in range(10):
        assert await world.ask(ROOT) == (200, {"x": "y"})


async def test_limits_can_be_off_but_not_for_sign_ins() -> None:
    off = LimitsSettings(enabled=False, read=TWO, failed_name=TWO)
    world = World(off)
    for _ in range(10):
        assert (await world.ask(ANN))[0] == 200
    guard = SignInLimits(off, MemoryBuckets(lambda: 0.0))
    for _ in range(2):
        guard.failed("ann", "a")
    with pytest.raises(TooManyRequests):
        guard.check("ann", "b")


async def test_other_scopes_pass(world: World) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await limited(app, Limits(LimitsSettings(), MemoryBuckets(lambda: 0.0)))({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/api/v1/jobs", "read"),
        ("HEAD", "/metrics", "read"),
        ("POST", "/api/v1/jobs", "write"),
        ("DELETE", "/api/v1/jobs/j-1", "write"),
        ("PUT", "/api/v1/uploads/u-1/chunks/7", "data"),
        ("POST", "/api/v1/uploads", "write"),
        ("GET", "/api/v1/datasets/iris/versions/1/download", "data"),
        ("GET", "/api/v1/download/models/x", "data"),
        ("GET", "/api/v1/jobs/j-1/files/a/b", "data"),
        ("GET", "/api/v1/jobs/j-1/files", "read"),
        ("GET", "/api/v1/events", "stream"),
        ("GET", "/api/v1/jobs/j-1/stream", "stream"),
        ("GET", "/api/v1/jobs/j-1/events", "read"),
    ],
)
def test_kinds(method: str, path: str, kind: str) -> None:
    assert kind_of(method, path) == kind
    assert kind in policies_of(LimitsSettings())


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("", ""),
        ("testclient" * 50, "testclient" * 10),
    ],
)
def test_who_has_one_address_of_ipv6_has_them_all(address: str, place: str) -> None:
    assert place_of(address) == place
    assert who_of(None, (address, 1)) == f"from {place}"


def test_a_socket_file_has_no_address() -> None:
    assert who_of(None, None) == "from "


class Guess:
    def __init__(self) -> None:
        self.now = 0.0
        settings = LimitsSettings(
            failed_name=LimitSettings(quota=3, per_s=300), failed_address=LimitSettings(quota=5, per_s=300)
        )
        self.guard = SignInLimits(settings, MemoryBuckets(lambda: self.now))

    def fail(self, name: str, address: str, times: int = 1) -> None:
        for _ in range(times):
            self.guard.check(name, address)
            self.guard.failed(name, address)


def test_a_name_is_guessed_a_few_times_from_wherever() -> None:
    guess = Guess()
    for number in range(3):
        guess.fail("ann", f"192.0.2.{number}")
    with pytest.raises(TooManyRequests, match="try again in 100 s") as why:
        guess.guard.check(" ANN ", "192.0.2.9")
    assert why.value.wait_s == pytest.approx(100.0)
    guess.guard.check("bob", "192.0.2.9")
    guess.now = 100.0
    guess.guard.check("ann", "192.0.2.9")


def test_an_address_guesses_a_few_times_whatever_the_name() -> None:
    guess = Guess()
    for number in range(5):
        guess.fail(f"name {number}", "2001:db8::1")
    with pytest.raises(TooManyRequests):
        guess.guard.check("other", "2001:db8::2")
    guess.guard.check("other", "2001:db8:1::2")


def test_signing_in_costs_nothing() -> None:
    guess = Guess()
    for _ in range(100):
        guess.guard.check("ann", "192.0.2.1")


def test_long_names_are_kept_short() -> None:
    guess = Guess()
    guess.fail("x" * 10**6, "192.0.2.1", times=3)
    with pytest.raises(TooManyRequests):
        guess.guard.check("x" * 10**6 + "y", "192.0.2.2")
