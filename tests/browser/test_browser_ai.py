"""The AI metrics and the journeys behind their numbers, as people use them."""

import re

import pytest


def number(text):
    return int(text.replace(",", ""))


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_a_stage_of_the_funnel_leads_to_its_chats(looking, address, script):
    page = looking(java_script_enabled=script)
    page.goto(f"{address}/ai")
    booked = page.locator(".funnel tbody tr", has_text="Booked").locator("a")
    expected = number(booked.inner_text())
    booked.click()
    page.wait_for_url("**stage=succeeded**")
    rows = page.locator(".rows tbody tr")
    assert rows.count() == min(50, expected) > 0
    assert "chat" not in {one.inner_text() for one in page.locator(".rows .state").all()}
    rows.first.locator("a").first.click()
    page.wait_for_url(re.compile(r"/journeys/jn_"))


def test_no_stage_is_wider_than_the_one_above_it(looking, address):
    page = looking()
    page.goto(f"{address}/ai?period=24h")
    numbers = [number(one.inner_text()) for one in page.locator(".funnel tbody a").all()]
    assert len(numbers) == 6
    assert numbers == sorted(numbers, reverse=True)


def test_a_kind_of_error_leads_to_the_chats_it_was_met_in(looking, address):
    page = looking()
    page.goto(f"{address}/ai")
    page.locator("a[href*='error=FullyBooked']").click()
    page.wait_for_url("**error=FullyBooked**")
    assert page.locator(".rows tbody tr").count() > 0
    page.get_by_label("Remove this filter: What went wrong").click()
    page.wait_for_url(re.compile(r"tool=find_slots(?!.*error=)"))


def test_a_keyboard_is_enough_to_filter_and_open_a_journey(looking, address):
    page = looking()
    page.goto(f"{address}/journeys")
    page.get_by_label("Ad click").select_option("no_click_id")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**click=no_click_id**")
    assert page.get_by_text("no click id").count() > 0
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/journeys/jn_"))
    assert page.get_by_text("the platform told no click id").count() == 1


def test_a_filter_that_means_nothing_is_named(looking, address):
    page = looking()
    page.goto(f"{address}/journeys?stage=moon&day=never")
    assert page.get_by_text("Not understood, and so left out: stage, day").count() == 1


def test_what_an_ad_brought_in_leads_to_the_chats_of_those_days_that_came_so_far(looking, address):
    page = looking()
    page.goto(f"{address}/return?by=ad")
    chats, booked, paid = page.locator(".rows tbody tr").first.locator("td a").all()
    told = number(chats.inner_text())
    ways = [one.get_attribute("href") for one in (chats, booked, paid)]
    listed = []
    for way, stage in zip(ways, ("", "&stage=succeeded", "&stage=paid"), strict=True):
        assert re.fullmatch(rf"/journeys\?ad=\d+&since=\d{{4}}-\d\d-\d\d{stage}", way)
        page.goto(address + way)
        listed.append(page.locator(".rows tbody tr").count())
    assert told >= listed[0] > listed[1] > listed[2] > 0
