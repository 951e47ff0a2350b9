"""A signed-in page in a real browser that watches itself: errors, and requests to anywhere else, fail the test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

PASSWORD = "correct horse battery"
_NETWORK = re.compile(r"Failed to load resource|net::ERR_|Failed to fetch")
"""What the browser itself prints of a request that failed; the page has to deal with it, and tests look whether it does."""


_COUNT_FRAMES = """(ms) => new Promise((done) => {
    let frames = 0;
    const began = performance.now();
    const step = (now) => {
        frames++;
        if (now - began < ms) requestAnimationFrame(step);
        else done(frames * 1000 / (now - began));
    };
    requestAnimationFrame(step);
})"""


class Watched:
    """What a context did that it should not."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.origin = origin
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _NETWORK.search(message.text):
            self.errors.append(message.text)

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.elsewhere.append(request.url)

    def check(self) -> None:
        assert self.elsewhere == [], "the page asked other machines"
        assert self.errors == [], "the page had errors"


@contextmanager
def signed_in(browser: Browser, url: str, name: str, **options: Any) -> Iterator[tuple[Page, Watched]]:
    """A page of somebody who has signed in; at the end it must have had no error and asked nobody else."""
    context = browser.new_context(
        base_url=url, **{"locale": "en-GB", "viewport": {"width": 1440, "height": 900}, **options}
    )
    try:
        context.add_cookies(cookies_of(url, name))
        watched = Watched(context, url)
        yield context.new_page(), watched
        watched.check()
    finally:
        context.close()


def cookies_of(url: str, name: str) -> list[Any]:
    """What the browser keeps of a session."""
    with httpx.Client(base_url=url, trust_env=False) as http:
        body = {"username": name, "password": PASSWORD}
        http.post("/api/v1/auth/session", json=body).raise_for_status()
        return [{"name": one.name, "value": one.value, "url": url} for one in http.cookies.jar]


def frames_per_second(page: Page, seconds: float) -> float:
    """How often the page was drawn while it did what it does."""
    return float(page.evaluate(_COUNT_FRAMES, seconds * 1000))
