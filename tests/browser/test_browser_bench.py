"""The test bench, the live tail and the menu, as people use them."""

import re

import httpx2
import pytest

LEAD = {"event": "Lead", "customer": {"phone": "081234567890"}, "value": 5}


def sent(address, booking):
    answer = httpx2.post(f"{address}/v1/events", json={**LEAD, "booking_id": booking}, timeout=10, trust_env=False)
    assert answer.status_code == 202


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_a_sample_is_checked_and_mistakes_are_named_with_what_to_do(looking, address, script):
    page = looking(java_script_enabled=script)
    page.goto(f"{address}/bench")
    page.get_by_role("button", name="Check it").click()
    assert page.get_by_text("It would be accepted").count() == 1
    assert page.get_by_text("Add the e-mail address: about +").count() == 1
    page.get_by_role("link", name="With mistakes").click()
    page.get_by_role("button", name="Check it").click()
    assert page.get_by_text("It would be refused").count() == 1
    assert page.locator("#result").get_by_text("What to do").count() > 1


def test_a_result_fits_a_phone(looking, address):
    page = looking(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.goto(f"{address}/bench?sample=website")
    page.get_by_role("button", name="Check it").click()
    assert page.locator("#result").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_test_event_is_sent_from_the_keyboard_and_its_fate_shown(looking, address):
    page = looking()
    page.goto(f"{address}/bench")
    page.get_by_label("Test code").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/events/rc_"))
    assert page.get_by_text("TEST12345", exact=True).count() == 1


def test_what_happens_appears_by_itself_and_can_be_paused(looking, address):
    page = looking()
    page.goto(f"{address}/tail?event=Lead")
    page.get_by_text("live", exact=True).wait_for()
    page.wait_for_timeout(1_500)  # the first look of a listener comes before what it hears of
    sent(address, "BK-live")
    page.get_by_text("BK-live").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    assert page.get_by_role("button", name="Pause").get_attribute("aria-pressed") == "true"


def test_without_a_script_the_newest_are_a_refresh_away(looking, address):
    page = looking(java_script_enabled=False)
    page.goto(f"{address}/tail")
    sent(address, "BK-still")
    page.get_by_role("link", name="Refresh").click()
    assert page.get_by_text("BK-still").count() == 1


def test_on_a_phone_the_menu_opens_and_leads_on_by_keyboard(looking, address):
    page = looking(viewport={"width": 360, "height": 740})
    page.goto(address)
    quality = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Quality")
    assert not quality.is_visible()
    page.locator(".menu summary").focus()
    page.keyboard.press("Enter")
    quality.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/quality")


def test_without_a_script_the_whole_menu_is_there(looking, address):
    page = looking(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page.goto(address)
    assert page.get_by_role("navigation", name="Pages").get_by_role("link", name="Quality").is_visible()


def test_on_a_phone_all_rows_of_a_page_can_be_selected_at_once(looking, address):
    page = looking(viewport={"width": 360, "height": 740})
    page.goto(f"{address}/events?state=dead")
    page.get_by_label("Select all on this page").check()
    assert page.locator("[name=receipt]:checked").count() == page.locator("[name=receipt]").count() > 1
    page.get_by_role("button", name="Discard selected").click()
    assert page.locator("h1").inner_text() == "Discard 50 events?"
