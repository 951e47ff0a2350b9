"""A real Prometheus scrapes every role of a running platform by the files of deploy/monitoring, and a real Alertmanager tells."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import tensorfleet
from tensorfleet.errors import JobFailed, NotPermitted
from tensorfleet.testing import prometheus
from tensorfleet.testing.inbox import Inbox, inbox
from tensorfleet.testing.platform import own_platform
from tensorfleet.testing.servers import free_ports
from tests.integration.test_failover import until

SCRAPE = "only-for-metrics-0123456789"
MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
ROLES = ("gateway", "orchestrator", "agent", "monitor", "tuner")
JOB = {
    "name": "watched", "algorithm": "naive_bayes", "dataset": "iris", "resources": {"workers": 1},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    try:
        for name in ("prometheus", "promtool", "prometheus-alertmanager"):
            prometheus.program(name)
    except prometheus.NotToBeHad as why:
        pytest.fail(str(why))


def promtool(*arguments: str) -> None:
    done = subprocess.run(
        [prometheus.program("promtool"), *arguments],
        cwd=MONITORING,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_test_and_passes_it() -> None:
    promtool("check", "rules", *(str(path) for path in sorted((MONITORING / "rules").glob("*.yml"))))
    files = sorted((MONITORING / "tests").glob("*_test.yml"))
    promtool("test", "rules", *map(str, files))

    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    tested: dict[str, set[bool]] = {}
    for test in (test for path in files for test in yaml.safe_load(path.read_text())["tests"]):
        for case in test["alert_rule_test"]:
            tested.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    assert {name for name, fired in tested.items() if True in fired} == alerts


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in (MONITORING / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def expressions() -> Iterator[tuple[str, str]]:
    """`(where, expression)` of all rules and all panels."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path in sorted((MONITORING / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]


def names_in(expression: str) -> set[str]:
    return set(
        re.findall(r"\b(?:(?:tensorfleet|process)[a-z0-9_:]+|up(?={))", re.sub(r'"[^"]*"', "", expression))
    )


def served(text: str) -> set[str]:
    """The names of all series that a scrape can have, also of families that have none now."""
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        found |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return found


def written(folder: Path, ports: dict[str, int], token: Path, hook: Inbox) -> tuple[Path, Path]:
    """The two configurations that are shipped, for servers on this machine that lose no time."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(MONITORING / pattern) for pattern in config["rule_files"]]
    managers = config["alerting"]["alertmanagers"][0]
    managers["static_configs"] = [{"targets": [f"127.0.0.1:{ports['alertmanager']}"]}]
    for job in config["scrape_configs"]:
        job["authorization"]["credentials_file"] = str(token)
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    alerts = yaml.safe_load((MONITORING / "alertmanager.yml").read_text())
    alerts["route"] |= {"group_wait": "100ms", "group_interval": "500ms"}
    for receiver in alerts["receivers"]:
        receiver["webhook_configs"][0]["url"] = f"{hook.url}/{receiver['name']}"
    paths = folder / "prometheus.yml", folder / "alertmanager.yml"
    for path, data in zip(paths, (config, alerts), strict=True):
        path.write_text(yaml.safe_dump(data))
    return paths


def ask(url: str, path: str, **query: str) -> Any:
    answer = httpx.get(f"{url}/api/v1/{path}", params=query, timeout=10, trust_env=False).json()
    assert answer["status"] == "success", answer
    return answer["data"]


def ups(url: str) -> dict[str, str]:
    return {one["metric"]["job"]: one["value"][1] for one in ask(url, "query", query="up")["result"]}


def test_an_agent_that_is_killed_reaches_a_webhook(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    ports = dict(zip((*ROLES, "prometheus", "alertmanager"), free_ports(len(ROLES) + 2), strict=True))
    metrics: dict[str, Any] = {role: ports[role] for role in ROLES if role != "gateway"}
    metrics["token"] = SCRAPE
    (tmp_path / "scrape").write_text(SCRAPE)

    async def story(hook: Inbox) -> None:
        own = {"name": "own", "type": "webhook", "url": f"{hook.url}/own"}
        (home / "tensorfleet.yaml").write_text(
            yaml.safe_dump({"metrics": metrics, "notify": [own], "outgoing": {"allow": ["127.0.0.0/8"]}})
        )
        async with own_platform(home, lease_s=2.0, heartbeat_s=0.5) as platform:
            for role in ("monitor", "tuner"):
                platform.add(platform.local_role(role))
            shown = f"127.0.0.1:{ports['agent']}"
            platform.add(platform.agent_role("agent", 2, platform.service, metrics=shown))
            ports["gateway"] = int(platform.url.rpartition(":")[2])
            await asyncio.to_thread(
                watched, platform.url, platform.token, hook, lambda: platform.end("agent")
            )

    def watched(url: str, token: str, hook: Inbox, kill: Any) -> None:
        config, alerts = written(tmp_path, ports, tmp_path / "scrape", hook)
        with (
            prometheus.alertmanager(alerts, tmp_path, ports["alertmanager"]),
            prometheus.prometheus(config, tmp_path, ports["prometheus"]) as server,
            tensorfleet.Client(url, token) as client,
        ):
            asyncio.run(until(lambda: ups(server) == dict.fromkeys(ROLES, "1"), "all roles are scraped"))
            client.submit(JOB).wait(60)
            everything_exists(server)
            with tensorfleet.Client(url, SCRAPE) as scraper, pytest.raises(NotPermitted):
                scraper.jobs.list()
            asyncio.run(
                until(
                    lambda: ask(server, "query", query="tensorfleet_assignment_seconds_count > 0")["result"],
                    "a job",
                )
            )
            assert hook.posted == []
            with pytest.raises(JobFailed):
                client.submit(JOB | {"name": "doomed", "target_column": "sepal_length_cm"}).wait(60)
            failed = hook.wait(lambda one: one.path == "/own").json["events"][0]
            assert (failed["kind"], failed["name"]) == ("job.failed", "doomed")

            kill()
            told = hook.wait(lambda one: one.path == "/team").json
            lost = hook.wait(
                lambda one: one.path == "/own" and one.json["events"][0]["kind"] == "worker.lost"
            )
            assert "Worker agent" in lost.json["events"][0]["text"]
        assert told["groupLabels"] == {"alertname": "WorkerLost"}
        assert told["status"] == "firing"
        assert "fell silent" in told["alerts"][0]["annotations"]["summary"]

    def everything_exists(server: str) -> None:
        found = {"up"} | {rule["record"] for rule in rules() if "record" in rule}
        for role in ROLES:
            refused = httpx.get(f"http://127.0.0.1:{ports[role]}/metrics", trust_env=False)
            assert refused.status_code == 401
            headers = {"authorization": f"Bearer {SCRAPE}"}
            scrape = httpx.get(f"http://127.0.0.1:{ports[role]}/metrics", headers=headers, trust_env=False)
            found |= served(scrape.text)
        for where, expression in expressions():
            assert names_in(expression), where
            assert names_in(expression) <= found, where
            ask(server, "query", query=expression)

    with inbox() as hook:
        asyncio.run(story(hook))
