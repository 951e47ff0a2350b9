"""Whatever people and programs write stays text: in names, labels, logs, metrics, reasons, files, cards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tensorfleet.sdk.jobs import Job
from tests.e2e.browser import signed_in
from tests.integration.platform import Platform, wait_until
from tests.integration.scripts import submitting

EVIL = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
SCRIPT = f"""
from tensorfleet import train
EVIL = {EVIL!r}
print(EVIL, flush=True)
print("\\x1b[31m" + EVIL + "\\x1b[0m javascript:window.pwned=1", flush=True)
train.report(step=0, **{{EVIL[:80]: 1.0, "loss": 2.0}})
raise ValueError(EVIL)
"""
TABS = ("", "logs", "timeline", "ranks", "checkpoints", "results", "spec")


@pytest.fixture(scope="module")
def planted(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A job, a dataset, a user and a workspace with markup wherever the API takes a text."""
    client, folder = platform.client, tmp_path_factory.mktemp("planted")
    rows = folder / "rows.csv"
    rows.write_text(
        f'"{EVIL.replace(chr(34), chr(34) * 2)}",target\n1,{EVIL.replace(",", ";").replace(chr(34), "")}\n2,b\n'
        * 1
    )
    client.datasets.add(str(rows), "planted", target="target")
    client.access.add_workspace("planted", EVIL)
    with submitting(platform, folder) as submit:
        job = submit(SCRIPT, name="planted", labels={"note": EVIL[:60]}, retries=0)
        wait_until(lambda: job.refresh().ended, "it to fail")
        yield job


def unharmed(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(700)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0


def test_texts_of_jobs(browser: Browser, platform: Platform, planted: Job) -> None:
    with signed_in(browser, platform.client.url, "ada") as (page, _):
        for tab in TABS:
            page.goto(f"/jobs/{planted.id}/{tab}")
            unharmed(page)
        page.goto(f"/jobs/{planted.id}/logs")
        expect(page.get_by_text("<script>window.pwned=1</script>").first).to_be_visible()


def test_texts_of_everything_else(browser: Browser, platform: Platform, planted: Job) -> None:
    with signed_in(browser, platform.client.url, "ada") as (page, _):
        for address in (
            "/", "/jobs", "/datasets", "/datasets/planted", "/admin/workspaces", "/admin/audit", "/workers",
            f"/jobs/compare?ids={planted.id}", f"/jobs/new?from={planted.id}",
            "/jobs?q=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E",
            "/jobs/%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
        ):  # fmt: skip
            page.goto(address)
            unharmed(page)


def test_a_script_in_the_page_would_not_run(browser: Browser, platform: Platform) -> None:
    """The policy holds even where a text became markup."""
    with signed_in(browser, platform.client.url, "ada") as (page, watched):
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<img src=\"/nothing\" onerror=\"window.pwned=1\">')"
        )
        page.evaluate(
            "(() => { const s = document.createElement('script'); s.textContent = 'window.pwned=1'; document.body.append(s); })()"
        )
        page.wait_for_timeout(500)
        assert page.evaluate("window.pwned") is None
        assert any("Content Security Policy" in error for error in watched.errors)
        watched.errors.clear()
