"""The page stays true: what happens is there at once, and a gateway that dies is missed, said, and made up for."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.browser import signed_in
from tests.integration.platform import Platform, wait_until
from tests.integration.scripts import submitting

LONG = """
import time
from tensorfleet import train
for step in range(10_000):
    train.report(step=step, score=step)
    print(f"line {step}", flush=True)
    time.sleep(0.1)
"""


def test_a_gateway_that_dies_and_comes_back(browser: Browser, own_platform: Platform, tmp_path: Path) -> None:
    """It says "reconnecting", then shows what happened meanwhile, without a reload."""
    client = own_platform.client
    with (
        submitting(own_platform, tmp_path) as submit,
        signed_in(browser, client.url, "ada") as (page, _),
    ):
        first = submit(LONG, name="before")
        page.goto("/jobs")
        live = page.get_by_role("status").filter(has_text="live")
        expect(live).to_be_visible()
        expect(page.get_by_role("link", name="before", exact=True)).to_be_visible()
        page.evaluate("window.stillTheSame = true")

        own_platform.supervisor.suspend()  # it would start another gateway at once
        own_platform.process("gateway").kill()
        expect(page.get_by_text("reconnecting")).to_be_visible(timeout=20_000)
        own_platform.supervisor.resume()
        wait_until(lambda: client.health()["status"] in ("ok", "degraded"), "the gateway to be back")
        submit(LONG, name="meanwhile")
        first.cancel()
        expect(live).to_be_visible(timeout=20_000)
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name="before", exact=True))
        expect(row).to_contain_text("cancelled", timeout=20_000)
        expect(page.get_by_role("link", name="meanwhile", exact=True)).to_be_visible()
        assert page.evaluate("window.stillTheSame") is True


def test_no_line_is_missed_over_a_restart(browser: Browser, own_platform: Platform, tmp_path: Path) -> None:
    """The log of a job that goes on writing while the gateway is away has every line, once, in order."""
    with (
        submitting(own_platform, tmp_path) as submit,
        signed_in(browser, own_platform.client.url, "ada") as (page, _),
    ):
        job = submit(LONG.replace("10_000", "120"), name="talks")
        page.goto(f"/jobs/{job.id}/logs")
        expect(page.get_by_text("line 3", exact=True).first).to_be_visible(timeout=20_000)
        own_platform.kill("gateway")
        expect(page.get_by_text("line 119", exact=True).first).to_be_visible(timeout=60_000)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").or_(
                page.get_by_role("link", name="Download")
            ).first.click()
        text = Path(download.value.path()).read_text()
        numbers = [int(word.split("line ")[1]) for word in text.splitlines() if "line " in word]
        assert numbers == list(range(120))


def test_without_a_network_the_page_opens_and_says_so(browser: Browser, platform: Platform) -> None:
    with signed_in(browser, platform.client.url, "ada") as (page, _):
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_function("navigator.serviceWorker.controller !== null || navigator.serviceWorker.ready")
        page.evaluate("navigator.serviceWorker.ready")
        page.reload()  # now through the worker, which keeps what it passes on
        expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()
        page.context.set_offline(True)
        expect(page.get_by_text("reconnecting")).to_be_visible(timeout=20_000)
        page.context.set_offline(False)
        expect(page.get_by_role("status").filter(has_text="live")).to_be_visible(timeout=20_000)


def test_nothing_but_the_gateway_is_needed(browser: Browser, platform: Platform) -> None:
    """Every page, with each request to anywhere else cut off; signed_in() says which there were."""

    def only_here(route: Route) -> None:
        if route.request.url.startswith(platform.client.url):
            route.continue_()
        else:
            route.abort()

    with signed_in(browser, platform.client.url, "ada", service_workers="block") as (page, _):
        page.route("**/*", only_here)
        for address in ("/", "/jobs", "/jobs/new", "/studies", "/workers", "/datasets", "/models", "/admin"):
            opened(page, address)


def opened(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(300)
