"""Consent as an operator meets it: somebody is looked up, and a word of theirs is written down."""

import pytest
from axe_playwright_python.sync_playwright import Axe

SIZES = [(360, 740), (1280, 800)]
PHONE = "0812-9999-0001"


def fits_and_is_accessible(page):
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_customer_is_looked_up_and_what_was_said_is_kept(looking, address, scheme):
    page = looking(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    page.goto(f"{address}/system")
    page.get_by_role("link", name="Consent").click()
    page.get_by_label("Phone").fill(PHONE)
    page.get_by_role("button", name="Look up").click()
    panel = page.locator(".panel", has=page.get_by_role("heading", name="What the customer said"))
    panel.get_by_role("combobox").select_option("withdrawn")
    panel.get_by_label("Where it was said").fill("counter")
    panel.get_by_role("button", name="Keep it").click()
    assert "counts from now on" in page.get_by_role("status").inner_text()
    assert PHONE in panel.inner_text()
    assert "not sent to Meta" in panel.inner_text()
    fits_and_is_accessible(page)


def test_it_reads_in_bahasa_indonesia_without_javascript(looking, address):
    page = looking(java_script_enabled=False, locale="id-ID", answers=(422,))
    page.goto(f"{address}/consent")
    page.get_by_label("Telepon").fill("12")
    page.get_by_role("button", name="Cari").click()
    assert page.get_by_role("alert").count() == 1
    assert page.get_by_label("Telepon").input_value() == "12"
    page.get_by_label("Telepon").fill("0812-9999-0002")
    page.get_by_role("button", name="Cari").click()
    assert "belum berkata apa-apa" in page.locator("main").inner_text()
