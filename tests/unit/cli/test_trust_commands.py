"""`tensorfleet trust` and what is wrong with what it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from tensorfleet.trust.invitation import Invitation


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORFLEET_ORCHESTRATOR_ADDRESS", "10.0.0.1:7600")


@pytest.mark.usefixtures("far")
def test_invite_prints_the_command(run: Run) -> None:
    *words, token = run("trust", "invite", "--valid-for", "10m").stdout.split()
    assert words == ["tensorfleet", "agent", "--join", "10.0.0.1:7610", "--token"]
    assert Invitation.parse(token).address == "10.0.0.1:7610"
    other = json.loads(run("trust", "invite", "--role", "gateway", "--json").stdout)
    assert other["command"].startswith("tensorfleet trust join 10.0.0.1:7610 --token tfj_")


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("invite", "--role", "agnet"), "did you mean 'agent'?"),
        (("invite", "--valid-for", "soon"), "'soon' is not a duration"),
        (("invite", "--valid-for", "0s"), "at most 7 days"),
        (("invite", "--valid-for", "8d"), "8d"),
        (("invite", "--name", "../x"), "cannot be a name"),
        (("revoke", "nobody"), "nothing to revoke for 'nobody'"),
        (("join", "127.0.0.1:1", "--token", "x"), "no token to join with"),
        (("join", "nowhere", "--token", str(Invitation("h:1", "f", "s"))), "write it as host:port"),
    ],
)
def test_wrong_input(run: Run, words: tuple[str, ...], text: str) -> None:
    done = run("trust", *words)
    assert done.exit_code == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_platform_of_one_machine_needs_none(run: Run) -> None:
    done = run("trust", "list")
    assert (done.exit_code, "orchestrator_address" in done.stderr) == (1, True)


def test_an_address_that_nobody_can_reach(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORFLEET_ORCHESTRATOR_ADDRESS", "0.0.0.0:7600")
    assert "cannot reach 0.0.0.0:7610" in run("trust", "invite").stderr


@pytest.mark.usefixtures("far")
def test_list_revoke_rotate(run: Run, tmp_path: Path) -> None:
    from tensorfleet.settings import load_settings
    from tensorfleet.trust.home import authority_of

    assert "No certificate" in run("trust", "list").stderr
    authority = authority_of(load_settings(home=tmp_path / "home"))
    for _ in range(2):
        authority.own("agent", "w-1")
    assert [row["name"] for row in json.loads(run("trust", "list", "--json").stdout)] == ["w-1"]
    assert len(json.loads(run("trust", "list", "--all", "--json").stdout)) == 2
    assert run("trust", "revoke", "w-1").stdout.count("revoked agent w-1") == 2
    assert json.loads(run("trust", "list", "--json").stdout) == []
    roots = authority.roots()
    assert run("trust", "rotate").exit_code == 0
    assert authority.roots() != roots


@pytest.mark.usefixtures("far")
def test_secrets_that_let_machines_in(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "'bootstrap' is not set" in run("trust", "secrets").stderr
    monkeypatch.setenv("TENSORFLEET_BOOTSTRAP__AGENT", "a" * 40)
    (found,) = json.loads(run("trust", "secrets", "--json").stdout)
    assert (found["state"], found["joined"], found["used_at"]) == ("good", 0, None)
    assert found["id"].startswith("agent/")
    wrong = run("trust", "revoke", found["id"][:-1])
    assert (wrong.exit_code, f"did you mean '{found['id']}'?" in wrong.stderr) == (1, True)
    assert "nobody joins with it any more" in run("trust", "revoke", found["id"]).stdout
    assert "revoked" in run("trust", "secrets").stdout
    monkeypatch.setenv("TENSORFLEET_BOOTSTRAP__AGENT", "short")
    refused = run("trust", "secrets")
    assert (refused.exit_code, "'bootstrap.agent' has 5 characters" in refused.stderr) == (1, True)
