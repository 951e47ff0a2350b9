"""Roles that let themselves in by a secret, as containers do, and an authority that every orchestrator is."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import httpx
import pytest

import tensorfleet
from tensorfleet.errors import InvalidInput, NotPermitted, Unavailable
from tensorfleet.kit.clock import utc_now
from tensorfleet.testing.servers import create_database, free_ports, postgres
from tensorfleet.trust import client
from tensorfleet.trust.authority import Authority
from tensorfleet.trust.certificates import make_request, new_key
from tensorfleet.trust.channels import open_channel
from tensorfleet.trust.endpoint import Endpoint
from tensorfleet.trust.identity import Identity
from tensorfleet.trust.places import InDatabase
from tensorfleet.wire import tensorfleet_pb2 as pb
from tensorfleet.wire.tensorfleet_pb2_grpc import OrchestratorStub
from tests.integration.platform import CLI, wait_until

HOUR = timedelta(hours=1)
AGENTS, GATEWAYS, SEAL = "a" * 40, "g" * 40, "s" * 40


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@asynccontextmanager
async def serving(authority: Authority) -> AsyncIterator[str]:
    (port,) = free_ports(1)
    endpoint = await asyncio.to_thread(Endpoint, authority, {}, utc_now)
    await endpoint.start("127.0.0.1", port)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await endpoint.close()


async def test_a_machine_and_the_authority_prove_themselves_to_each_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "a", "h:1", HOUR, utc_now, {"agent": (AGENTS,)})
    imposter = Authority(tmp_path / "b", "h:1", HOUR, utc_now, {"agent": ("x" * 40,)})
    async with serving(authority) as address, serving(imposter) as wrong:
        own = await asyncio.to_thread(client.enter, address, "agent", AGENTS)
        assert (own.role, own.authority) == ("agent", address)
        assert (await asyncio.to_thread(client.renew, own)).name == own.name
        for where, role, secret in (
            (wrong, "agent", AGENTS),
            (address, "agent", "b" * 40),
            (address, "gateway", AGENTS),
        ):
            with pytest.raises(NotPermitted, match="does not know the secret"):
                await asyncio.to_thread(client.enter, where, role, secret)
        assert imposter.ledger.all()[:-1] == []
        authority.ledger.revoke_secret(authority.secret_ids()[0], utc_now())
        with pytest.raises(NotPermitted, match="is revoked"):
            await asyncio.to_thread(client.enter, address, "agent", AGENTS)


def test_orchestrators_share_an_authority_in_the_database(server: str) -> None:
    url = create_database(server)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: Authority(InDatabase(url, SEAL), "h:1", HOUR, utc_now), range(4)))
    first, second = made[:2]
    assert len({one.roots() for one in made}) == 1
    given = first.own("agent", "w-1")
    second.ledger.revoke("w-1", utc_now())
    assert len(first.ledger.revoked(utc_now())) == 1
    invitation = first.invite("agent", "", HOUR)
    request = make_request(new_key())
    second.join(invitation.secret, request)
    with pytest.raises(NotPermitted, match="is used"):
        first.join(invitation.secret, request)
    second.rotate()
    assert first.roots() == second.roots() != given.roots
    with pytest.raises(InvalidInput, match="authority_secret is not the one"):
        Authority(InDatabase(url, "t" * 40), "h:1", HOUR, utc_now)
    (nobody,) = free_ports(1)
    with pytest.raises(Unavailable, match="cannot be reached"):
        InDatabase(f"postgresql://u@127.0.0.1:{nobody}/n", SEAL)


def test_the_key_does_not_lie_open_in_the_database(server: str) -> None:
    import psycopg

    url = create_database(server)
    Authority(InDatabase(url, SEAL), "h:1", HOUR, utc_now)
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT state FROM trust.authority").fetchone()
    assert found is not None
    assert "PRIVATE KEY" not in found[0]


class Fleet:
    """Roles as containers have them: each with a home of its own, and what it has to know in its environment."""

    def __init__(self, folder: Path, database: str, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        first, second, self.authority, self.port, *metrics = free_ports(6)
        self.addresses = [f"127.0.0.1:{first}", f"127.0.0.1:{second}"]
        self.checks = [f"http://127.0.0.1:{port}/health" for port in metrics]
        self.env = {
            "TENSORFLEET_ORCHESTRATOR_ADDRESS": ",".join(self.addresses),
            "TENSORFLEET_AUTHORITY_ADDRESS": f"127.0.0.1:{self.authority}",
            "TENSORFLEET_MUTUAL_TLS": "always",
            "TENSORFLEET_OBJECT_STORE_URL": f"file://{folder}/objects",
            "TENSORFLEET_TOKEN": "t" * 40,
        }
        self.database = {
            "TENSORFLEET_DATABASE_URL": database,
            "TENSORFLEET_MLFLOW_URL": f"sqlite:///{folder}/mlflow.db",
        }
        self.secrets = {"TENSORFLEET_BOOTSTRAP__AGENT": AGENTS, "TENSORFLEET_BOOTSTRAP__GATEWAY": GATEWAYS}

    def orchestrator(self, number: int) -> subprocess.Popen[bytes]:
        metrics = self.checks[number].rpartition(":")[2].partition("/")[0]
        sealed = {"TENSORFLEET_AUTHORITY_SECRET": SEAL, "TENSORFLEET_METRICS__ORCHESTRATOR": metrics}
        env = {
            **self.database,
            **self.secrets,
            **sealed,
            "TENSORFLEET_ORCHESTRATOR_LISTEN": self.addresses[number],
        }
        return self.start(f"orchestrator-{number}", ["orchestrator"], env)

    def gateway(self) -> subprocess.Popen[bytes]:
        env = {**self.database, "TENSORFLEET_BOOTSTRAP__GATEWAY": GATEWAYS}
        return self.start("gateway", ["gateway", "--port", str(self.port)], env)

    def agent(self, name: str, secret: str = AGENTS) -> subprocess.Popen[bytes]:
        return self.start(name, ["agent", "--workers", "1"], {"TENSORFLEET_BOOTSTRAP__AGENT": secret})

    def start(self, home: str, words: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        own = {**os.environ, **self.env, **env, "TENSORFLEET_HOME": str(self.folder / home)}
        log = self._stack.enter_context((self.folder / f"{home}.log").open("ab"))
        process = subprocess.Popen([CLI, *words], env=own, stdout=log, stderr=log)
        self._stack.callback(process.wait, 30)
        self._stack.callback(process.terminate)
        return process

    def identity(self, home: str) -> Identity:
        role = home.partition("-")[0]
        return Identity(self.folder / home / ("agent" if role == "agent" else f"pki/{role}"))

    def trust(self, *words: str) -> str:
        """A command in the container of an orchestrator."""
        env = {
            **os.environ,
            **self.env,
            **self.database,
            **self.secrets,
            "TENSORFLEET_AUTHORITY_SECRET": SEAL,
        }
        env["TENSORFLEET_HOME"] = str(self.folder / "orchestrator-1")
        done = subprocess.run(
            [CLI, "trust", *words], env=env, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def log(self, home: str) -> str:
        return (self.folder / f"{home}.log").read_text()


def test_a_fleet_whose_roles_let_themselves_in(server: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        fleet = Fleet(tmp_path, create_database(server), stack)
        # In the wrong order: who comes first waits.
        fleet.agent("agent-1"), fleet.gateway()
        leader = fleet.orchestrator(0)
        wait_until(lambda: status(fleet.checks[0] + "/ready") == 200, "an orchestrator")
        standby = fleet.orchestrator(1)
        api = stack.enter_context(tensorfleet.Client(f"http://127.0.0.1:{fleet.port}", "t" * 40))
        wait_until(lambda: len(online(api)) == 1, "the agent")
        wait_until(lambda: status(fleet.checks[1] + "/ready") == 200, "the standby")
        (worker,) = online(api)
        assert worker == fleet.identity("agent-1").current.name
        agent_may_not_be_a_gateway(fleet)
        job = api.submit(
            {"name": "n", "algorithm": "naive_bayes", "dataset": "iris", "resources": {"workers": 1}}
        )
        assert job.wait(60).status == "completed"

        leader.kill()
        fleet.agent("agent-2")
        wait_until(lambda: len(online(api)) == 2, "an agent that has joined by the other orchestrator")
        assert standby.poll() is None

        secret = next(
            one for one in json.loads(fleet.trust("secrets", "--json")) if one["id"].startswith("agent/")
        )
        assert (secret["state"], secret["joined"]) == ("good", 2)
        fleet.trust("revoke", secret["id"])
        late, stranger = fleet.agent("agent-3"), fleet.agent("agent-4", "b" * 40)
        assert (late.wait(60), stranger.wait(60)) == (1, 1)
        assert "is revoked" in fleet.log("agent-3")
        assert "does not know the secret" in fleet.log("agent-4")
        assert not fleet.identity("agent-3").path.exists()
        assert len(online(api)) == 2, "who has joined stays in"


def agent_may_not_be_a_gateway(fleet: Fleet) -> None:
    for home, expected in (("agent-1", "PERMISSION_DENIED"), ("gateway", "")):
        own = fleet.identity(home).current
        with open_channel(fleet.addresses[0], (), own) as channel:
            stub = OrchestratorStub(channel)  # type: ignore[no-untyped-call]
            try:
                stub.Wake(pb.WakeRequest(), timeout=10)
                found = ""
            except grpc.RpcError as error:
                found = error.code().name
        assert found == expected, home


def online(api: tensorfleet.Client) -> list[str]:
    try:
        return [one["worker_id"] for one in api.workers.list() if one["state"] == "online"]
    except Unavailable:
        return []


def status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code
    except httpx.HTTPError:
        return 0
