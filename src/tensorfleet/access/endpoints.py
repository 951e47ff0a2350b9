"""Signing in, users, workspaces and keys over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse

from tensorfleet.access.current import the_caller
from tensorfleet.access.model import Role
from tensorfleet.access.schemas import (
    CallerRead,
    CodeBody,
    CodeSecret,
    ErasedRead,
    KeyCreated,
    KeyRead,
    Member,
    MemberRead,
    NewKey,
    NewUser,
    NewWorkspace,
    PasswordBody,
    RefreshBody,
    SessionRead,
    SignInBody,
    TokensRead,
    UserChange,
    UserRead,
    UserWithRoles,
    WorkspaceRead,
    key_to_dict,
    principal_to_dict,
    session_to_dict,
    tokens_to_dict,
    user_to_dict,
    workspace_to_dict,
)
from tensorfleet.access.service import AccessService
from tensorfleet.access.sign_in import SignIn
from tensorfleet.kit.answers import Page, answers
from tensorfleet.kit.clock import utc_now
from tensorfleet.kit.paging import decode_cursor, encode_cursor

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=500)]
Name = Annotated[str, Path(max_length=100)]
_SECRET = {"Cache-Control": "no-store"}


def build_router(people: AccessService, sign_in: SignIn, forget: Callable[[], None]) -> APIRouter:
    """`forget` is called when a session has ended: nothing remembered of it may be used."""
    router = APIRouter(tags=["access"])
    _add_sign_in(router, sign_in, forget)
    _add_oneself(router, people)
    _add_users(router, people)
    _add_workspaces(router, people)
    _add_keys(router, people)
    return router


def _add_sign_in(router: APIRouter, sign_in: SignIn, forget: Callable[[], None]) -> None:
    @router.post("/auth/token", responses=answers(TokensRead, 200, 401, 429))
    async def sign_in_by_password(request: Request, body: SignInBody) -> JSONResponse:
        """Signs in by name and password: a token for calls, and one to get the next with."""
        address = request.client.host if request.client else "unknown"
        program = request.headers.get("user-agent", "")
        password = body.password.get_secret_value()
        tokens = await asyncio.to_thread(
            sign_in.by_password, body.username, password, body.code, address, program
        )
        return JSONResponse(tokens_to_dict(tokens), headers=_SECRET)

    @router.post("/auth/refresh", responses=answers(TokensRead, 200, 401))
    async def refresh_tokens(body: RefreshBody) -> JSONResponse:
        """New tokens for a refresh token, which is used up; one that was used before ends its session."""
        try:
            tokens = await asyncio.to_thread(sign_in.refresh, body.refresh_token.get_secret_value())
        finally:
            forget()
        return JSONResponse(tokens_to_dict(tokens), headers=_SECRET)

    @router.post("/auth/logout", status_code=204)
    async def sign_out() -> None:
        """Ends the caller's session, with all of its tokens."""
        who = the_caller()
        if who.via == "session" and who.credential is not None:
            await asyncio.to_thread(sign_in.end, who.credential)
            forget()


def _add_oneself(router: APIRouter, people: AccessService) -> None:
    @router.get("/auth/me", responses=answers(CallerRead))
    async def who_am_i() -> JSONResponse:
        """Who calls, and what this one may do where."""
        return JSONResponse(principal_to_dict(the_caller()))

    @router.get("/auth/sessions", responses=answers(Page[SessionRead], 200, 409))
    async def list_sessions() -> JSONResponse:
        """The caller's sign-ins that still hold, the newest first."""
        found = await asyncio.to_thread(people.sessions)
        current = the_caller().credential
        return JSONResponse(
            {"items": [session_to_dict(session, current) for session in found], "next_cursor": None}
        )

    @router.delete("/auth/sessions/{session_id}", status_code=204)
    async def end_session(session_id: str) -> None:
        """Ends one of the caller's sign-ins, on another machine perhaps."""
        await asyncio.to_thread(people.end_session, session_id)

    @router.post("/auth/password", status_code=204, responses={409: {}})
    async def change_password(body: PasswordBody) -> None:
        """Changes the caller's own password, and ends its other sessions."""
        old, new = body.old.get_secret_value(), body.new.get_secret_value()
        await asyncio.to_thread(people.change_own_password, old, new)

    @router.post("/auth/code", responses=answers(CodeSecret, 200, 409))
    async def begin_second_factor() -> JSONResponse:
        """A secret for an authenticator app; it counts once a code of it was sent back."""
        secret, uri = await asyncio.to_thread(people.new_code_secret)
        return JSONResponse({"secret": secret, "uri": uri}, headers=_SECRET)

    @router.put("/auth/code", status_code=204, responses={409: {}})
    async def confirm_second_factor(body: CodeBody) -> None:
        """Makes the secret the second factor of the caller, who has shown a code of it."""
        await asyncio.to_thread(people.confirm_code_secret, body.secret.get_secret_value(), body.code)


def _add_users(router: APIRouter, people: AccessService) -> None:
    @router.get("/users", responses=answers(Page[UserRead]))
    async def list_users(limit: Limit = 100, cursor: Cursor = None) -> JSONResponse:
        """Everybody who has an account, by name."""
        found = await asyncio.to_thread(people.users, limit + 1, _after(cursor))
        shown = [user_to_dict(user) for user in found[:limit]]
        return JSONResponse({"items": shown, "next_cursor": _following(shown, limit, len(found))})

    @router.post("/users", status_code=201, responses=answers(UserRead, 201, 409))
    async def create_user(body: NewUser) -> JSONResponse:
        """Makes an account for a person or a program."""
        password = body.password.get_secret_value() if body.password else None
        user = await asyncio.to_thread(
            people.create_user, body.name, password, role=body.role, email=body.email, is_service=body.service
        )
        return JSONResponse(user_to_dict(user), 201)

    @router.get("/users/{user}", responses=answers(UserWithRoles))
    async def get_user(user: Name) -> JSONResponse:
        """An account, and its roles; everybody may read about oneself."""
        found = await asyncio.to_thread(people.user, user)
        return JSONResponse(user_to_dict(found, await asyncio.to_thread(people.memberships, found.id)))

    @router.patch("/users/{user}", responses=answers(UserRead))
    async def change_user(user: Name, body: UserChange) -> JSONResponse:
        """Changes role, address or password, closes an account or opens it; what is left out stays."""
        return JSONResponse(user_to_dict(await asyncio.to_thread(people.change_user, user, body.changes())))

    @router.delete("/users/{user}", status_code=204)
    async def delete_user(user: Name) -> None:
        """Deletes an account, with its keys and roles; what it made stays."""
        await asyncio.to_thread(people.delete_user, user)

    @router.post("/users/{user}/erase", responses=answers(ErasedRead))
    async def erase_user(user: Name) -> JSONResponse:
        """Deletes an account, or one that is gone already, and makes unreadable what is kept of its person."""
        return JSONResponse({"user_id": await asyncio.to_thread(people.erase_user, user)})


def _add_workspaces(router: APIRouter, people: AccessService) -> None:
    @router.get("/workspaces", responses=answers(Page[WorkspaceRead]))
    async def list_workspaces(limit: Limit = 100, cursor: Cursor = None) -> JSONResponse:
        """The workspaces that the caller is in, by name."""
        found = await asyncio.to_thread(people.workspaces, limit + 1, _after(cursor))
        shown = [workspace_to_dict(workspace) for workspace in found[:limit]]
        return JSONResponse({"items": shown, "next_cursor": _following(shown, limit, len(found))})

    @router.post("/workspaces", status_code=201, responses=answers(WorkspaceRead, 201, 409))
    async def create_workspace(body: NewWorkspace) -> JSONResponse:
        """Makes a workspace: jobs, datasets and models of one are invisible in others."""
        made = await asyncio.to_thread(people.create_workspace, body.name, body.description)
        return JSONResponse(workspace_to_dict(made), 201)

    @router.delete("/workspaces/{workspace}", status_code=204, responses={409: {}})
    async def delete_workspace(workspace: Name) -> None:
        """Deletes an empty workspace."""
        await asyncio.to_thread(people.delete_workspace, workspace)

    @router.get("/workspaces/{workspace}/members", responses=answers(Page[MemberRead]))
    async def list_members(workspace: Name) -> JSONResponse:
        """Who has which role in a workspace."""
        found = await asyncio.to_thread(people.members, workspace)
        items = [
            {"user": user.name, "service": user.is_service, "role": role.value, "given_by": given_by}
            for user, role, given_by in found
        ]
        return JSONResponse({"items": items, "next_cursor": None})

    @router.put("/workspaces/{workspace}/members/{user}", status_code=204)
    async def set_member(workspace: Name, user: Name, body: Member) -> None:
        """Gives somebody a role in a workspace."""
        await asyncio.to_thread(people.set_member, workspace, user, Role(body.role))

    @router.delete("/workspaces/{workspace}/members/{user}", status_code=204)
    async def remove_member(workspace: Name, user: Name) -> None:
        """Takes somebody out of a workspace."""
        await asyncio.to_thread(people.set_member, workspace, user, None)


def _add_keys(router: APIRouter, people: AccessService) -> None:
    @router.get("/keys", responses=answers(Page[KeyRead], 200, 404, 409))
    async def list_keys(user: Annotated[str | None, Query(max_length=100)] = None) -> JSONResponse:
        """The caller's keys, or those of somebody else; never their texts."""
        found = await asyncio.to_thread(people.keys_of, user)
        owner = user or the_caller().name
        return JSONResponse(
            {"items": [key_to_dict(key, owner, utc_now()) for key in found], "next_cursor": None}
        )

    @router.post("/keys", status_code=201, responses=answers(KeyCreated, 201, 404, 409))
    async def create_key(body: NewKey) -> JSONResponse:
        """Makes a key; its text is in this answer and nowhere else."""
        key, text = await asyncio.to_thread(
            people.create_key,
            body.name,
            user=body.user,
            scopes=body.scopes,
            workspace=body.workspace,
            expires_at=body.expires_at,
        )
        shown = key_to_dict(key, people.name_of(key.user_id), utc_now())
        return JSONResponse({**shown, "key": text}, 201, headers=_SECRET)

    @router.delete("/keys/{key_id}", responses=answers(KeyRead))
    async def revoke_key(key_id: str) -> JSONResponse:
        """Ends a key: at once here, and within a second at other gateways."""
        key = await asyncio.to_thread(people.revoke_key, key_id)
        return JSONResponse(key_to_dict(key, await asyncio.to_thread(people.name_of, key.user_id), utc_now()))


def _after(cursor: str | None) -> str:
    return str(decode_cursor(cursor, 1)[0]) if cursor else ""


def _following(shown: list[dict[str, Any]], limit: int, found: int) -> str | None:
    return encode_cursor([shown[-1]["name"]]) if found > limit else None
