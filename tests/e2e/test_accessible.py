"""axe finds nothing (WCAG 2.1 A and AA) on any page, in both schemes, at three widths; no page scrolls sideways.

`TENSORFLEET_SCREENSHOTS=docs/images/web` keeps a picture of each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import signed_in
from tests.integration.platform import Platform, wait_until

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
WIDTHS = {375: 812, 768: 1024, 1440: 900}
SCHEMES = ("light", "dark")
PAGES = {
    "overview": "/",
    "jobs": "/jobs",
    "compare": "/jobs/compare?ids={jobs}",
    "new-job": "/jobs/new",
    "job": "/jobs/{job}",
    "job-logs": "/jobs/{job}/logs",
    "job-timeline": "/jobs/{job}/timeline",
    "job-ranks": "/jobs/{job}/ranks",
    "job-checkpoints": "/jobs/{job}/checkpoints",
    "job-results": "/jobs/{job}/results",
    "job-spec": "/jobs/{job}/spec",
    "job-failed": "/jobs/{failed}",
    "job-waiting": "/jobs/{waiting}",
    "studies": "/studies",
    "study": "/studies/{study}",
    "workers": "/workers",
    "worker": "/workers/{worker}",
    "datasets": "/datasets",
    "dataset": "/datasets/wine",
    "models": "/models",
    "model": "/models/wine",
    "pipelines": "/pipelines",
    "admin": "/admin",
    "admin-users": "/admin/users",
    "admin-workspaces": "/admin/workspaces",
    "admin-audit": "/admin/audit",
    "settings": "/settings",
    "not-here": "/jobs/j-nothing",
    "sign-in": "/sign-in",
}


@pytest.fixture(scope="module")
def places(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Real things, so that no page is empty."""
    client = platform.client
    client.access.add_workspace("vision")
    common: dict[str, Any] = {"dataset": "wine", "model_name": "wine"}
    forest = client.submit(name="wine forest", algorithm="random_forest", **common)
    networks = client.submit(
        name="wine network", algorithm="mlp", dataset="wine", resources={"workers": 2},
        hyperparameters={"epochs": 30, "hidden": [16]}, checkpoint={"every_epochs": 5},
    )  # fmt: skip
    forest.wait(60)
    networks.wait(90)
    study = client.submit(
        name="wine study", kind="tune", algorithm="random_forest", dataset="wine",
        tune={"space": {"n_estimators": {"int": [5, 30]}, "max_depth": {"int": [2, 8]}}, "trials": 6,
              "objective": {"metric": "accuracy", "direction": "maximize"}},
    )  # fmt: skip
    study.wait(120)
    code = tmp_path_factory.mktemp("code")
    (code / "main.py").write_text("print('about to fail')\nraise SystemExit(3)\n")
    failed = client.submit(name="fails", entrypoint="main.py", code=str(code), retries=0)
    wait_until(lambda: failed.refresh().ended, "it to fail")
    (code / "main.py").write_text("import time\ntime.sleep(3000)\n")
    busy = client.submit(name="busy", entrypoint="main.py", code=str(code), resources={"workers": 2})
    wait_until(lambda: busy.refresh().status == "running", "it to run")
    waiting = client.submit(name="waits", algorithm="mlp", dataset="wine", resources={"workers": 2})
    yield {
        "job": networks.id, "jobs": f"{forest.id},{networks.id}", "failed": failed.id, "waiting": waiting.id,
        "study": study.id, "worker": client.workers.list()[0]["worker_id"],
    }  # fmt: skip
    waiting.cancel()
    busy.cancel()
    wait_until(lambda: busy.refresh().ended and waiting.refresh().ended, "the jobs to end")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.timeout(300)
def test_axe_finds_nothing(
    browser: Browser, platform: Platform, places: dict[str, str], scheme: str, width: int
) -> None:
    size = {"width": width, "height": WIDTHS[width]}
    found: list[str] = []
    with signed_in(browser, platform.client.url, "ada", viewport=size, color_scheme=scheme) as (page, _):
        for name, address in PAGES.items():
            page.goto(address.format(**places))
            expect(page.get_by_role("heading", level=1).first).to_be_visible()
            expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=15_000)
            page.wait_for_timeout(250)  # colours fade in
            found += [f"{name}: {said}" for said in violations(page)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
                found.append(f"{name}: the page scrolls sideways")
            picture(page, f"{name}-{width}-{scheme}")
    assert found == []


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())  # not as a script of the page: its policy would refuse that
    result = page.evaluate("(tags) => axe.run({ runOnly: tags })", RULES)
    return [
        f"{one['id']} {node['target']} {node['failureSummary']}"
        for one in result["violations"]
        for node in one["nodes"][:3]
    ]


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("TENSORFLEET_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")
