"""Secrets are planted wherever a platform can be given one; all that it has written, answered and started is searched.

`ALLOWED` names the few places where one may be.
"""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import psycopg
import pytest
import yaml

from tensorfleet.sdk.jobs import Job
from tensorfleet.supervisor.archive import unpack
from tensorfleet.testing.description import operations
from tensorfleet.testing.inbox import Inbox, inbox
from tensorfleet.testing.servers import PostgresServer, create_database, postgres_server
from tests.integration.api import open_api
from tests.integration.platform import CLI, Platform, running_platform, wait_until

VALUES = {
    "job secret": "planted/job+secret=8f3a",
    "job certificate": "plantedLine0001\nplantedLine0002\n",
    "password": "planted correct horse",
    "database password": "plantedDatabase77",
    "webhook token": "plantedHookToken55",
    "webhook secret": "plantedHookSecret44",
    "metrics token": "plantedMetrics33",
    "s3 key": "plantedS3Key/22+",
    "collector key": "plantedCollector11",
}
ALLOWED = {
    ("home token", "token"),
    ("database password", "tensorfleet.yaml"),
    ("webhook token", "tensorfleet.yaml"),
    ("webhook secret", "tensorfleet.yaml"),
    ("metrics token", "tensorfleet.yaml"),
}
"""What may be in which file of the home: those that its owner keeps there, and that only its owner can read."""
LEAKS = """
import base64, os, subprocess, sys, time, urllib.parse
from tensorfleet import train

value, lines = os.environ["SECRET"], os.environ["CERTIFICATE"]
print("it is", value, "and", lines)
print(base64.b64encode(f"user:{value}".encode()).decode(), urllib.parse.quote(value, safe=""), repr(value))
subprocess.run([sys.executable, "-c", "import os; print('of a child:', os.environ['SECRET'])"], check=True)
train.report(step=1, **{"loss of " + value: 0.5})
train.report(step=2, loss=0.25)
sys.stderr.write("not a line: " + value)
sys.stderr.flush()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
raise RuntimeError(f"cannot sign in with {value}: {lines}")
"""
EXITS = """
import os, sys
sys.exit("no access with " + os.environ["SECRET"])
"""
WORKS = """
import hashlib, os
from tensorfleet import train
assert hashlib.sha256(os.environ["SECRET"].encode()).hexdigest() == "{digest}", "it is another one"
train.report(step=1, loss=0.5)
"""


def forms(value: str) -> Iterator[bytes]:
    """What a value may look like in a file or an answer."""
    for text in {line.strip() for line in value.splitlines() if len(line.strip()) >= 6} | {value.strip()}:
        plain = text.encode()
        yield from (plain, quote(text, safe="").encode(), json.dumps(text)[1:-1].encode())
        for before in range(3):
            letters = b64encode(bytes(before) + plain)
            yield letters[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]


def found_in(data: bytes, planted: dict[str, str]) -> set[str]:
    """Which of the secrets are there, by name."""
    return {name for name, value in planted.items() if any(form in data for form in forms(value))}


@dataclass
class Planted:
    """A platform in which everything secret is known, and what happened there."""

    platform: Platform
    collector: Inbox
    hook: Inbox
    server: PostgresServer
    database: str
    values: dict[str, str]
    jobs: dict[str, Job] = field(default_factory=dict)
    command_lines: list[str] = field(default_factory=list)
    environments: dict[str, bytes] = field(default_factory=dict)
    told: dict[str, bytes] = field(default_factory=dict)


def configured(home: Path, database: str, hook: Inbox) -> None:
    user, _, rest = database.removeprefix("postgresql://").partition("@")
    settings = {
        "database_url": f"postgresql://{user}:{VALUES['database password']}@{rest}",
        "metrics": {"token": VALUES["metrics token"], "monitor": 0},
        "outgoing": {"allow": ["127.0.0.0/8"]},
        "notify": [
            {
                "name": "team", "type": "webhook", "url": f"{hook.url}/{VALUES['webhook token']}",
                "secret": VALUES["webhook secret"], "on": ["job.failed"],
            }
        ],
    }  # fmt: skip
    home.mkdir()
    (home / "tensorfleet.yaml").write_text(yaml.safe_dump(settings))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("planted")
    home = folder / "home"
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        collector, hook = stack.enter_context(inbox()), stack.enter_context(inbox())
        server = stack.enter_context(postgres_server())
        database = create_database(server.url)
        patch.setenv("AWS_SECRET_ACCESS_KEY", VALUES["s3 key"])
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-key={VALUES['collector key']}")
        configured(home, database, hook)
        platform = stack.enter_context(running_platform(home, workers=2))
        found = Planted(platform, collector, hook, server, database, dict(VALUES))
        use(found, folder)
        yield found


def use(planted: Planted, folder: Path) -> None:
    """People come, jobs run and fail, and somebody asks for everything."""
    platform, go_on = planted.platform, folder / "go-on"
    planted.values["home token"] = (platform.home / "token").read_text()
    sign_in(planted)
    for name in ("job secret", "job certificate"):
        text = VALUES[name]
        piped(platform, ["secrets", "set", name.replace(" ", "-")], text)
    base = {
        "entrypoint": "main.py",
        "retries": 0,
        "secrets": {"SECRET": "job-secret", "CERTIFICATE": "job-certificate"},
    }
    scripts = {
        "leaks": LEAKS,
        "exits": EXITS,
        "works": WORKS.format(digest=sha256(VALUES["job secret"].encode()).hexdigest()),
    }
    for name, text in scripts.items():
        code = folder / name
        code.mkdir()
        (code / "main.py").write_text(text)
        words = {"args": [str(go_on)]} if name == "leaks" else {}
        planted.jobs[name] = platform.client.submit({"name": name, "code": str(code), **words, **base})
    tree = {"name": "tree", "algorithm": "decision_tree", "dataset": "iris", "model_name": "tree"}
    planted.jobs["tree"] = platform.client.submit({**tree, "secrets": {"SECRET": "job-secret"}})
    look_at_processes(planted)
    go_on.touch()
    wait_until(lambda: all(job.refresh().ended for job in planted.jobs.values()), "all jobs to end")
    models = platform.client.models
    wait_until(lambda: [one for one in models.list() if one["name"] == "tree"], "the model to be registered")
    planted.hook.wait(lambda posted: b"leaks" in posted.body)
    wait_until(lambda: not list((platform.home / "agent" / "tasks").iterdir()), "everything to be delivered")
    ask_for_everything(planted, folder)


def piped(platform: Platform, words: list[str], text: str) -> str:
    env = {**os.environ, "TENSORFLEET_HOME": str(platform.home)}
    done = subprocess.run([CLI, *words], env=env, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def sign_in(planted: Planted) -> None:
    """A person and a program: what they are given is planted too."""
    access = planted.platform.client.access
    access.add_user("anna", VALUES["password"], role="user")
    planted.values["key"] = access.add_key("ci", user="anna")["key"]
    with open_api(planted.platform) as api:
        body = {"username": "anna", "password": VALUES["password"]}
        tokens = api.post("/api/v1/auth/token", json=body).json()
        assert api.post("/api/v1/auth/token", json={**body, "password": "wrong"}).status_code == 401
        planted.values |= {name: tokens[name] for name in ("access_token", "refresh_token")}
        for token in (planted.values["key"], tokens["access_token"]):
            mine = {"Authorization": f"Bearer {token}"}
            assert api.get("/api/v1/jobs", headers=mine).status_code == 200


def look_at_processes(planted: Planted) -> None:
    """While tasks run that have secrets."""
    leaks = planted.jobs["leaks"]
    wait_until(lambda: any("of a child" in line.text for line in leaks.logs()), "the job to have said it all")
    top = planted.platform.supervisor
    for process in [top, *top.children(recursive=True)]:
        try:
            line, name = " ".join(process.cmdline()), process.name()
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        except (psutil.Error, OSError):
            continue
        planted.command_lines.append(line)
        planted.environments[f"{name} {line}"] = environment
    assert any(name.startswith("tf-task-") for name in planted.environments), "no task was there"


def ask_for_everything(planted: Planted, folder: Path) -> None:
    platform, told = planted.platform, planted.told
    with open_api(platform) as api:
        description = api.get("/api/openapi.json")
        for path in [path for method, path, _ in operations(description.json()) if method == "GET"]:
            for job in planted.jobs.values():
                asked = path.format_map(Names(job_id=job.id, other_id=planted.jobs["works"].id))
                if (
                    asked not in ("/api/v1/events", *told) and "{" not in asked
                ):  # it does not end; those of jobs do
                    told[asked] = _asked(api, asked)
        told["/api/v1/models/tree/versions/1/card"] = _asked(api, "/api/v1/models/tree/versions/1/card")
        planted.told["problem"] = api.post(
            "/api/v1/jobs", json={"secrets": {"A": VALUES["job secret"]}}
        ).content
    for line in (
        "doctor",
        "secrets list --json",
        "jobs why leaks",
        "jobs logs leaks",
        "audit list --json",
        "ledger --json",
    ):
        done = platform.cli(*line.split(), check=False)
        told[line] = (done.stdout + done.stderr).encode()
    told["traces"] = b"".join(posted.body for posted in planted.collector.posted)
    told["notices"] = b"".join(posted.body for posted in planted.hook.posted)
    told["database"] = b"\n".join(rows_of(planted.database))
    back_up(planted, folder)


class Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def _asked(api: httpx.Client, path: str) -> bytes:
    answer = api.get(path, timeout=20)
    return answer.content + str(answer.headers).encode()


def rows_of(database: str) -> Iterator[bytes]:
    with psycopg.connect(database) as connection:
        query = (
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        )
        tables = connection.execute(
            f"{query} AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 20
        for schema, table in tables:
            for (row,) in connection.execute(f'SELECT t::text FROM "{schema}"."{table}" t'):  # type: ignore[arg-type]
                yield row.encode()


def back_up(planted: Planted, folder: Path) -> None:
    """Without the files that are secrets themselves, as one gives a backup away."""
    target, unpacked = folder / "copy.tar.zst", folder / "unpacked"
    env = {**os.environ, "TENSORFLEET_HOME": str(planted.platform.home)}
    env["PATH"] = f"{planted.server.programs}:{env['PATH']}"
    command = [CLI, "backup", str(target), "--without-secrets"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    unpacked.mkdir()
    unpack(target, unpacked)
    restore = [f"{planted.server.programs}/pg_restore", "--file=-", str(unpacked / "database.dump")]
    rows = subprocess.run(restore, capture_output=True, check=True, timeout=60).stdout
    files = (path for path in unpacked.rglob("*") if path.is_file())
    planted.told["backup"] = done.stdout.encode() + rows + b"".join(path.read_bytes() for path in files)


def test_jobs_had_their_secrets_and_what_they_said_is_masked(planted: Planted) -> None:
    assert {name: job.status for name, job in planted.jobs.items()} == {
        "leaks": "failed", "exits": "failed", "works": "completed", "tree": "completed",
    }  # fmt: skip
    log = "".join(line.text for line in planted.jobs["leaks"].logs())
    assert "it is ***" in log
    assert "of a child: ***" in log
    assert "cannot sign in with ***" in planted.jobs["leaks"].data["reason"]
    assert "no access with ***" in planted.jobs["exits"].data["reason"]
    assert "loss" in planted.jobs["leaks"].data["metrics"]


def test_no_file_of_the_home_has_one(planted: Planted) -> None:
    found = set()
    for path in planted.platform.home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            where = path.relative_to(planted.platform.home).as_posix()
            with suppress(FileNotFoundError):  # what lies beside a database goes when nobody has it open
                found |= {(name, where) for name in found_in(path.read_bytes(), planted.values)}
    assert found - ALLOWED == set()
    assert ALLOWED - found == set(), "these are not there any more; take them from the list"


def test_no_answer_export_trace_notice_or_backup_has_one(planted: Planted) -> None:
    assert len(planted.told) > 40
    assert planted.told["traces"]
    found = {
        where: names for where, data in planted.told.items() if (names := found_in(data, planted.values))
    }
    assert found == {}


def test_no_command_line_has_one(planted: Planted) -> None:
    assert len(planted.command_lines) >= 5
    assert found_in("\n".join(planted.command_lines).encode(), planted.values) == set()


def test_secrets_of_jobs_and_of_the_platform_are_in_no_environment_where_they_do_not_belong(
    planted: Planted,
) -> None:
    """What a process was started with; a task's own variables come after it was forked, and are not shown there."""
    jobs = {"job secret", "job certificate"}
    found = {where: found_in(data, planted.values) for where, data in planted.environments.items()}
    assert {where: names & jobs for where, names in found.items() if names & jobs} == {}
    theirs = {where: names for where, names in found.items() if where.startswith(("tf-t", "tf-environment"))}
    assert any(where.startswith("tf-task-") for where in theirs)
    assert {where: names for where, names in theirs.items() if names - {"s3 key"}} == {}
