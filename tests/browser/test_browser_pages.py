"""Each page as people meet it: any size, any light, with a keyboard, without JavaScript."""

import gzip
import re
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

import konversi.dashboard
from konversi.dashboard import pages

MORE = ("/?period=28d", "/events?q=nobody", "/quality?period=28d", "/bench?sample=mistakes")
EXAMPLES = {"{receipt}": "/events?event=Lead", "{journey}": "/journeys?channel=whatsapp"}  # where one is found
FILE = {"name": "sales.csv", "mimeType": "text/csv", "buffer": b"Date,Phone,Total\n2026-01-02,0812-3456-7890,5\n,,\n"}
ONCE = {"/welcome"}  # opened by a link that works one time
FILES = re.compile(r"\.(json|csv|ndjson)$|^/static/")


def addresses():
    """Each page there is: one that is added is looked at by itself."""
    routed = [route.path for route in pages() if "GET" in route.methods and not FILES.search(route.path)]
    return sorted({*routed, *MORE} - ONCE)


SIZES = [(360, 740), (1280, 800)]
BUDGET = 60_000  # bytes of JS and CSS, gzipped
SLOWEST = 1.5  # seconds to a page with 10,000 rows behind it, on two busy cores


@pytest.fixture(scope="module")
def examples(chromium, address):
    """What stands for each `{name}` in an address: an event, a journey, an import."""
    context = chromium.new_context()
    page = context.new_page()
    found = {}
    for name, where in EXAMPLES.items():
        page.goto(address + where)
        link = page.locator(f'a[href^="{where.partition("?")[0]}/"]').first.get_attribute("href")
        found[name] = link.rpartition("/")[2]
    page.goto(f"{address}/imports")
    page.locator("[type=file]").set_input_files(FILE)
    page.get_by_role("button", name="Check the file").click()
    page.wait_for_url("**/imports/*")
    found["{number}"] = page.url.rpartition("/")[2]
    context.close()
    return found


def filled(path, examples):
    return re.sub(r"{\w+}", lambda name: examples[name[0]], path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", addresses())
def test_a_page_fits_phone_and_desk_and_is_accessible(looking, address, examples, path, scheme):
    page = looking(viewport={"width": SIZES[0][0], "height": SIZES[0][1]}, color_scheme=scheme)
    answer = page.goto(address + filled(path, examples))
    assert answer.status == 200
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("language", ["en", "id"])
def test_the_pages_speak_the_browsers_language(looking, address, language):
    page = looking(locale={"en": "en-GB", "id": "id-ID"}[language])
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("nav a").first.inner_text() == {"en": "Overview", "id": "Ringkasan"}[language]


def test_a_chosen_language_stays(looking, address):
    page = looking()
    page.goto(f"{address}/system")
    page.get_by_role("button", name="Bahasa Indonesia").click()
    page.wait_for_url("**/system")
    assert page.locator("h1").inner_text().startswith("Sistem")
    page.goto(f"{address}/events")
    assert page.locator("html").get_attribute("lang") == "id"


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_numbers_lead_to_their_rows_and_rows_to_their_event(looking, address, script):
    page = looking(java_script_enabled=script)
    page.goto(address)
    page.locator(".figures .bad a[href='/attention']").click()
    page.wait_for_url("**/attention")
    page.get_by_role("link", name="Look at one").first.click()
    page.wait_for_url(re.compile(r"/events/rc_"))
    assert page.get_by_role("heading", name="Match keys").count() == 1


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_discarding_selected_events_says_how_many_and_returns_to_the_same_place(looking, address, script):
    page = looking(java_script_enabled=script)
    page.goto(f"{address}/events?state=dead&event=Schedule")
    for box in page.locator("[name=receipt]").all()[:3]:
        box.check()
    page.get_by_role("button", name="Discard selected").click()
    assert page.locator("h1").inner_text() == "Discard 3 events?"
    page.get_by_label("Why?").fill("Booked twice")
    page.get_by_role("button", name="Discard 3 events").click()
    page.wait_for_url("**state=dead**")
    assert "event=Schedule" in page.url
    assert page.get_by_role("status").inner_text() == "Done for 3 events."


def test_all_events_of_a_cause_are_counted_before_they_are_sent_again(looking, address):
    page = looking()
    page.goto(f"{address}/attention")
    cause = page.locator(".cause", has_text="Meta refused <b>it</b>.")
    number = int(re.search(r"[\d,]+", cause.locator("h2").inner_text())[0].replace(",", ""))
    cause.get_by_role("button").click()
    assert page.locator("h1").inner_text() == f"Send {number:,} events again?"
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/attention")


def test_a_keyboard_is_enough_to_filter_and_open_an_event(looking, address):
    page = looking()
    page.goto(f"{address}/events")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    page.keyboard.type("Many:4321")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Many**")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/events/rc_"))
    assert page.get_by_text("Many:4321").count() >= 1


def test_everything_that_can_be_focused_shows_it(looking, address):
    page = looking()
    page.goto(f"{address}/events?state=dead")
    for _ in range(20):
        page.keyboard.press("Tab")
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width != "0px", page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize(
    "path",
    [*(path for path in addresses() if "{" not in path and "?" not in path), "/events?state=dead", "/events?doubt=yes"],
)
def test_a_page_with_ten_thousand_rows_behind_it_is_there_in_time(looking, address, path):
    page = looking()
    page.goto(address + path)
    began = time.monotonic()
    page.goto(address + path)
    assert time.monotonic() - began < SLOWEST


def test_script_and_style_are_small():
    folder = Path(konversi.dashboard.__file__).parent / "static"
    sizes = [len(gzip.compress(path.read_bytes())) for path in folder.iterdir() if path.suffix in {".js", ".css"}]
    assert len(sizes) == 2
    assert sum(sizes) <= BUDGET


@pytest.mark.parametrize("language", ["en-GB", "id-ID"])
def test_the_menu_is_one_line_on_a_small_desk(looking, address, language):
    page = looking(viewport={"width": 1200, "height": 800}, locale=language)
    page.goto(address)
    tops = {round(link.bounding_box()["y"]) for link in page.locator(".top nav a").all()}
    assert len(tops) == 1


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_selected_events_are_exported_and_no_others(looking, address, script):
    page = looking(java_script_enabled=script)
    page.goto(f"{address}/events?state=dead&event=Schedule")
    boxes = page.locator("[name=receipt]").all()[:2]
    for box in boxes:
        box.check()
    chosen = [box.get_attribute("value") for box in boxes]
    for form in ("CSV", "NDJSON"):
        with page.expect_download() as started:
            page.get_by_role("button", name=f"Export selected as {form}", exact=True).click()
        lines = Path(started.value.path()).read_text().splitlines()
        assert len(lines) == 2 + (form == "CSV")
        assert all(receipt in "\n".join(lines) for receipt in chosen)


def test_all_that_match_a_filter_are_counted_before_they_are_discarded(looking, address):
    page = looking()
    page.goto(f"{address}/events?event=Schedule&q=Many:7")
    page.get_by_role("button", name="Discard all matching").click()
    assert page.locator("h1").inner_text() == "Discard 1 event?"
    page.get_by_label("Why?").fill("Too many")
    page.get_by_role("button", name="Discard 1 event").click()
    page.wait_for_url("**q=Many**")
    assert page.get_by_role("status").inner_text() == "Done for 1 event."
