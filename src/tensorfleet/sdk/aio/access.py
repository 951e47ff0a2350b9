"""Users, workspaces and keys, and signing in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tensorfleet.kit.clock import rfc3339
from tensorfleet.sdk.aio.auth import held
from tensorfleet.sdk.aio.ground import apart
from tensorfleet.sdk.aio.transport import AsyncTransport
from tensorfleet.sdk.browser_sign_in import WAIT_S, Waiting
from tensorfleet.sdk.paths import segments
from tensorfleet.sdk.sign_in import Credentials


class AsyncAccess:
    """`client.access`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def sign_in(self, username: str, password: str, code: str | None = None) -> dict[str, Any]:
        """Signs in and keeps the tokens for later clients of this server; says who it is.

        Args:
            code: of the second factor, where there is one.

        Raises:
            NotAuthenticated: name, password or code is wrong.
        """
        body = {"username": username, "password": password, "code": code}
        return await self._keep(await self._transport.call("POST", "/auth/token", json=body))

    async def sign_in_by_browser(self, show: Callable[[str], None], wait_s: float = WAIT_S) -> dict[str, Any]:
        """Signs in with a browser on this machine, and keeps the tokens as `sign_in` does; says who it is.

        Args:
            show: called with the address that the browser is to open.
            wait_s: how long somebody has for it.

        Raises:
            NotAuthenticated: nobody signed in.
        """
        with Waiting(self._transport.address.url) as waiting:
            show(waiting.address)
            code = await apart(waiting.wait, wait_s)
        body = {"code": code, "verifier": waiting.verifier, "redirect_uri": waiting.redirect_uri}
        return await self._keep(await self._transport.call("POST", "/auth/program/token", json=body))

    async def open_page(self, show: Callable[[str], Any], next: str = "/") -> dict[str, Any]:  # noqa: A002
        """Has a browser sign in as this client, at an address that is good once, for a minute.

        Args:
            show: called with the address, such as `webbrowser.open`.
            next: the place in the page to go on to.

        Returns:
            `{url, username, expires_in}`.
        """
        who = await self.me()
        made = await self._transport.call("POST", "/auth/ticket")
        # After the #: no server, proxy or log sees it.
        url = f"{self._transport.address.url}/sign-in?{urlencode({'next': next})}#" + urlencode(
            {"code": made["code"], "as": who["username"]}
        )
        show(url)
        return {"url": url, "username": who["username"], "expires_in": made["expires_in"]}

    async def _keep(self, tokens: dict[str, Any]) -> dict[str, Any]:
        credentials = Credentials()
        async with held(credentials):
            credentials.save(self._transport.address.url, tokens)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return dict(await self._transport.call("GET", "/auth/me", headers=headers))

    async def sign_out(self) -> None:
        """Ends the session, here and at the server."""
        credentials = Credentials()
        try:
            if credentials.find(self._transport.address.url) is not None:
                await self._transport.call("POST", "/auth/logout")
        finally:
            async with held(credentials):
                credentials.save(self._transport.address.url, None)

    async def me(self) -> dict[str, Any]:
        """Who this client is, and what it may do where."""
        return dict(await self._transport.call("GET", "/auth/me"))

    async def change_password(self, old: str, new: str) -> None:
        """Changes one's own password; other sessions end."""
        await self._transport.call("POST", "/auth/password", json={"old": old, "new": new})

    async def users(self) -> list[dict[str, Any]]:
        return [one async for one in self._transport.pages("/users")]

    async def user(self, name: str) -> dict[str, Any]:
        """An account, with its roles by workspace."""
        return dict(await self._transport.call("GET", segments("users", name)))

    async def add_user(
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
        return dict(await self._transport.call("POST", "/users", json=body))

    async def change_user(self, name: str, **changes: Any) -> dict[str, Any]:
        """Changes `role`, `email`, `password`, `disabled` or `reset_code`; what is left out stays."""
        return dict(await self._transport.call("PATCH", segments("users", name), json=changes))

    async def link_user(self, name: str, provider: str, subject: str) -> None:
        """Lets somebody into an account whom an OpenID provider calls by this subject."""
        body = {"provider": provider, "subject": subject}
        await self._transport.call("POST", segments("users", name, "identities"), json=body)

    async def delete_user(self, name: str) -> None:
        await self._transport.call("DELETE", segments("users", name))

    async def erase_user(self, name: str) -> str:
        """Deletes an account, or one that is gone already, and makes unreadable what is kept of its person; returns its id."""
        return str((await self._transport.call("POST", segments("users", name, "erase")))["user_id"])

    async def workspaces(self) -> list[dict[str, Any]]:
        """Those that this client is in."""
        return [one async for one in self._transport.pages("/workspaces")]

    async def add_workspace(self, name: str, description: str | None = None) -> dict[str, Any]:
        return dict(
            await self._transport.call("POST", "/workspaces", json={"name": name, "description": description})
        )

    async def delete_workspace(self, name: str) -> None:
        """Deletes an empty workspace."""
        await self._transport.call("DELETE", segments("workspaces", name))

    async def members(self, workspace: str) -> list[dict[str, Any]]:
        """`{user, service, role}` of everybody in it."""
        return [one async for one in self._transport.pages(segments("workspaces", workspace, "members"))]

    async def set_member(self, workspace: str, user: str, role: str) -> None:
        await self._transport.call(
            "PUT", segments("workspaces", workspace, "members", user), json={"role": role}
        )

    async def remove_member(self, workspace: str, user: str) -> None:
        await self._transport.call("DELETE", segments("workspaces", workspace, "members", user))

    async def quota(self, workspace: str) -> dict[str, Any]:
        """What it may take and takes: `{workspace, source, limits, used}`."""
        return dict(await self._transport.call("GET", segments("workspaces", workspace, "quota")))

    async def set_quota(self, workspace: str, **limits: Any) -> dict[str, Any]:
        """Replaces the quota, at once; what is left out is not limited.

        Args:
            limits: slots, cpus, gpus, memory_bytes, weight, queued_jobs, jobs_per_day, dataset_bytes.
        """
        return dict(
            await self._transport.call("PUT", segments("workspaces", workspace, "quota"), json=limits)
        )

    async def reset_quota(self, workspace: str) -> dict[str, Any]:
        """Takes back what was set: the server's settings hold again."""
        return dict(await self._transport.call("DELETE", segments("workspaces", workspace, "quota")))

    async def keys(self, user: str | None = None) -> list[dict[str, Any]]:
        """One's own keys, or those of somebody else; never their texts."""
        return [one async for one in self._transport.pages("/keys", {"user": user})]

    async def add_key(
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
        return dict(
            await self._transport.call("POST", "/keys", json=body | {"expires_at": rfc3339(expires_at)})
        )

    async def revoke_key(self, key_id: str) -> dict[str, Any]:
        return dict(await self._transport.call("DELETE", segments("keys", key_id)))
