"""How soon System Overview shows live data, and what twenty viewers cost Prometheus."""

import asyncio
import re
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import httpx
from playwright.async_api import Browser, BrowserContext, StorageState, async_playwright

from _rig import free_ports, report, spread
from dexwatch.daemons.programs.secrets import kept
from dexwatch.demo.config import Options
from dexwatch.demo.run import Sample, sample, watched
from dexwatch.settings import load

T = TypeVar("T")

LOADS = 20
COLD_LOADS = 3
IDLE_SECONDS = 25.0
"""Longer than the console keeps asking after the last viewer has left."""
VIEWERS = 20
WATCH_SECONDS = 60.0
SETTLE_SECONDS = 30.0
STEP_SECONDS = 60.0
WHOLE_SECONDS = 1_200.0
"""The browser's own calls may wait for ever on a page that no longer answers, and the whole run
once did: so each step, and all of them together, has a bound, and says which one it was."""
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WATCH_PAINT = """
(() => {
  window.seen = { lcp: null, chart: null };
  const look = () => {
    const one = document.querySelector(".panel.timeseries[data-state=ok] .uplot canvas");
    if (one && one.width) requestAnimationFrame(() => (window.seen.chart = performance.now()));
    else requestAnimationFrame(look);
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.seen.lcp = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  requestAnimationFrame(look);
})();
"""
"""Notes when the largest text or picture was painted, and when the first chart was: a canvas is
none of the candidates that the browser itself looks at."""


async def main() -> None:
    options = Options(console_port=free_ports(1)[0], profile="production")
    with tempfile.TemporaryDirectory(prefix="dexwatch-bench-") as folder:
        async with (
            asyncio.timeout(WHOLE_SECONDS),
            sample(Path(folder) / "demo", options) as running,
            watched(running),
            async_playwright() as playwright,
        ):
            await asyncio.sleep(SETTLE_SECONDS)
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            state = await _signed_in(browser, running)
            cold = []
            for _ in range(COLD_LOADS):
                await asyncio.sleep(IDLE_SECONDS)
                cold.append(await _paint(browser, state, running))
            paints = [await _paint(browser, state, running) for _ in range(LOADS)]
            one = await _queries_with(browser, state, running, viewers=1)
            many = await _queries_with(browser, state, running, viewers=VIEWERS)
            await _within(browser.close(), "to close the browser")
    painted = spread(paints)
    report(
        benchmark="console",
        measurement="System Overview painted with values and charts, empty browser cache; queries",
        unit="seconds; Prometheus queries a minute",
        paint=painted,
        paint_after_nobody_watched=spread(cold),
        queries_one_viewer=one,
        queries_twenty_viewers=many,
        compared_with="one viewer, in the same run",
        aim="half of the paints <= 1 s; twenty viewers cost no more queries than one",
        reached=painted["p50"] <= 1.0 and many <= one * 1.1,
    )


async def _signed_in(browser: Browser, running: Sample) -> StorageState:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{running.console}/sign-in")
    await page.fill("[name=name]", running.sign_in.name)
    await page.fill("[name=password]", running.sign_in.password)
    await page.press("[name=password]", "Enter")
    await page.wait_for_selector("[data-panel]")
    state = await context.storage_state()
    await context.close()
    return state


async def _paint(browser: Browser, state: StorageState, running: Sample) -> float:
    """Return the seconds until values and charts were on the screen, in a new browser."""
    context = await _viewer(browser, state)
    page = await context.new_page()
    await page.add_init_script(WATCH_PAINT)
    await page.goto(running.console, wait_until="load")
    seen: dict[str, float | None] = {"lcp": None, "chart": None}
    deadline = time.monotonic() + 10
    while None in seen.values() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        seen = await _within(page.evaluate("window.seen"), "to ask what was painted")
    shown = page.locator(".panel.stat[data-state=ok] .stat-value b").all_inner_texts()
    values = await _within(shown, "to read the values")
    await _within(context.close(), "to close a page")
    painted = [moment for moment in seen.values() if moment is not None]
    if len(painted) < 2 or not any(re.search(r"\d", value) for value in values):
        raise RuntimeError(f"System Overview showed no values: {seen}, {values}")
    return max(painted) / 1000


async def _within(step: Awaitable[T], what: str) -> T:
    """Return a step's result.

    Raises:
        RuntimeError: it took longer than a step may; the message says which one.
    """
    try:
        return await asyncio.wait_for(step, STEP_SECONDS)
    except TimeoutError:
        raise RuntimeError(f"{STEP_SECONDS:g} s were not enough {what}") from None


async def _viewer(browser: Browser, state: StorageState) -> BrowserContext:
    return await browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=state)


async def _queries_with(
    browser: Browser, state: StorageState, running: Sample, *, viewers: int
) -> float:
    """Return how many queries Prometheus answered a minute while so many looked on."""
    # A browser opens six connections to one host, and each page holds one: so each viewer is a
    # browser of its own.
    contexts = [await _viewer(browser, state) for _ in range(viewers)]
    pages = [await context.new_page() for context in contexts]
    for page in pages:
        await page.goto(running.console, wait_until="domcontentloaded")
    for page in pages:
        await page.wait_for_selector("#link-state[data-state=live]")
    await asyncio.sleep(10)
    before = await _answered(running)
    await asyncio.sleep(WATCH_SECONDS)
    after = await _answered(running)
    for context in contexts:
        await _within(context.close(), "to close a viewer")
    return round((after - before) * 60 / WATCH_SECONDS, 1)


async def _answered(running: Sample) -> float:
    settings = load(running.config)
    url = settings.daemons.prometheus_url
    own = kept(settings.daemons, folder=settings.folder).access
    async with httpx.AsyncClient(headers={"authorization": own.header}) as client:
        text = (await client.get(f"{url}/metrics")).text
    rows = re.findall(
        r'^prometheus_http_requests_total{code="200",handler="/api/v1/query(?:_range)?"} (\S+)$',
        text,
        re.MULTILINE,
    )
    return sum(float(row) for row in rows)


if __name__ == "__main__":
    asyncio.run(main())
