"""The one door: who calls is found out, and whether that one may, before anything else sees the request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from tensorfleet.access.current import caller, not_permitted, require
from tensorfleet.access.model import DEFAULT_WORKSPACE, Principal
from tensorfleet.access.policy import RULES, Matcher, Rule, Where
from tensorfleet.access.sign_in import Remembered
from tensorfleet.errors import InvalidInput, NotAuthenticated, NotFound, TensorFleetError
from tensorfleet.gateway.browser import COOKIES, Browser, sending
from tensorfleet.gateway.problems import from_error, problem

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_MISSING = "send a key or a token as 'Authorization: Bearer TOKEN'; the file 'token' in the home has the one of its owner"
RULE, CALLER = "tensorfleet.rule", "tensorfleet.caller"
"""In the request's scope: what it was let in by, and who sent it."""


class Door:
    """Plain ASGI in front of everything.  What `access.policy` has no rule for does not exist."""

    def __init__(
        self,
        app: Asgi,
        known: Remembered,
        workspace_of: Callable[[str], str | None],
        browser: Browser | None = None,
    ) -> None:
        """
        Args:
            workspace_of: says in which workspace a job is, None if there is no such job; it may block.
            browser: knows callers by cookie, too.
        """
        self._browser = browser
        self._app = app
        self._known = known
        self._workspace_of = workspace_of
        self._matcher = Matcher(RULES)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rule, names, allowed = self._matcher.find(scope["method"], scope["path"])
        try:
            who = None
            if rule is None or rule.where is not Where.OPEN:
                who = scope[CALLER] = await self._who(scope)
                if COOKIES in scope:
                    send = sending(send, scope[COOKIES])
            if rule is None:
                await _nothing_there(scope, allowed)(scope, receive, send)
                return
            scope[RULE] = rule
            token = caller.set(who)
        except TensorFleetError as error:
            await from_error(error)(scope, receive, send)
            return
        try:
            if who is not None:
                await self._admit(who, rule, names, scope)
            await self._app(scope, receive, send)
        except TensorFleetError as error:  # raised before the application began to answer
            await from_error(error)(scope, receive, send)
        finally:
            caller.reset(token)

    def remembered(self, scope: Any) -> Principal | None:
        """Who has sent a request that changes nothing, if that was looked up within the last moment."""
        token = _bearer(scope)
        if token is not None:
            return self._known.find(token)
        return self._browser.remembered(scope) if self._browser is not None else None

    async def _who(self, scope: Any) -> Principal:
        token = _bearer(scope)
        if token is not None:
            if not token:
                raise NotAuthenticated(_MISSING)
            known = self._known.find(token)
            return known if known is not None else await asyncio.to_thread(self._known.look_up, token)
        cookie = self._browser.token_of(scope) if self._browser is not None else None
        if self._browser is None or cookie is None:
            raise NotAuthenticated(_MISSING)
        return await self._browser.who(scope, cookie)

    async def _admit(self, who: Principal, rule: Rule, names: dict[str, str], scope: Any) -> None:
        """Returns if the caller may; what is of a workspace that the caller is not in looks as if it were not there."""
        if rule.permission is None or rule.permission in who.everywhere:
            return
        if rule.where is Where.SOMEWHERE:
            if not who.may_somewhere(rule.permission):
                raise not_permitted(who, rule.permission, None)
        elif rule.where is Where.JOB:
            for job_id in (names["job_id"], names.get("other_id")):
                if job_id is not None:
                    await self._admit_to_job(who, rule, job_id)
        else:
            require(rule.permission, _asked_workspace(scope) if rule.where is Where.WORKSPACE else None)

    async def _admit_to_job(self, who: Principal, rule: Rule, job_id: str) -> None:
        workspace = await asyncio.to_thread(self._workspace_of, job_id)
        if workspace is None or not who.knows(workspace):
            raise NotFound(
                f"there is no job '{job_id[:80]}'; `tensorfleet jobs list` shows those that there are"
            )
        assert rule.permission is not None
        require(rule.permission, workspace)


def _bearer(scope: Any) -> str | None:
    """The token in `Authorization`; empty if there is something else in it, None without that header."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return token if kind.lower() == "bearer" else ""
    return None


def _asked_workspace(scope: Any) -> str:
    """The `workspace` of the query: one, so that no two readers of the query take different ones."""
    query = scope["query_string"].decode("latin-1")
    found = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "workspace"]
    if len(found) > 1:
        raise InvalidInput("the query names more than one workspace")
    return found[0] if found else DEFAULT_WORKSPACE


def _nothing_there(scope: Any, allowed: tuple[str, ...]) -> Any:
    detail = f"there is nothing at {scope['method']} {scope['path'][:200]}"
    if not allowed:
        return from_error(NotFound(detail))
    answer = problem(405, "method_not_allowed", "Refused", detail)
    answer.headers["Allow"] = ", ".join(allowed)
    return answer
