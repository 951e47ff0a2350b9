# Made of sdk/aio/access.py by `make sdk`: change that file. a54e9d609c08
"""Users, workspaces and keys, and signing in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tensorfleet.kit.clock import rfc3339
from tensorfleet.sdk.auth import held
from tensorfleet.sdk.browser_sign_in import WAIT_S, Waiting
from tensorfleet.sdk.ground import apart
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.sign_in import Credentials
from tensorfleet.sdk.transport import Transport


class Access:
    """`client.access`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def sign_in(self, username: str, password: str, code: str | None = None) -> dict[str, Any]:
        """Signs in and keeps the tokens for later clients of this server; says who it is.

        Args:
            code: of the second factor, where there is one.

        Raises:
            NotAuthenticated: name, password or code is wrong.
        """
        body = {"username": username, "password": password, "code": code}
        return self._keep(self._transport.call("POST", "/auth/token", json=body))

    def sign_in_by_browser(self, show: Callable[[str], None], wait_s: float = WAIT_S) -> dict[str, Any]:
        """Signs in with a browser on this machine, and keeps the tokens as `sign_in` does; says who it is.

        Args:
            show: called with the address that the browser is to open.
            wait_s: how long somebody has for it.

        Raises:
            NotAuthenticated: nobody signed in.
        """
        with Waiting(self._transport.address.url) as waiting:
            show(waiting.address)
            code = apart(waiting.wait, wait_s)
        body = {"code": code, "verifier": waiting.verifier, "redirect_uri": waiting.redirect_uri}
        return self._keep(self._transport.call("POST", "/auth/program/token", json=body))

    def open_page(self, show: Callable[[str], Any], next: str = "/") -> dict[str, Any]:  # noqa: A002
        """Has a browser sign in as this client, at an address that is good once, for a minute.

        Args:
            show: called with the address, such as `webbrowser.open`.
            next: the place in the page to go on to.

        Returns:
            `{url, username, expires_in}`.
        """
        who = self.me()
        made = self._transport.call("POST", "/auth/ticket")
        # After the #: no server, proxy or log sees it.
        url = f"{self._transport.address.url}/sign-in?{urlencode({'next': next})}#" + urlencode(
            {"code": made["code"], "as": who["username"]}
        )
        show(url)
        return {"url": url, "username": who["username"], "expires_in": made["expires_in"]}

    def _keep(self, tokens: dict[str, Any]) -> dict[str, Any]:
        credentials = Credentials()
        with held(credentials):
            credentials.save(self._transport.address.url, tokens)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return dict(self._transport.call("GET", "/auth/me", headers=headers))

    def sign_out(self) -> None:
        """Ends the session, here and at the server."""
        credentials = Credentials()
        try:
            if credentials.find(self._transport.address.url) is not None:
                self._transport.call("POST", "/auth/logout")
        finally:
            with held(credentials):
                credentials.save(self._transport.address.url, None)

    def me(self) -> dict[str, Any]:
        """Who this client is, and what it may do where."""
        return dict(self._transport.call("GET", "/auth/me"))

    def change_password(self, old: str, new: str) -> None:
        """Changes one's own password; other sessions end."""
        self._transport.call("POST", "/auth/password", json={"old": old, "new": new})

    def users(self) -> list[dict[str, Any]]:
        return list(self._transport.pages("/users"))

    def user(self, name: str) -> dict[str, Any]:
        """An account, with its roles by workspace."""
        return dict(self._transport.call("GET", segments("users", name)))

    def add_user(
        self,
        name: str,
        password: str | None = None,
        *,
        role: str | None = None,
        email: str | None = None,
        service: bool = False,
    ) -> dict[str, Any]:
        """Makes an account.

        Args:
            role: admin, user, viewer or service, held in every workspace; without one, give roles with `set_member`.
            service: a program, which has keys and no password.
        """
        body = {"name": name, "password": password, "role": role, "email": email, "service": service}
        return dict(self._transport.call("POST", "/users", json=body))

    def change_user(self, name: str, **changes: Any) -> dict[str, Any]:
        """Changes `role`, `email`, `password`, `disabled` or `reset_code`; what is left out stays."""
        return dict(self._transport.call("PATCH", segments("users", name), json=changes))

    def link_user(self, name: str, provider: str, subject: str) -> None:
        """Lets somebody into an account whom an OpenID provider calls by this subject."""
        body = {"provider": provider, "subject": subject}
        self._transport.call("POST", segments("users", name, "identities"), json=body)

    def delete_user(self, name: str) -> None:
        self._transport.call("DELETE", segments("users", name))

    def erase_user(self, name: str) -> str:
        """Deletes an account, or one that is gone already, and makes unreadable what is kept of its person; returns its id."""
        return str(self._transport.call("POST", segments("users", name, "erase"))["user_id"])

    def workspaces(self) -> list[dict[str, Any]]:
        """Those that this client is in."""
        return list(self._transport.pages("/workspaces"))

    def add_workspace(self, name: str, description: str | None = None) -> dict[str, Any]:
        return dict(
            self._transport.call("POST", "/workspaces", json={"name": name, "description": description})
        )

    def delete_workspace(self, name: str) -> None:
        """Deletes an empty workspace."""
        self._transport.call("DELETE", segments("workspaces", name))

    def members(self, workspace: str) -> list[dict[str, Any]]:
        """`{user, service, role}` of everybody in it."""
        return list(self._transport.pages(segments("workspaces", workspace, "members")))

    def set_member(self, workspace: str, user: str, role: str) -> None:
        self._transport.call("PUT", segments("workspaces", workspace, "members", user), json={"role": role})

    def remove_member(self, workspace: str, user: str) -> None:
        self._transport.call("DELETE", segments("workspaces", workspace, "members", user))

    def quota(self, workspace: str) -> dict[str, Any]:
        """What it may take and takes: `{workspace, source, limits, used}`."""
        return dict(self._transport.call("GET", segments("workspaces", workspace, "quota")))

    def set_quota(self, workspace: str, **limits: Any) -> dict[str, Any]:
        """Replaces the quota, at once; what is left out is not limited.

        Args:
            limits: slots, cpus, gpus, memory_bytes, weight, queued_jobs, jobs_per_day, dataset_bytes.
        """
        return dict(self._transport.call("PUT", segments("workspaces", workspace, "quota"), json=limits))

    def reset_quota(self, workspace: str) -> dict[str, Any]:
        """Takes back what was set: the server's settings hold again."""
        return dict(self._transport.call("DELETE", segments("workspaces", workspace, "quota")))

    def keys(self, user: str | None = None) -> list[dict[str, Any]]:
        """One's own keys, or those of somebody else; never their texts."""
        return list(self._transport.pages("/keys", {"user": user}))

    def add_key(
        self,
        name: str,
        *,
        user: str | None = None,
        scopes: Sequence[str] = (),
        workspace: str | None = None,
        expires_at: datetime | None = None,
    ) -> dict[str, Any]:
        """Makes a key; `key` in the answer is the only time that anybody sees it.

        Args:
            scopes: such as `jobs:write`; all that its user may when empty.
            workspace: the only one that it is good for.
        """
        body = {"name": name, "user": user, "scopes": list(scopes), "workspace": workspace}
        return dict(self._transport.call("POST", "/keys", json=body | {"expires_at": rfc3339(expires_at)}))

    def revoke_key(self, key_id: str) -> dict[str, Any]:
        return dict(self._transport.call("DELETE", segments("keys", key_id)))
