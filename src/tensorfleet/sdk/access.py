"""Users, workspaces and keys, and signing in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tensorfleet.kit.clock import rfc3339
from tensorfleet.sdk.sign_in import Credentials
from tensorfleet.sdk.transport import Transport, segments


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
        tokens: dict[str, Any] = self._transport.call("POST", "/auth/token", json=body)
        credentials = Credentials()
        with credentials.locked():
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
            with credentials.locked():
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

    def delete_user(self, name: str) -> None:
        self._transport.call("DELETE", segments("users", name))

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
