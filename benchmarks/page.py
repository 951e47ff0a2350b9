"""The web page in Chromium: what it loads, how soon it can be used, and how smoothly it goes on while much happens.

Lighthouse (its desktop preset) over the overview and a job's page; a job with a hundred metrics of 100,000 points each, opened
and then fed 100 updates a second; the table of jobs scrolled through 10,000 rows.  PAGE_JOBS and PAGE_POINTS make it smaller.
The bare limit beside it is an empty page in the same browser: it is drawn 60 times a second at most.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page
from tests.e2e.browser import PASSWORD, cookies_of, frames_per_second, signed_in
from tests.integration.real_browser import chromium

import tensorfleet
from benchmarks.report import table, write
from tensorfleet.adapters.database import Database
from tensorfleet.jobs.eventlog import SqlEventLog
from tensorfleet.jobs.model import NewEvent
from tensorfleet.sdk.jobs import Job

JOBS = int(os.environ.get("PAGE_JOBS", "10000"))
POINTS = int(os.environ.get("PAGE_POINTS", "100000"))
METRICS = 100
STEPS_AT_ONCE = 100
AT_ONCE = 500
NAMES = [f"group_{number // 10}/metric_{number:03d}" for number in range(METRICS)]
PEERS = Path(__file__).parents[1] / ".venv/peers"
WANTED = {"performance": 0.95, "accessibility": 1.0, "best-practices": 1.0}
TALKS = """
import time
from tensorfleet import train
names = NAMES
time.sleep(5)
for step in range(1_000_000):
    train.report(step=step, **{names[step % len(names)]: step})
    time.sleep(0.01)
""".replace("NAMES", repr(NAMES))
SCROLL = """() => new Promise((done) => {
    const frame = document.querySelector("[role=table]");
    let last = performance.now(), gaps = [], moved = 0;
    const step = (now) => {
        gaps.push(now - last); last = now;
        frame.scrollTop += 400; moved++;
        if (moved < 600) requestAnimationFrame(step); else done(gaps.slice(1));
    };
    requestAnimationFrame(step);
})"""


def main() -> None:
    """Prints the figures and keeps them."""
    with tempfile.TemporaryDirectory(prefix="tensorfleet-bench-") as folder, chromium() as browser:
        home = Path(folder) / "home"
        command = [str(Path(sys.executable).parent / "tensorfleet")]
        env = {**os.environ, "TENSORFLEET_HOME": str(home)}
        up = [*command, "up", "--detach", "--port", "0", "--workers", "1"]
        subprocess.run(up, env=env, check=True, capture_output=True)
        try:
            with tensorfleet.Client(home=home) as client:
                client.access.add_user("ada", password=PASSWORD, role="admin")
                found = _measure(browser, client, home, Path(folder))
        finally:
            subprocess.run([*command, "down"], env=env, check=True, capture_output=True)
    write("page", found)


def _measure(browser: Browser, client: tensorfleet.Client, home: Path, folder: Path) -> dict[str, Any]:
    code = folder / "code"
    code.mkdir()
    (code / "main.py").write_text(TALKS)
    job = client.submit(name="hundred metrics", entrypoint="main.py", code=str(code))
    _fill(home, job)
    _submit(client.url, home)
    _settle(client, job)
    found: dict[str, Any] = {"script": _script(browser, client.url)}
    found["bare"] = _bare(browser)
    found["job"] = _job_page(browser, client.url, job)
    found["table"] = _scrolled(browser, client.url)
    job.cancel()
    found["lighthouse"] = {
        name: _lighthouse(client.url, path, folder)
        for name, path in (("overview", "/"), ("job page", f"/jobs/{job.id}"))
    }
    rows = [
        ("script of the first page, compressed", f"{found['script']['kilobytes']:.0f} kB", "300 kB"),
        ("frames a second: an empty page", f"{found['bare']:.0f}", "60"),
        ("100 metrics: can be used after", f"{found['job']['usable_s']:.2f} s", "2 s"),
        ("100 metrics, 100 updates a second: frames", f"{found['job']['frames']:.0f}", "50"),
        (f"table of {JOBS} rows, scrolled: frames", f"{found['table']['frames']:.0f}", "50"),
        ("the same: 99 of 100 frames within", f"{found['table']['p99_ms']:.0f} ms", ""),
    ]
    for name, scores in found["lighthouse"].items():
        rows += [
            (f"Lighthouse, {name}: {what}", f"{scores[what] * 100:.0f}", f"{wanted * 100:.0f}")
            for what, wanted in WANTED.items()
            if what in scores
        ]
    table("The web page in Chromium", rows, ("", "here", "wanted"))
    return found


def _fill(home: Path, job: Job) -> None:
    """A past of 100,000 steps for each metric, as tasks would have reported it."""
    database = Database(f"sqlite:///{home / 'tensorfleet.db'}")
    log, now = SqlEventLog(database), datetime.now(UTC)
    try:
        for begin in range(0, POINTS, STEPS_AT_ONCE):
            points = [
                {
                    "step": step - POINTS,
                    "at": now.timestamp() - (POINTS - step) * 0.01,
                    "values": {name: (step * (place + 7)) % 997 / 997 for place, name in enumerate(NAMES)},
                }
                for step in range(begin, begin + STEPS_AT_ONCE)
            ]
            with database.begin() as connection:
                log.append(
                    connection,
                    [NewEvent("metrics", now, {"rank": 0, "attempt": 1, "points": points}, job.id)],
                )
    finally:
        database.close()


def _settle(client: tensorfleet.Client, job: Job) -> None:
    """Returns once the monitor has rolled up that past: a day of training does not arrive within seconds otherwise."""
    quick = 0
    while quick < 5:
        began = time.perf_counter()
        job.metric_summaries()
        quick = quick + 1 if time.perf_counter() - began < 0.15 else 0
        time.sleep(1)


def _submit(url: str, home: Path) -> None:
    """Jobs that wait: there is one worker, and it is busy."""
    spec = {"algorithm": "random_forest", "dataset": "wine"}
    headers = {"Authorization": f"Bearer {(home / 'token').read_text().strip()}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        for begin in range(0, JOBS, AT_ONCE):
            items = [spec | {"name": f"job {number}"} for number in range(begin, min(JOBS, begin + AT_ONCE))]
            http.post("/api/v1/jobs/batch", json={"items": items}).raise_for_status()


def _script(browser: Browser, url: str) -> dict[str, float]:
    with signed_in(browser, url, "ada", service_workers="block") as (page, _):
        page.goto("/")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(2000)
        sizes = page.evaluate(
            "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('.js')).map((one) => one.encodedBodySize)"
        )
    return {"files": len(sizes), "kilobytes": sum(sizes) / 1000}


def _bare(browser: Browser) -> float:
    page = browser.new_page()
    page.set_content("<p>nothing</p>")
    found = frames_per_second(page, 3)
    page.close()
    return found


def _job_page(browser: Browser, url: str, job: Job) -> dict[str, float]:
    with signed_in(browser, url, "ada", service_workers="block") as (page, _):
        usable = []
        for _round in range(3):
            began = time.perf_counter()
            page.goto(f"/jobs/{job.id}", wait_until="commit")
            page.locator("[role=img][aria-label*=metric_000]").first.wait_for()
            # It answers: a click is taken, and the browser has time again.
            page.get_by_role("heading", level=1).click()
            page.evaluate("new Promise((done) => requestIdleCallback(done))")
            usable.append(time.perf_counter() - began)
        page.wait_for_timeout(2000)
        before = _label(page)
        frames = frames_per_second(page, 10)
        assert _label(page) != before, "the curves did not move"
    return {"usable_s": statistics.median(usable), "frames": frames}


def _label(page: Page) -> str:
    return page.locator("[role=img][aria-label*=metric_000]").first.get_attribute("aria-label") or ""


def _scrolled(browser: Browser, url: str) -> dict[str, float]:
    with signed_in(browser, url, "ada", service_workers="block") as (page, _):
        page.goto("/jobs")
        page.get_by_role("row").nth(5).wait_for()
        gaps = page.evaluate(SCROLL)
    gaps.sort()
    return {"frames": 1000 / statistics.mean(gaps), "p99_ms": gaps[int(len(gaps) * 0.99)]}


def _lighthouse(url: str, path: str, folder: Path) -> dict[str, float]:
    """Its scores; none where it is not installed (`make setup-bench`)."""
    program = PEERS / "lighthouse/node_modules/.bin/lighthouse"
    if not program.exists():
        return {}
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in cookies_of(url, "ada"))
    report = folder / "lighthouse.json"
    command = [
        str(program), url + path, "--quiet", "--preset=desktop", "--output=json", f"--output-path={report}",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu", f"--extra-headers={json.dumps({'Cookie': cookies})}",
        "--only-categories=performance,accessibility,best-practices",
    ]  # fmt: skip
    env = {
        **os.environ,
        "PATH": f"{PEERS / 'bin'}:{os.environ['PATH']}",
        "CHROME_PATH": shutil.which("chromium") or "",
    }
    subprocess.run(command, env=env, check=True, capture_output=True)
    return {name: one["score"] for name, one in json.loads(report.read_text())["categories"].items()}
