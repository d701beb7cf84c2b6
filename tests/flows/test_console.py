"""The engineer's way through a fault, in a real browser, without a single reload."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from tests.fakes import need
from tests.fakes.patience import until
from tests.flows.conftest import Platform

pytestmark = [
    pytest.mark.flow,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(420),
]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
MOVE_SECONDS = 30.0
FIRE_MS = 60_000
RESOLVE_MS = 150_000


@pytest_asyncio.fixture(loop_scope="session")
async def page(platform: Platform) -> AsyncIterator[Page]:
    """Sign in and stand on System Overview."""
    program = need.program("chromium")
    expect.set_options(timeout=20_000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(30_000)
        page = await context.new_page()
        await page.goto(f"{platform.sample.console}/sign-in")
        await page.fill("[name=name]", platform.sample.sign_in.name)
        await page.fill("[name=password]", platform.sample.sign_in.password)
        await page.click("button")
        await page.wait_for_url(f"{platform.sample.console}/")
        yield page
        await browser.close()


async def test_an_engineer_sees_answers_and_outlives_a_fault(
    platform: Platform, page: Page, tmp_path: Path
) -> None:
    assert await platform.all_resolved(seconds=120), "alerts of an earlier scenario still fire"
    await _moves(page)
    alerts, incidents, sample = [
        await _opened(page, platform.sample.console + path)
        for path in ("/alerts", "/incidents", "/sample")
    ]
    await sample.click("#act-lb-down")
    try:
        await expect(sample.locator("li.running #act-lb-down")).to_be_visible()
        await expect(page.locator(".banner")).to_be_visible(timeout=FIRE_MS)
        await expect(alerts.locator(".alert", has_text="LoadBalancerDown").first).to_be_visible(
            timeout=FIRE_MS
        )
        listed = incidents.locator("#list tr:has(.sev.p0) td.title a").first
        await expect(listed).to_be_visible(timeout=FIRE_MS)
        await page.screenshot(path=tmp_path / "overview.png")

        incident = await _opened(page, _address(platform, await listed.get_attribute("href")))
        await expect(incident.locator(".panel .uplot").first).to_be_visible()
        await expect(incident.locator(".runbook").first).to_contain_text("Mend")
        await incident.click("button:has-text('Acknowledge')")
        await expect(incident.locator("#standing")).to_contain_text("acknowledged by")
        await expect(incident.locator("#timeline")).to_contain_text("Acknowledged")
        await _mark(incident)
        await incident.screenshot(path=tmp_path / "incident.png", full_page=True)
        await sample.click("#act-lb-down")
        await expect(sample.locator("li:not(.running) #act-lb-down")).to_be_visible()
    finally:
        await platform.sample.scenarios.stop("lb-down")

    await expect(incident.locator("#standing .state.resolved")).to_be_visible(timeout=RESOLVE_MS)
    await expect(incident.locator("#specs")).to_contain_text("resolved")
    await expect(page.locator(".banner")).to_have_count(0, timeout=RESOLVE_MS)
    await expect(alerts.locator(".alert")).to_have_count(0, timeout=RESOLVE_MS)
    await incident.screenshot(path=tmp_path / "resolved.png", full_page=True)
    for one in (page, alerts, incidents, incident):
        assert await one.evaluate("window.unloaded === false"), f"{one.url} was loaded anew"


async def _moves(page: Page) -> None:
    """Figures on the board change by themselves."""
    await _mark(page)
    figures = page.locator(".panel.stat .stat-value b")
    before = await figures.all_inner_texts()

    async def moved() -> bool:
        return await figures.all_inner_texts() != before

    await until(moved, seconds=MOVE_SECONDS, why="a figure changes")


async def _opened(beside: Page, address: str) -> Page:
    page = await beside.context.new_page()
    await page.goto(address)
    await expect(page.locator("#link-state[data-state=live]")).to_be_visible()
    await _mark(page)
    return page


async def _mark(page: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    await page.evaluate("window.unloaded = false")


def _address(platform: Platform, path: str | None) -> str:
    return f"{platform.sample.console}{path}"
