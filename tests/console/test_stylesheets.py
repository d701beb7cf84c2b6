"""A browser knows every property that the console's stylesheets set; it drops others in silence."""

import re
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from dexwatch import console
from tests.console.test_browser import ARGUMENTS
from tests.fakes import need

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

_DECLARED = re.compile(r"(?<=[{;])\s*([a-z][a-z-]*)\s*:(?=[^;{}]*[;}])")


async def test_no_property_is_misspelt() -> None:
    folder = Path(console.__file__).parent / "static"
    sheets = [path.read_text() for path in folder.glob("*.css")]
    plain = (re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL) for sheet in sheets)
    names = sorted({name for sheet in plain for name in _DECLARED.findall(sheet)})
    assert {"color", "letter-spacing"} <= set(names)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need.program("chromium"), args=ARGUMENTS
        )
        page = await browser.new_page()
        unknown = await page.evaluate(
            "names => names.filter(name => !CSS.supports(name, 'inherit'))", names
        )
        await browser.close()
    assert unknown == []
