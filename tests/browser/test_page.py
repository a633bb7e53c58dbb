"""The page at `/` in a real Chromium: it signs in, fills by itself, speaks three languages and asks no other host."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests.support.product import TOKEN, Product, a_product

pytestmark = pytest.mark.timeout(300)
LANGUAGES = ("en", "zh", "vi")


def chromium() -> str:
    """Where Chromium is: as BATON_CHROMIUM says, else on the path (`make browser` installs it)."""
    found = os.environ.get("BATON_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "no Chromium: run `make browser`, or name one in BATON_CHROMIUM"
    return found


@pytest.fixture
async def product(data_home: Path) -> AsyncIterator[Product]:
    async with a_product(data_home / "data") as running:
        yield running


@pytest.fixture
async def browser(product: Product) -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = await launched.new_context(base_url=product.url, locale="en-GB")
        yield context
        await launched.close()


async def signed_in(browser: BrowserContext) -> Page:
    page = await browser.new_page()
    await page.goto("/")
    await page.fill("#token", TOKEN)
    await page.click("main button")
    await expect(page.locator(".tiles")).to_be_visible()
    return page


async def a_lead(product: Product, **more: Any) -> str:
    lead = {"name": "Linh", "email": "linh@mayphuan.example", "title": "founder", "source": "search_ads", **more}
    return (await product.http.post("/v1/leads", json=lead)).raise_for_status().json()["lead_id"]


async def test_a_visitor_signs_in_sees_it_fill_follows_a_lead_and_signs_out(
    browser: BrowserContext, product: Product
) -> None:
    asked: set[str] = set()
    browser.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    await a_wrong_token_is_told_so(browser)
    page = await signed_in(browser)
    lead_id = await a_lead(product)
    follow = page.locator(f'a.button[href="/follow/{lead_id}"]')
    await expect(follow).to_be_visible(timeout=30_000)
    await expect(page.locator("tfoot td").first).to_have_text("1", timeout=30_000)
    await follow.click()
    await expect(page.locator(".story li").first).to_contain_text("lead.captured")
    await expect(page.locator("h1")).to_contain_text("Linh")
    await passes_axe_in_three_languages_and_on_a_phone(page, lead_id)
    await page.click("header button")
    await expect(page.locator("#token")).to_be_visible()
    assert [cookie.get("name") for cookie in await browser.cookies()] == ["baton_lang"]
    assert asked == {urlsplit(product.url).netloc}, "the page asks no other host for anything"


async def a_wrong_token_is_told_so(browser: BrowserContext) -> None:
    page = await browser.new_page()
    await page.goto("/")
    await page.fill("#token", "baton_admin_forged")
    await page.click("main button")
    await expect(page.get_by_role("alert")).to_contain_text("unknown, revoked or expired")
    assert await page.locator(".tiles").count() == 0
    await page.close()


async def passes_axe_in_three_languages_and_on_a_phone(page: Page, lead_id: str) -> None:
    for language in LANGUAGES:
        for path in ("/", f"/follow/{lead_id}"):
            for width in (1200, 390):
                await page.set_viewport_size({"width": width, "height": 900})
                await page.goto(f"{path}?lang={language}")
                await expect(page.locator("h1")).to_be_visible()
                found = await Axe().run(page)
                assert found.violations_count == 0, (language, path, width, found.generate_report())
                overflow = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert overflow <= 0, f"{path} in {language} is wider than {width} px"
