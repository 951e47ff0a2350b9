"""Asks the authority of another machine: to join, for the next certificate, for what is revoked."""

from __future__ import annotations

import dataclasses
import json
import secrets
import socket
import ssl
from typing import Any

from tensorfleet.errors import InvalidInput, NotPermitted, TensorFleetError, Unavailable, all_error_classes
from tensorfleet.kit.addresses import split_address
from tensorfleet.trust.bootstrap import TO_ENTER, TO_KNOW, prove, proves
from tensorfleet.trust.identity import Credentials
from tensorfleet.trust.invitation import Invitation
from tensorfleet.trust.tls import SERVER_NAME, client_context, curious_context

TIMEOUT_S = 10.0
ANSWER_LIMIT_BYTES = 1024**2


def join(invitation: Invitation, address: str = "") -> tuple[Credentials, dict[str, Any]]:
    """Becomes a part of the platform: its credentials, and what it needs to know for its work.

    Args:
        address: where the authority is reached from here, if not where the invitation says.

    Raises:
        NotPermitted: the authority there is not the one of the invitation, or does not take the token.
        Unavailable: nobody answers there.
    """
    from tensorfleet.trust import certificates as x

    address = address or invitation.address
    shown = _ask(address, {"op": "roots"}, curious_context())
    known = [
        one for one in x.split_pem(str(shown.get("roots"))) if x.fingerprint(one) == invitation.fingerprint
    ]
    if not known:
        raise NotPermitted(
            f"the authority at {address} is not the one that gave this token: its fingerprint is another. "
            "Nothing was sent to it; check the address"
        )
    key = x.new_key()
    question = {"op": "join", "secret": invitation.secret, "request": x.make_request(key)}
    answer = _ask(address, question, client_context(known[0]))
    credentials = dataclasses.replace(
        Credentials(**answer["credentials"]), key=x.key_pem(key), authority=address
    )
    return credentials, answer["told"]


def enter(address: str, role: str, secret: str) -> Credentials:
    """Becomes a part of the platform with a secret that both sides know; it is not sent.

    Raises:
        NotPermitted: the authority there does not know the secret, or has revoked it.
        Unavailable: nobody answers there, or too many have joined of late.
    """
    from tensorfleet.trust import certificates as x

    drawn = secrets.token_urlsafe(24)
    shown = _ask(address, {"op": "roots", "role": role, "drawn": drawn}, curious_context())
    roots = str(shown.get("roots"))
    if not any(proves(str(proof), secret, TO_KNOW, role, drawn, roots) for proof in shown.get("proofs", ())):
        raise NotPermitted(
            f"the authority at {address} does not know the secret in 'bootstrap.{role}'; give both sides the same"
        )
    key = x.new_key()
    request = x.make_request(key)
    question = {"op": "enter", "role": role, "request": request}
    question["proof"] = prove(secret, TO_ENTER, role, request)
    answer = _ask(address, question, client_context(roots))
    return dataclasses.replace(Credentials(**answer["credentials"]), key=x.key_pem(key), authority=address)


def renew(own: Credentials) -> Credentials:
    """The next certificate, for a new key.

    Raises:
        NotPermitted: this one is revoked.
        Unavailable: the authority does not answer, or does not take this certificate any more.
    """
    return _ask_for_credentials(own, {"op": "renew"})


def vouch(own: Credentials, role: str, name: str) -> Credentials:
    """Credentials for an agent that an orchestrator starts."""
    return _ask_for_credentials(own, {"op": "vouch", "role": role, "name": name})


def news(own: Credentials) -> tuple[frozenset[str], str]:
    """What an orchestrator has to know: serials that are revoked, and whom to trust."""
    answer = _ask(own.authority, {"op": "news"}, client_context(own.roots, own))
    return frozenset(answer["revoked"]), str(answer["roots"])


def _ask_for_credentials(own: Credentials, question: dict[str, Any]) -> Credentials:
    from tensorfleet.trust import certificates as x

    key = x.new_key()
    question["request"] = x.make_request(key)
    answer = _ask(own.authority, question, client_context(own.roots, own))
    return dataclasses.replace(
        Credentials(**answer["credentials"]), key=x.key_pem(key), authority=own.authority
    )


def _ask(address: str, question: dict[str, Any], context: ssl.SSLContext) -> dict[str, Any]:
    """One question and its answer, each a line of JSON."""
    try:
        where = split_address(address)
    except ValueError as error:
        raise InvalidInput(str(error)) from error
    try:
        with (
            socket.create_connection(where, TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=SERVER_NAME) as link,
            link.makefile("rwb") as file,
        ):
            file.write(json.dumps(question).encode() + b"\n")
            file.flush()
            line = file.readline(ANSWER_LIMIT_BYTES)
        answer = json.loads(line)
    except ssl.SSLCertVerificationError as error:
        raise NotPermitted(
            f"the authority at {address} could not prove that it is one: {error.verify_message}"
        ) from error
    except (OSError, ValueError) as error:
        detail = str(error) if isinstance(error, OSError) else "it hung up"
        raise Unavailable(f"the authority at {address} did not answer: {detail}") from error
    if "error" in answer:
        kind = all_error_classes().get(answer["error"]["code"], TensorFleetError)
        raise kind(answer["error"]["detail"])
    found: dict[str, Any] = answer["ok"]
    return found
