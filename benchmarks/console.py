"""How soon System Overview shows live data, and what twenty viewers cost Prometheus."""

import asyncio
import re
import tempfile
from pathlib import Path

import httpx
from playwright.async_api import Browser, BrowserContext, async_playwright

from _rig import free_ports, report, spread
from dexwatch.demo.config import Options
from dexwatch.demo.run import Sample, sample, watched
from dexwatch.settings import load

LOADS = 20
VIEWERS = 20
WATCH_SECONDS = 60.0
SETTLE_SECONDS = 30.0
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
PAINT = """() => new Promise(done => {
  new PerformanceObserver(list => {
    const last = list.getEntries().at(-1);
    if (last) done(last.startTime);
  }).observe({type: 'largest-contentful-paint', buffered: true});
  setTimeout(() => done(-1), 5000);
})"""


async def main() -> None:
    options = Options(console_port=free_ports(1)[0], pace="production")
    with tempfile.TemporaryDirectory(prefix="dexwatch-bench-") as folder:
        async with (
            sample(Path(folder) / "demo", options) as running,
            watched(running),
            async_playwright() as playwright,
        ):
            await asyncio.sleep(SETTLE_SECONDS)
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = await _signed_in(browser, running)
            paints = [await _paint(context, running) for _ in range(LOADS)]
            one = await _queries_with(browser, running, viewers=1)
            many = await _queries_with(browser, running, viewers=VIEWERS)
            await browser.close()
    painted = spread(paints)
    report(
        benchmark="console",
        figure="largest contentful paint of System Overview with live data; queries by viewers",
        unit="seconds; Prometheus queries a minute",
        paint=painted,
        queries_one_viewer=one,
        queries_twenty_viewers=many,
        compared_with="one viewer, in the same run",
        aim="paint <= 1 s; twenty viewers cost no more queries than one",
        reached=painted["p95"] <= 1.0 and many <= one * 1.1,
    )


async def _signed_in(browser: Browser, running: Sample) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    await page.goto(f"{running.console}/sign-in")
    await page.fill("input[name=name]", running.sign_in.name)
    await page.fill("input[name=password]", running.sign_in.password)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_selector("[data-panel]")
    await page.close()
    return context


async def _paint(context: BrowserContext, running: Sample) -> float:
    page = await context.new_page()
    await page.goto(running.console, wait_until="domcontentloaded")
    painted = float(await page.evaluate(PAINT)) / 1000
    values = await page.locator("[data-panel]").all_inner_texts()
    await page.close()
    if painted < 0 or not any(re.search(r"\d", value) for value in values):
        raise RuntimeError("System Overview showed no figures")
    return painted


async def _queries_with(browser: Browser, running: Sample, *, viewers: int) -> float:
    """Return how many queries Prometheus answered a minute while so many looked on."""
    context = await _signed_in(browser, running)
    pages = [await context.new_page() for _ in range(viewers)]
    for page in pages:
        await page.goto(running.console, wait_until="domcontentloaded")
    await asyncio.sleep(10)
    before = await _answered(running)
    await asyncio.sleep(WATCH_SECONDS)
    after = await _answered(running)
    await context.close()
    return round((after - before) * 60 / WATCH_SECONDS, 1)


async def _answered(running: Sample) -> float:
    url = load(running.config).daemons.prometheus_url
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{url}/metrics")).text
    rows = re.findall(
        r'^prometheus_http_requests_total{code="200",handler="/api/v1/query(?:_range)?"} (\S+)$',
        text,
        re.MULTILINE,
    )
    return sum(float(row) for row in rows)


if __name__ == "__main__":
    asyncio.run(main())
