"""Takes the README's pictures anew: a made-up day, a gateway, a browser. Run it with `make screenshots`."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import sync_playwright
from served import CHROMIUM, PIXEL, serving

from konversi.cli.demo_day import fill
from konversi.sandbox import Sandbox
from konversi.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).parents[2] / "docs" / "images"
SETTLING = 0.6  # seconds, for what the script does after the page is there
DESK, PHONE = {"width": 1200, "height": 760}, {"width": 360, "height": 740}


class Picture(NamedTuple):
    """One file."""

    name: str
    path: str
    size: dict[str, int]
    scheme: str
    locale: str = "en-GB"
    press: str = ""  # the button to press first
    at: str = ""  # what to have on top


PICTURES = (
    Picture("overview", "/?period=24h", DESK, "light"),
    Picture("overview-phone", "/?period=24h", PHONE, "dark", "id-ID"),
    Picture("bench", "/bench?sample=website", DESK, "dark", press="Check it", at="#result"),
    Picture("quality-phone", "/quality", PHONE, "light", at="section:has(.gauge)"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, Sandbox() as meta:
        folder = Path(name)
        settings = Settings(data_dir=folder, database_url=None, secret=None, pixel_id=PIXEL)
        asyncio.run(fill(settings, until=time.time() - 60, seed=1))
        with serving(folder, meta.graph_url) as address:
            _take_all(address)


def _take_all(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for picture in PICTURES:
            _take(browser, address, picture)
        browser.close()


def _take(browser: Browser, address: str, picture: Picture) -> None:
    context = browser.new_context(
        viewport=picture.size, color_scheme=picture.scheme, locale=picture.locale, timezone_id="Asia/Jakarta"
    )
    page = context.new_page()
    for _ in range(2):  # the first view tells the time zone
        page.goto(address + picture.path)
    if picture.press:
        page.get_by_role("button", name=picture.press).click()
    if picture.at:
        page.locator(picture.at).first.evaluate("part => part.scrollIntoView()")
    page.wait_for_timeout(SETTLING * 1_000)
    page.screenshot(path=HERE / f"{picture.name}.png")
    context.close()


if __name__ == "__main__":
    main()
