"""Click ids: passed on untouched, or built from the landing page's fbclid."""

import pytest

from konversi.events.conversion import Click, Customer
from konversi.matching.match import match

SEEN_MS = 1_790_000_000_123
FBCLID = "IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk"


def matched(**click):
    return match(Customer(), click=Click(**click), country=None, seen_ms=SEEN_MS)


@pytest.mark.parametrize(
    "fbc",
    [
        f"fb.1.1554763741205.{FBCLID}",
        f"fb.0.1554763741205.{FBCLID}",
        f"fb.2.1554763741205.{FBCLID}.AQ",
        f"fb.1.1554763741205.{FBCLID}.AQQCAQIB",
    ],
)
def test_a_cookie_is_passed_on_byte_for_byte(fbc):
    assert matched(fbc=fbc).user_data == {"fbc": fbc}


@pytest.mark.parametrize(
    "fbc",
    [
        f"fb.1.{FBCLID}",  # three segments: Meta answers 2804001
        f"fb.1.1554763741.{FBCLID}",  # seconds
        f"FB.1.1554763741205.{FBCLID}",
        f"fb.1.1554763741205.{FBCLID}.AQQ",
        "fb.1.1554763741205.",
        f"fb.1.1554763741205.{FBCLID} ",
        f"fb.1.1554763741205.{FBCLID}\u00e9",
    ],
)
def test_a_malformed_cookie_is_left_out(fbc):
    result = matched(fbc=fbc)
    assert result.user_data == {}
    assert [(note.about, note.code) for note in result.notes] == [("click.fbc", "fbc_not_valid")]


@pytest.mark.parametrize("fbp", ["fb.1.1596403881668.1116446470", "fb.1.1596403881668.1116446470.AQ"])
def test_a_browser_id_is_passed_on(fbp):
    assert matched(fbp=fbp).user_data == {"fbp": fbp}


@pytest.mark.parametrize("fbp", ["fb.1.1596403881668", "fb.1.1596403881668.abc", "1116446470"])
def test_a_malformed_browser_id_is_left_out(fbp):
    assert [note.code for note in matched(fbp=fbp).notes] == ["fbp_not_valid"]


def test_a_click_id_becomes_a_cookie_with_the_moment_it_was_first_seen():
    assert matched(fbclid=FBCLID, clicked_at=1_554_763_741).user_data == {"fbc": f"fb.1.1554763741000.{FBCLID}"}


def test_a_click_id_without_a_moment_was_seen_with_the_conversion():
    assert matched(fbclid=FBCLID).user_data == {"fbc": f"fb.1.{SEEN_MS}.{FBCLID}"}


def test_a_moment_in_milliseconds_is_not_multiplied_again():
    result = matched(fbclid=FBCLID, clicked_at=1_554_763_741_205)
    assert result.user_data == {"fbc": f"fb.1.{SEEN_MS}.{FBCLID}"}
    assert [note.code for note in result.notes] == ["clicked_at_in_milliseconds"]


def test_the_cookie_of_the_same_click_is_kept():
    cookie = f"fb.1.1554763741205.{FBCLID}.AQ"
    assert matched(fbc=cookie, fbclid=FBCLID, clicked_at=1_700_000_000).user_data == {"fbc": cookie}


def test_a_newer_click_replaces_the_cookie():
    sent = matched(fbc=f"fb.1.1554763741205.{FBCLID}", fbclid="Newer", clicked_at=1_700_000_000).user_data
    assert sent == {"fbc": "fb.1.1700000000000.Newer"}


def test_a_malformed_cookie_is_replaced_by_a_good_click_id():
    assert matched(fbc="fb.1.x", fbclid="Good", clicked_at=1_700_000_000).user_data == {
        "fbc": "fb.1.1700000000000.Good"
    }


@pytest.mark.parametrize("fbclid", ["a b", "a.b", "a%20b", " padded"])
def test_a_click_id_that_was_changed_on_the_way_is_left_out(fbclid):
    result = matched(fbclid=fbclid)
    assert (result.user_data, [note.code for note in result.notes]) == ({}, ["fbclid_not_valid"])


def test_a_whatsapp_click_id_keeps_its_case():
    assert matched(ctwa_clid="ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAFDLMNDBH0").user_data == {
        "ctwa_clid": "ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAFDLMNDBH0"
    }


def test_a_whatsapp_click_id_with_spaces_is_left_out():
    assert [note.code for note in matched(ctwa_clid="AR x").notes] == ["ctwa_clid_not_valid"]
