"""Every example of the Python reference, by both clients, over a socket and against the application in this process."""

from __future__ import annotations

import ast
import asyncio
import inspect
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import tensorfleet
from tensorfleet.errors import TensorFleetError
from tensorfleet.gateway.app import build_app
from tensorfleet.settings import load_settings
from tensorfleet.testing.examples import FILES, HOOK, PYTHON, Example, by_name, read_examples
from tensorfleet.testing.in_process import AsgiTransport, in_a_thread, started
from tensorfleet.testing.inbox import inbox
from tensorfleet.testing.python_reference import members
from tensorfleet.testing.sync_sdk import blocking
from tests.integration.browsers import browser_of
from tests.integration.platform import Platform, running_platform

EXAMPLES = read_examples(PYTHON)
WAYS = ["blocking-socket", "async-in-process", "blocking-in-process", "async-socket"]
SETTINGS = """\
autoscale: {enabled: true, min: 1, max: 1}
outgoing: {allow: [127.0.0.0/8]}
access: {url: "http://127.0.0.1", oidc: [{name: company, issuer: "https://login.example.org", client_id: tensorfleet}]}
"""
SHORT = ("10-", "20-", "30-")
"""What the last two ways run: each client has been through all of it, and each place has seen all of it."""


class Session:
    """Somebody at a Python prompt, with a client of one kind."""

    def __init__(self, client: Any, runner: asyncio.Runner | None, hook: str) -> None:
        self._hook = hook
        self.names: dict[str, Any] = {"client": client, "tensorfleet": tensorfleet}
        self._runner = runner

    def type(self, example: Example) -> None:
        """Raises what the example raises; `soon`: only if it still does after a while."""
        deadline = time.monotonic() + (30 if example.how == "soon" else 0)
        while True:
            try:
                return self._typed(example.text.replace(HOOK, self._hook), example.place)
            except (TensorFleetError, IndexError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _typed(self, text: str, place: str) -> None:
        if self._runner is None:
            exec(compile(blocking(text), place, "exec"), self.names)
            return
        code = compile(text, place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        work = eval(code, self.names)
        if inspect.iscoroutine(work):
            self._runner.run(work)


@contextmanager
def session(platform: Platform, way: str, hook: str) -> Iterator[Session]:
    kind, _, place = way.partition("-")
    token = (platform.home / "token").read_text().strip()
    arguments = (platform.client.url, token, platform.home)
    app = build_app(load_settings(home=platform.home), token) if place == "in-process" else None
    if kind == "blocking":
        with ExitStack() as stack:
            http = stack.enter_context(in_a_thread(app)) if app else None
            yield Session(stack.enter_context(tensorfleet.Client(*arguments, http=http)), None, hook)
        return
    with asyncio.Runner() as runner:
        waiting = AsyncExitStack()
        if app:
            runner.run(waiting.enter_async_context(started(app)))
        client = tensorfleet.AsyncClient(*arguments, http=AsgiTransport(app) if app else None)
        runner.run(waiting.enter_async_context(client))
        yield Session(client, runner, hook)
        runner.run(waiting.aclose())


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose fleet may be scaled."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    (home / "tensorfleet.yaml").write_text(SETTINGS)
    with running_platform(home, workers=4) as found:
        yield found


class Desk:
    """One session at a time, from the first example of a way to its last."""

    def __init__(self, platform: Platform, folders: pytest.TempPathFactory, hook: str) -> None:
        self._hook = hook
        self.platform = platform
        self._folders = folders
        self._way = ""
        self._open = ExitStack()

    def at(self, way: str) -> Session:
        if way != self._way:
            self.leave()
            self._way = way
            self._session = self._open.enter_context(self._begun(way))
        return self._session

    def leave(self) -> None:
        self._open.close()

    @contextmanager
    def _begun(self, way: str) -> Iterator[Session]:
        folder = self._folders.mktemp("python")
        work = folder / "work"
        shutil.copytree(FILES, work)
        commit(work)
        with pytest.MonkeyPatch.context() as patch, session(self.platform, way, self._hook) as found:
            patch.chdir(work)
            patch.setattr("webbrowser.open", browser_of("lisa", "correct horse battery"))
            patch.setenv("TENSORFLEET_CREDENTIALS", str(folder / "credentials.json"))
            yield found


@pytest.fixture(scope="module")
def desk(scaled: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with inbox() as web:
        found = Desk(scaled, tmp_path_factory, f"{web.url}/hook")
        yield found
        found.leave()


def commit(folder: Path) -> None:
    """A repository with a file that has changed since."""
    git = ["git", "-c", "user.name=Lisa", "-c", "user.email=lisa@example.org", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "All of it"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    with (folder / "code" / "train.py").open("a") as file:
        file.write("print('done')\n")


@pytest.mark.parametrize("name", sorted(members()))
def test_every_method_has_an_example(name: str) -> None:
    known = name in by_name(EXAMPLES)
    assert known, (
        f"{name} has no example: write a section `#: {name}` into a file of {PYTHON}, in the form with `await`, at the place"
        " where it can run after those above it"
    )


def chosen() -> Iterator[Any]:
    for way in WAYS:
        for example in EXAMPLES:
            if way in WAYS[:2] or example.place.startswith(SHORT):
                yield pytest.param(way, example, id=f"{way}: {', '.join(example.names)}")


@pytest.mark.parametrize(("way", "example"), list(chosen()))
def test_an_example_works(desk: Desk, way: str, example: Example) -> None:
    for name in example.names:
        assert name in members(), f"{example.place}: there is no {name}"
        assert f".{name.partition('.')[2]}" in example.text, f"{example.place} does not show {name}"
    desk.at(way).type(example)
