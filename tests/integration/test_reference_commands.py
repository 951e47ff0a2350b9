"""Every example of the reference of the command line, typed into a shell in one working folder, from `up` to `down`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from tensorfleet.cli.reference import commands
from tensorfleet.testing.examples import COMMANDS, FILES, HOOK, Example, by_name, read_examples
from tensorfleet.testing.inbox import inbox
from tensorfleet.testing.servers import free_ports
from tests.integration.platform import wait_until
from tests.integration.typing_in import typed

EXAMPLES = read_examples(COMMANDS)
PASSWORD = "correct horse battery"
LIMIT_S = 90.0


class Stage:
    """The folder with the files that the examples name, and the environment in which they are typed."""

    def __init__(self, folder: Path, hook: str) -> None:
        self._hook = hook
        self.folder = folder / "work"
        shutil.copytree(FILES, self.folder)
        (self.folder / "password.txt").write_text(f"{PASSWORD}\n")
        home = folder / "home"
        home.mkdir(mode=0o700)
        self.port, *others = free_ports(4)
        settings = {
            "orchestrator_address": f"127.0.0.1:{others[0]}",
            "authority_address": f"127.0.0.1:{others[1]}",
            "mutual_tls": "always",
            "notify": [{"name": "team", "type": "slack", "url": hook, "on": ["job.failed"]}],
            "outgoing": {"allow": ["127.0.0.0/8"]},
            "access": {
                "url": f"http://127.0.0.1:{self.port}",
                "oidc": [
                    {"name": "company", "issuer": "https://login.example.org", "client_id": "tensorfleet"}
                ],
            },
            "autoscale": {"enabled": True, "min": 1, "max": 1},
        }
        (home / "tensorfleet.yaml").write_text(yaml.safe_dump(settings))
        programs = Path(sys.executable).parent
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("TENSORFLEET_")} | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TENSORFLEET_HOME": str(home),
            "TENSORFLEET_PORT": str(self.port),
            "TENSORFLEET_CREDENTIALS": str(folder / "credentials.json"),
        }  # fmt: skip

    def type(self, example: Example) -> None:
        """Types it and waits for its end; what goes on is stopped once it is a platform."""
        command = ["bash", "-euo", "pipefail", "-c", example.text.replace(HOOK, self._hook)]
        how, _, answers = example.how.partition(": ")
        if how == "goes on":
            self._see_it_run(example.text.replace("8081", str(self.port)))
        elif how == "types":
            typed(command, answers.split(" | "), cwd=self.folder, env=self.env, timeout_s=LIMIT_S)
        else:
            assert how in ("", "soon"), f"{example.place}: '{how}' is no way to run an example"
            deadline = time.monotonic() + (30 if how else 0)
            while (done := self._run(command)).returncode != 0 and time.monotonic() < deadline:
                time.sleep(0.1)
            said = f"{done.stdout}{done.stderr}"
            assert done.returncode == 0, f"{example.place} ended with {done.returncode}:\n{said}"

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=LIMIT_S,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def _see_it_run(self, text: str) -> None:
        shell = subprocess.Popen(
            ["bash", "-c", f"{text}\nwait"], cwd=self.folder, env=self.env, start_new_session=True
        )
        try:
            wait_until(lambda: set(self.health().values()) == {"ok"}, "all parts are well", LIMIT_S)
            family = psutil.Process(shell.pid).children(recursive=True)
            os.killpg(shell.pid, signal.SIGTERM)
            _, alive = psutil.wait_procs(family, timeout=20)
            assert not alive, [process.cmdline() for process in alive]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()

    def health(self) -> dict[str, str]:
        """Each part's state; none while nobody answers."""
        with suppress(httpx.HTTPError, ValueError):
            parts = httpx.get(f"http://127.0.0.1:{self.port}/health", trust_env=False).json()["parts"]
            return {name: part["status"] for name, part in parts.items()}
        return {}

    def clear(self) -> None:
        subprocess.run(["tensorfleet", "down"], env=self.env, capture_output=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with inbox() as web:
        found = Stage(tmp_path_factory.mktemp("reference"), f"{web.url}/hook")
        try:
            yield found
        finally:
            found.clear()


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_an_example(name: str) -> None:
    known = name in by_name(EXAMPLES)
    assert known, (
        f"`tensorfleet {name}` has no example: write a section `#: {name}` into a file of {COMMANDS}, at the place where"
        " it can run after those above it"
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: ", ".join(example.names))
def test_an_example_works(stage: Stage, example: Example) -> None:
    for name in example.names:
        assert name in commands(), f"{example.place}: there is no `tensorfleet {name}`"
        assert f"tensorfleet {name}" in example.text or name == "trust join", (
            f"{example.place} does not show it"
        )
    stage.type(example)
