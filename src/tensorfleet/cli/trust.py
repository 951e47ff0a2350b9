"""`tensorfleet trust`: who may speak to this platform from other machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tensorfleet.cli.session import AsJson
from tensorfleet.errors import Conflict, InvalidInput, NotFound, nearest

if TYPE_CHECKING:
    from tensorfleet.trust.authority import Authority
    from tensorfleet.trust.ledger import Given, SecretUse

app = typer.Typer(no_args_is_help=True, help="Say who may join from other machines, and who no longer.")

MOST_S = 7 * 86400.0
Home = Annotated[
    Path | None, typer.Option(help="Where state lives.  [default: TENSORFLEET_HOME or ~/.tensorfleet]")
]


@app.command()
def invite(
    role: Annotated[str, typer.Option(help="agent, gateway, tuner, orchestrator or client.")] = "agent",
    name: Annotated[str, typer.Option(help="What it is to be called.  [default: a new name]")] = "",
    valid_for: Annotated[str, typer.Option(help="How long the token is good, such as 15m.")] = "1h",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print a token with which one machine can join, once."""
    from datetime import timedelta

    from tensorfleet.cli.output import emit_json

    authority = _authority(home)
    host = authority.address.rpartition(":")[0].strip("[]")
    if host in ("0.0.0.0", "::"):  # noqa: S104 - refused
        raise InvalidInput(
            f"other machines cannot reach {authority.address}; "
            "set 'orchestrator_address' to a name that they know, and 'orchestrator_listen' to where to listen"
        )
    invitation = authority.invite(role, name, timedelta(seconds=_life_s(valid_for)))
    words = "agent --join" if role == "agent" else "trust join"
    command = f"tensorfleet {words} {invitation.address} --token {invitation}"
    if as_json:
        emit_json({"address": invitation.address, "token": str(invitation), "command": command})
        return
    sys.stderr.write(f"Run this on the other machine within {valid_for}; it works once:\n")
    sys.stdout.write(f"{command}\n")


@app.command()
def join(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="host:port of the authority.")],
    token: Annotated[
        str, typer.Option(envvar="TENSORFLEET_JOIN_TOKEN", help="What `tensorfleet trust invite` printed.")
    ],
    home: Home = None,
) -> None:
    """Get a certificate for this home, for a role other than agent."""
    from tensorfleet.settings import ensure_home
    from tensorfleet.trust import client
    from tensorfleet.trust.identity import Identity
    from tensorfleet.trust.invitation import Invitation

    settings = _settings(home)
    ensure_home(settings)
    own, _ = client.join(Invitation.parse(token), address)
    identity = Identity(settings.pki_dir / own.role)
    identity.save(own)
    sys.stdout.write(f"{own.role} {own.name}: {identity.path}\n")


@app.command("list")
def list_given(
    every: Annotated[bool, typer.Option("--all", help="Also what is revoked or has expired.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the certificates that were given: the latest of each name, or all."""
    from tensorfleet.cli.output import ago, emit_json, print_table
    from tensorfleet.kit.clock import rfc3339, utc_now

    now = utc_now()
    found = _authority(home).ledger.all()
    if not every:
        found = _latest([one for one in found if one.state(now) == "valid"])
    rows = [_row(one, one.state(now)) for one in found]
    if as_json:
        emit_json(
            [
                row | {"given_at": rfc3339(row["given_at"]), "expires_at": rfc3339(row["expires_at"])}
                for row in rows
            ]
        )
        return
    print_table(
        ("name", "role", "state", "given", "good until", "serial"),
        [
            (
                row["name"],
                row["role"],
                row["state"],
                ago(rfc3339(row["given_at"])),
                f"{row['expires_at']:%Y-%m-%d %H:%M}",
                row["serial"],
            )
            for row in rows
        ],
        empty="No certificate is valid now.",
    )


@app.command()
def revoke(
    ref: Annotated[
        str, typer.Argument(metavar="NAME", help="A name, the serial of one certificate, or a secret's id.")
    ],
    home: Home = None,
) -> None:
    """Take back what a name was given: its connections are cut within seconds.  Or let nobody in by a secret any more."""
    from tensorfleet.kit.clock import utc_now

    authority = _authority(home)
    if "/" in ref:
        _revoke_secret(authority, ref)
        return
    for peer in authority.ledger.revoke(ref, utc_now()):
        sys.stdout.write(f"revoked {peer.role} {peer.name} {peer.serial}\n")


@app.command()
def secrets(home: Home = None, as_json: AsJson = False) -> None:
    """List the secrets with which machines let themselves in, and how often each was used."""
    from tensorfleet.cli.output import ago, emit_json, print_table
    from tensorfleet.kit.clock import rfc3339

    authority = _authority(home)
    rows: list[dict[str, Any]] = []
    for name, use in _secrets(authority).items():
        state = "revoked" if use and use.revoked_at else "good" if name in authority.secret_ids() else "gone"
        used_at = rfc3339(use.used_at) if use and use.used_at else None
        rows.append({"id": name, "state": state, "joined": use.joined if use else 0, "used_at": used_at})
    if as_json:
        emit_json(rows)
        return
    print_table(
        ("id", "state", "joined", "last"),
        [(row["id"], row["state"], str(row["joined"]), ago(row["used_at"])) for row in rows],
        empty="Nobody lets themselves in by a secret; 'bootstrap' is not set.",
    )


@app.command()
def ca(home: Home = None) -> None:
    """Print whom clients have to believe who use the gateway over HTTPS from elsewhere (TENSORFLEET_CA)."""
    from tensorfleet.settings import load_settings
    from tensorfleet.trust.home import authority_here, authority_of

    settings = load_settings(home=home)
    if not authority_here(settings):
        raise NotFound(f"there is no authority in {settings.home}; `tensorfleet up --tls` makes one")
    sys.stdout.write(authority_of(settings).roots())


@app.command()
def rotate(home: Home = None) -> None:
    """Give the authority a new key; everybody follows by and by, and nothing is interrupted."""
    _authority(home).rotate()
    sys.stdout.write("the authority has a new key; what the former one gave stays good until it expires\n")


def _life_s(text: str) -> float:
    from tensorfleet.kit.units import parse_duration_s

    try:
        seconds = parse_duration_s(text)
    except ValueError as error:
        raise InvalidInput(f"--valid-for: {error}") from error
    if not 0 < seconds <= MOST_S:
        raise InvalidInput(f"--valid-for is {text}; a token is good for more than nothing and at most 7 days")
    return seconds


def _settings(home: Path | None) -> Any:
    from tensorfleet.settings import load_settings

    return load_settings(home=home)


def _authority(home: Path | None) -> Authority:
    """The authority of the home; made now if this home is one that speaks with other machines."""
    from tensorfleet.settings import ensure_home
    from tensorfleet.trust.home import authority_here, authority_of, begin

    settings = _settings(home)
    if not settings.secured:
        raise Conflict(
            "this platform speaks with no other machine; set 'orchestrator_address' to host:port, as others reach it"
        )
    ensure_home(settings)
    begin(settings)
    if not authority_here(settings):
        raise Conflict("the authority is on the machine that this home has joined; run this command there")
    return authority_of(settings)


def _secrets(authority: Authority) -> dict[str, SecretUse | None]:
    """Those that are set now, and those that were used once."""
    uses = {use.id: use for use in authority.ledger.secrets()}
    return {name: uses.get(name) for name in sorted({*uses, *authority.secret_ids()})}


def _revoke_secret(authority: Authority, ref: str) -> None:
    from tensorfleet.kit.clock import utc_now

    known = _secrets(authority)
    if ref not in known:
        raise NotFound(f"there is no secret '{ref}'; {nearest(ref, known)}")
    authority.ledger.revoke_secret(ref, utc_now())
    sys.stdout.write(f"revoked the secret {ref}: nobody joins with it any more; who has joined stays in\n")


def _latest(found: list[Given]) -> list[Given]:
    """`found` has the newest first."""
    by_name: dict[tuple[str, str], Given] = {}
    for one in found:
        by_name.setdefault((one.peer.role, one.peer.name), one)
    return list(by_name.values())


def _row(given: Given, state: str) -> dict[str, Any]:
    peer = given.peer
    return {
        "name": peer.name,
        "role": peer.role,
        "state": state,
        "given_at": given.given_at,
        "expires_at": peer.expires_at,
        "serial": peer.serial,
    }
