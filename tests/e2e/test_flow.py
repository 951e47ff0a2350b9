"""What a person does on a first day, with the mouse and by keyboard alone: from a file to a model, through what goes wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sklearn.datasets import load_wine

from tests.e2e.browser import PASSWORD, signed_in
from tests.integration.platform import Platform, wait_until

SOON = 30_000
LONG = 90_000


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Real data: 178 wines."""
    wine = load_wine()
    path = tmp_path / "wines.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(name.replace("/", "_") for name in wine.feature_names), "cultivar"])
        writer.writerows([*row, label] for row, label in zip(wine.data, wine.target, strict=True))
    return path


Press = Callable[[Locator], None]


def click(what: Locator) -> None:
    what.click()


def by_key(what: Locator) -> None:
    """As one does without a mouse: it has to be reachable by Tab, and Enter has to do it."""
    expect(what).to_be_visible()
    expect(what).to_be_enabled()
    what.scroll_into_view_if_needed()
    reach(what)
    what.page.keyboard.press("Enter")


def reach(what: Locator) -> None:
    assert what.evaluate("(element) => element.tabIndex >= 0 && !element.disabled"), "Tab does not come here"
    what.focus()
    expect(what).to_be_focused()


@pytest.mark.parametrize("press", [click, by_key], ids=["mouse", "keyboard"])
@pytest.mark.timeout(400)
def test_from_a_file_to_a_model(browser: Browser, own_platform: Platform, rows: Path, press: Press) -> None:
    url = own_platform.client.url
    context = browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    sign_in(page, press)
    job = compose(page, press, rows)
    watch_pause_resume(page, press)
    survive(page, own_platform, job)
    fork(page, press, own_platform, job)
    compare(page, press, job)
    too_large(page, press)
    context.close()


def sign_in(page: Page, press: Press) -> None:
    page.goto("/jobs")
    expect(page).to_have_url(re.compile("/sign-in"))
    page.locator("input[name=username]").fill("ada")
    page.locator("input[name=password]").fill(PASSWORD)
    press(page.get_by_role("button", name="Sign in", exact=True))
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible(timeout=SOON)


def compose(page: Page, press: Press, rows: Path) -> str:
    """A dropped file, an algorithm, two workers; the YAML beside it says the same.  Returns the job's id."""
    press(page.get_by_role("link", name="New job").first)
    expect(page.get_by_role("heading", level=1, name="New job")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(rows)
    expect(page.get_by_role("row", name=re.compile("^cultivar"))).to_be_visible(timeout=SOON)
    page.get_by_role("region", name="Building blocks").get_by_label("Search").fill("mlp")
    press(page.get_by_role("button", name="Use mlp", exact=True))
    page.get_by_label("Workers", exact=True).fill("2")
    page.get_by_label("epochs", exact=True).fill("2000")
    editor = page.locator(".cm-content")
    expect(editor).to_contain_text("workers: 2", timeout=SOON)
    expect(editor).to_contain_text("algorithm: mlp")
    press(page.get_by_role("button", name="Submit", exact=True))
    page.wait_for_url(re.compile(r"/jobs/j-"), timeout=SOON)
    return page.url.split("/jobs/")[1].split("/")[0]


def points(page: Page) -> str:
    """What the first curve says to those who do not see it: its last values."""
    return page.locator("[role=img][aria-label*=loss]").first.get_attribute("aria-label") or ""


def watch_pause_resume(page: Page, press: Press) -> None:
    expect(page.locator("[role=img][aria-label*=loss]").first).to_be_visible(timeout=LONG)
    before = points(page)
    wait_until(lambda: points(page) != before, "the curve to move")
    press(page.get_by_role("button", name="Pause", exact=True))
    expect(page.get_by_text("paused", exact=True).first).to_be_visible(timeout=SOON)
    press(page.get_by_role("button", name="Resume", exact=True))
    expect(page.get_by_text("running", exact=True).first).to_be_visible(timeout=LONG)


def survive(page: Page, platform: Platform, job: str) -> None:
    """An agent is killed; the page tells, and the job completes in spite of it."""
    platform.kill("agent")
    expect(page.get_by_text("completed", exact=True).first).to_be_visible(timeout=LONG * 2)
    page.goto(f"/jobs/{job}/timeline")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert platform.client.jobs.get(job).status == "completed"


def fork(page: Page, press: Press, platform: Platform, job: str) -> None:
    page.goto(f"/jobs/{job}/checkpoints")
    press(page.get_by_role("button", name=re.compile("^Fork from here")).first)
    dialog = page.get_by_role("dialog")
    press(dialog.get_by_role("button", name="Fork", exact=True))
    page.wait_for_url(re.compile(rf"/jobs/(?!{job})j-"), timeout=SOON)
    forked = page.url.split("/jobs/")[1].split("/")[0]
    wait_until(lambda: platform.client.jobs.get(forked).status == "completed", "the fork to complete")
    expect(page.get_by_text("completed", exact=True).first).to_be_visible(timeout=SOON)


def compare(page: Page, press: Press, job: str) -> None:
    page.goto("/jobs")
    rows = page.get_by_role("row").filter(has=page.get_by_role("cell"))
    expect(rows).to_have_count(2, timeout=SOON)
    for row in rows.all():
        row.get_by_role("checkbox").check()
    press(
        page.get_by_role("button", name=re.compile("^Compare"))
        .or_(page.get_by_role("link", name=re.compile("^Compare")))
        .first
    )
    page.wait_for_url(re.compile("/jobs/compare"))
    expect(page.locator("[role=img][aria-label*=loss]").first).to_be_visible(timeout=SOON)


def too_large(page: Page, press: Press) -> None:
    """More workers than there are: the plan says so before it is submitted."""
    page.goto("/jobs/new")
    page.get_by_role("region", name="Building blocks").get_by_label("Search").fill("mlp")
    press(page.get_by_role("button", name="Use mlp", exact=True))
    page.get_by_label("Workers", exact=True).fill("400")
    expect(page.get_by_text(re.compile("400")).first).to_be_visible()


def test_why_a_job_waits(browser: Browser, platform: Platform, tmp_path: Path) -> None:
    """What it waits for, who has it, and what would help."""
    client = platform.client
    (tmp_path / "main.py").write_text("import time\ntime.sleep(600)\n")
    busy = client.submit(name="holds", entrypoint="main.py", code=str(tmp_path), resources={"workers": 2})
    wait_until(lambda: busy.refresh().status == "running", "it to run")
    waiting = client.submit(name="waits for room", algorithm="mlp", dataset="wine", resources={"workers": 2})
    try:
        with signed_in(browser, client.url, "vic") as (page, _):
            page.goto(f"/jobs/{waiting.id}")
            reason = client.jobs.get(waiting.id).why()["reason"]
            expect(page.get_by_text(reason).first).to_be_visible(timeout=SOON)
    finally:
        waiting.cancel()
        busy.cancel()
        wait_until(lambda: busy.refresh().ended and waiting.refresh().ended, "the jobs to end")


def test_a_viewer_is_offered_nothing_that_he_may_not_do(browser: Browser, platform: Platform) -> None:
    client = platform.client
    job = client.submit(name="looked at", algorithm="random_forest", dataset="wine")
    job.wait(60)
    with signed_in(browser, client.url, "vic") as (page, _):
        page.goto(f"/jobs/{job.id}")
        expect(page.get_by_text("completed", exact=True).first).to_be_visible(timeout=SOON)
        for name in ("Retry", "Cancel", "Pause", "Resume", "Delete", "Replay", "Fork from here"):
            expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
        expect(page.get_by_role("link", name="New job")).to_have_count(0)
        csrf = next(one["value"] for one in page.context.cookies() if one["name"] == "tensorfleet_csrf")
        refused = page.request.post(f"/api/v1/jobs/{job.id}/retry", headers={"X-CSRF-Token": csrf})
        assert refused.status == 403
        page.goto("/jobs/new")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("button", name="Submit", exact=True)).to_have_count(0)
        page.goto("/admin")
        expect(page.get_by_role("tab", name="Costs")).to_be_visible()
        for name in (
            "Users",
            "Workspaces",
            "Keys",
            "Secrets",
            "Webhooks",
            "Audit log",
            "Retention",
            "Settings",
        ):
            expect(page.get_by_role("tab", name=name)).to_have_count(0)
