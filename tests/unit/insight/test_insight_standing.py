"""How far a conversation came, from what is known of it."""

from types import SimpleNamespace as Row

import pytest

from konversi.insight.standing import Happened, Stage, books, looks_for_slots, standing, unfounded

DAY = 86_400


def happened(channel="whatsapp", **more):
    kinds = {"touches": (), "uses": (), "turns": (), "events": ()}
    return Happened(channel, 1_000.0, **{**kinds, **more})


def touch(at=1_000, click_id="c", ad_id="ad"):
    return Row(at=at, click_id=click_id, ad_id=ad_id)


def use(tool="createBooking", outcome="succeeded"):
    return Row(tool=tool, outcome=outcome)


def turn(at, *, booked=False, claimed=False):
    return Row(at=at, booked=booked, claimed=claimed)


def event(name="Lead", state="waiting"):
    return Row(event_name=name, state=state)


@pytest.mark.parametrize(
    "tool",
    ["createBooking", "create_booking", "mcp__shop__create_booking", "bookSlot", "buatPesanan", "makeReservation"],
)
def test_tools_that_book(tool):
    assert books(tool)
    assert not looks_for_slots(tool)


@pytest.mark.parametrize(
    "tool", ["getBooking", "cancel_booking", "check_price", "list_orders", "facebook_page", "border"]
)
def test_tools_that_do_not_book(tool):
    assert not books(tool)


@pytest.mark.parametrize("tool", ["findSlots", "check_availability", "cekJadwal", "get_schedule", "listAvailableSlots"])
def test_tools_that_tell_what_is_free(tool):
    assert looks_for_slots(tool)


@pytest.mark.parametrize(
    ("past", "stage"),
    [
        (happened(), Stage.CHAT),
        (happened(uses=[use("check_price")]), Stage.CHAT),
        (happened(uses=[use(outcome="failed")]), Stage.CALLED),
        (happened(uses=[use(outcome="failed"), use()]), Stage.SUCCEEDED),
        (happened(turns=[turn(1, booked=True)]), Stage.SUCCEEDED),
        (happened(events=[event()]), Stage.CHAT),
        (happened(events=[event(state="delivered")]), Stage.DELIVERED),
        (happened(events=[event("InitiateCheckout", "delivered")]), Stage.CHAT),
        (happened(events=[event("Purchase")]), Stage.PAID),
        (happened(events=[event("Purchase", "dead")]), Stage.CHAT),
    ],
)
def test_the_stage_is_the_furthest_that_was_reached(past, stage):
    assert standing(1, past, None).stage == stage


def test_a_stage_is_part_of_each_before_it():
    counts = standing(1, happened(touches=[touch()], events=[event("Purchase")]), None).counts
    assert counts == (1, 1, 1, 1, 1, 1, 0, 0)


def test_the_ad_is_that_of_the_first_click_on_one():
    found = standing(1, happened(touches=[touch(900, ad_id=None), touch(1_000), touch(1_100, ad_id="other")]), None)
    assert (found.ad, found.at, found.clicks) == ("ad", 1_000, 2)


@pytest.mark.parametrize(
    ("channel", "touches", "click"),
    [
        ("whatsapp", [], "no_click"),
        ("whatsapp", [touch(click_id=None)], "no_click_id"),
        ("whatsapp", [touch()], "matched"),
        ("instagram", [touch(click_id=None)], "matched"),
        ("messenger", [touch(click_id=None, ad_id=None)], "no_click_id"),
    ],
)
def test_why_a_chat_is_not_matched(channel, touches, click):
    assert standing(1, happened(channel, touches=touches), None).click == click


def test_a_reply_that_speaks_of_an_earlier_booking_is_founded():
    assert not unfounded([turn(0, booked=True), turn(DAY, claimed=True)])
    assert unfounded([turn(0, booked=True), turn(DAY + 1, claimed=True)])
    assert unfounded([turn(0, claimed=True), turn(1, booked=True)])


def test_a_booking_that_is_told_late_founds_what_was_said():
    before = standing(1, happened(turns=[turn(10, claimed=True)]), None)
    assert before.unfounded
    assert not standing(1, happened(turns=[turn(5, booked=True), turn(10, claimed=True)]), before).unfounded


def test_what_was_reached_is_kept_when_its_rows_are_forgotten():
    before = standing(1, happened(uses=[use()]), None)
    assert standing(1, happened(), before).stage == Stage.SUCCEEDED
