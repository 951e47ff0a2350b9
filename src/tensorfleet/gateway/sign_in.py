"""Signing in by browser: the cookie session, OpenID providers, letting a program in, and the plain pages for it."""

from __future__ import annotations

import asyncio
import html
import pathlib
from collections.abc import Callable, Coroutine
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from pydantic import Field
from typing_extensions import TypedDict

from tensorfleet.access.claims import safe_next
from tensorfleet.access.codes import LIFETIME, SignInCodes
from tensorfleet.access.entering import Entrance, Entry
from tensorfleet.access.model import Identity
from tensorfleet.access.oidc import WITHIN, OidcSignIn
from tensorfleet.access.ports import AccessStore
from tensorfleet.access.schemas import (
    BrowserSignInBody,
    CallerRead,
    Secret,
    Strict,
    Text,
    TokensRead,
    principal_to_dict,
    tokens_to_dict,
)
from tensorfleet.access.service import AccessService
from tensorfleet.access.sign_in import Guard, SignIn
from tensorfleet.adapters.openid import OpenIdProvider
from tensorfleet.errors import InvalidInput, TensorFleetError
from tensorfleet.gateway.browser import Browser
from tensorfleet.gateway.problems import from_error
from tensorfleet.kit.answers import Page, answers
from tensorfleet.kit.clock import utc_now
from tensorfleet.settings import Settings

HOME = "/sign-in"
PAGE = "/"
"""Where people go on to who were on their way nowhere else."""
_PAGES = "pages"
_SECRET = {"Cache-Control": "no-store"}
_REFUSAL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – TensorFleet</title><link rel="stylesheet" href="{home}/files/style.css"></head>
<body><main><h1>{title}</h1><p id="message">{detail}</p>
<a class="button" href="{home}">Back to the sign-in</a></main></body></html>
"""
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
Code = Annotated[str | None, Query(max_length=4096)]
Words = Annotated[str | None, Query(max_length=2000)]
Word = Annotated[str | None, Query(max_length=300)]


class ProviderRead(TypedDict):
    name: str
    title: Annotated[str, Field(description="what its button says")]
    login: Annotated[str, Field(description="where a browser begins; takes next, a path to go on to")]


class ProgramBody(Strict):
    challenge: Text
    redirect_uri: Text


class CodeRead(TypedDict):
    code: Annotated[str, Field(description="good once")]
    expires_in: Annotated[int, Field(description="seconds")]


class RedeemBody(Strict):
    code: Secret
    verifier: Secret
    redirect_uri: Text


class IdentityBody(Strict):
    provider: Annotated[str, Field(max_length=100)]
    subject: Annotated[str, Field(min_length=1, max_length=255)]


class ForPeople(APIRoute):
    """A route that people come to with a browser: they read why it does not go on, instead of JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except TensorFleetError as error:
                if "text/html" not in request.headers.get("accept", ""):
                    raise
                return _refused(error)

        return handler


def _refused(error: TensorFleetError) -> HTMLResponse:
    problem = from_error(error)
    kept = {
        name: value for name, value in problem.headers.items() if name in ("retry-after", "www-authenticate")
    }
    page = _REFUSAL.format(title=html.escape(error.title), detail=html.escape(error.detail), home=HOME)
    return HTMLResponse(page, error.http_status, headers={**kept, "content-security-policy": _POLICY})


def build_router(
    settings: Settings,
    token: str,
    store: AccessStore,
    browser: Browser,
    sign_in: SignIn,
    people: AccessService,
    guard: Guard,
) -> APIRouter:
    proxy = settings.outgoing.proxy
    providers = [OpenIdProvider(one, proxy) for one in settings.access.oidc]
    oidc = OidcSignIn(providers, settings.access.url, store, token, utc_now, guard)
    codes = SignInCodes(store, sign_in, utc_now)
    router = APIRouter(tags=["access"])
    _add_session(router, browser, sign_in, Entrance(store, sign_in, utc_now, guard))
    _add_programs(router, codes)

    @router.get("/auth/oidc", responses=answers(Page[ProviderRead]))
    async def list_providers() -> JSONResponse:
        """The OpenID providers that people may sign in at."""
        items = [
            {"name": name, "title": one.settings.title or name, "login": oidc.login_address(name)}
            for name, one in oidc.providers.items()
        ]
        return JSONResponse({"items": items, "next_cursor": None})

    @router.post("/users/{user}/identities", status_code=204, responses={409: {}})
    async def link_user(user: Annotated[str, Path(max_length=100)], body: IdentityBody) -> None:
        """Lets somebody into an account whom a provider calls by this subject."""
        identity = Identity(oidc.issuer(body.provider), body.subject)
        await asyncio.to_thread(people.link_user, user, identity)

    router.include_router(_providers(browser, oidc))
    return router


def _add_session(router: APIRouter, browser: Browser, sign_in: SignIn, entrance: Entrance) -> None:
    @router.post("/auth/session", responses=answers(CallerRead, 200, 401, 403))
    async def begin_browser_session(request: Request, body: BrowserSignInBody) -> JSONResponse:
        """Signs a browser in by name and password, a key, the home's token or a ticket: its session is in a cookie that no
        page can read."""
        browser.check_page(request.scope)
        address, program = _whence(request)
        entry = await asyncio.to_thread(_proved, sign_in, entrance, body, address)
        cookies = await asyncio.to_thread(
            browser.begin, request.scope, entry.user, address, program, entry.ends_at, entry.key_id
        )
        who = await asyncio.to_thread(entrance.principal, entry)
        answer = JSONResponse(principal_to_dict(who), headers=_SECRET)
        answer.raw_headers.extend(cookies)
        return answer

    @router.post("/auth/ticket", responses=answers(CodeRead, 200, 401))
    async def let_browser_in() -> JSONResponse:
        """A code with which a browser signs in as the caller, as `tensorfleet open` does; good once, for a minute."""
        ticket = await asyncio.to_thread(entrance.give_ticket)
        return JSONResponse({"code": ticket, "expires_in": int(LIFETIME.total_seconds())}, headers=_SECRET)


def _proved(sign_in: SignIn, entrance: Entrance, body: BrowserSignInBody, address: str) -> Entry:
    ways = [name for name in ("password", "token", "ticket") if getattr(body, name) is not None]
    if len(ways) == 1 and (body.username is not None) == (body.password is not None):
        if body.token is not None:
            return entrance.by_token(body.token.get_secret_value(), address)
        if body.ticket is not None:
            return entrance.by_ticket(body.ticket.get_secret_value(), address)
        if body.username is not None and body.password is not None:
            password = body.password.get_secret_value()
            return Entry(sign_in.prove(body.username, password, body.code, address))
    raise InvalidInput("send 'username' and 'password', or 'token', or 'ticket', and one of them alone")


def _add_programs(router: APIRouter, codes: SignInCodes) -> None:
    @router.post("/auth/program", responses=answers(CodeRead))
    async def let_program_in(body: ProgramBody) -> JSONResponse:
        """A code for a program that waits on the caller's own machine, such as the command line; good once, for a minute."""
        code = await asyncio.to_thread(codes.give, body.challenge, body.redirect_uri)
        return JSONResponse({"code": code, "expires_in": int(LIFETIME.total_seconds())}, headers=_SECRET)

    @router.post("/auth/program/token", responses=answers(TokensRead, 200, 401))
    async def redeem_code(request: Request, body: RedeemBody) -> JSONResponse:
        """Signs a program in with the code that a browser brought it, and the verifier of its challenge (PKCE, S256)."""
        code, verifier = body.code.get_secret_value(), body.verifier.get_secret_value()
        tokens = await asyncio.to_thread(codes.redeem, code, verifier, body.redirect_uri, *_whence(request))
        return JSONResponse(tokens_to_dict(tokens), headers=_SECRET)


def _providers(browser: Browser, oidc: OidcSignIn) -> APIRouter:
    router = APIRouter(route_class=ForPeople)

    @router.get("/auth/oidc/{provider}/login", status_code=303, response_class=RedirectResponse)
    async def begin_at_provider(request: Request, provider: str, next: Words = None) -> Response:  # noqa: A002
        """Sends a browser to a provider to sign in there; afterwards it goes on to `next`, a path of this server."""
        following = safe_next(next, PAGE)
        address, sealed = await asyncio.to_thread(oidc.begin, provider[:100], following)
        answer = RedirectResponse(address, 303, headers=_SECRET)
        answer.raw_headers.append(browser.keep_begun(request.scope, sealed, int(WITHIN.total_seconds())))
        return answer

    @router.get(
        "/auth/oidc/{provider}/callback",
        status_code=303,
        response_class=RedirectResponse,
        responses={401: {}, 403: {}},
    )
    async def return_from_provider(
        request: Request,
        provider: str,
        code: Code = None,
        state: Word = None,
        iss: Word = None,
        error: Word = None,
        error_description: Words = None,
    ) -> Response:
        """Where a provider sends a browser back to: begins the session of whom it vouches for."""
        given = {
            "code": code, "state": state, "iss": iss, "error": error, "error_description": error_description,
        }  # fmt: skip
        query = {name: value for name, value in given.items() if value is not None}
        address, program = _whence(request)
        kept = browser.begun_of(request.scope)
        found = await asyncio.to_thread(oidc.finish, provider[:100], query, kept, address)
        cookies = await asyncio.to_thread(
            browser.begin, request.scope, found.user, address, program, found.ends_at
        )
        answer = RedirectResponse(found.next, 303, headers=_SECRET)
        answer.raw_headers.extend([*cookies, browser.keep_begun(request.scope, "", 0)])
        return answer

    return router


def add_pages(app: FastAPI) -> None:
    """`/sign-in`, for as long as no other page asks people who they are."""
    folder = pathlib.Path(str(files("tensorfleet.gateway"))) / _PAGES
    app.mount(f"{HOME}/files", StaticFiles(directory=folder))

    @app.get(HOME, include_in_schema=False)
    async def sign_in_page() -> HTMLResponse:
        return HTMLResponse((folder / "sign-in.html").read_text())

    @app.get(f"{HOME}/program", include_in_schema=False)
    async def program_page() -> HTMLResponse:
        return HTMLResponse((folder / "program.html").read_text())


def _whence(request: Request) -> tuple[str, str]:
    """The address and the program of who asks."""
    address = request.client.host if request.client else "unknown"
    return address, request.headers.get("user-agent", "")
