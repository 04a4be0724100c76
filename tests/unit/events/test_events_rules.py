"""The rules of a conversion: names, money, times."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.events.faults import Fault
from konversi.events.money import amount, currency_code
from konversi.events.names import MESSAGING, STANDARD, event_name
from konversi.events.times import DAY, MARGIN, deadline, event_time

NOW = 1_795_428_000.5


@pytest.mark.parametrize("name", sorted(STANDARD | MESSAGING))
def test_metas_names_are_known_in_any_case(name):
    assert event_name(name) == event_name(name.lower()) == event_name(name.upper()) == name


@pytest.mark.parametrize(
    ("given_name", "name"), [("booking", "Lead"), ("Payment", "Purchase"), ("CHECKOUT", "InitiateCheckout")]
)
def test_the_setup_guides_words_are_known(given_name, name):
    assert event_name(given_name) == name


@pytest.mark.parametrize("name", ["Massage booked", "vip_2", "A", "x" * 50, "spa-day"])
def test_custom_names_are_taken_as_they_are(name):
    assert event_name(name) == name


@pytest.mark.parametrize("name", ["", " x", "_x", "x" * 51, "naïve", "a\n", "<b>", "a/b", "😀"])
def test_other_names_are_refused_without_repeating_them(name):
    fault = event_name(name)
    assert (fault.field, fault.code) == ("event", "bad_event_name")
    assert len(name) < 5 or name not in fault.detail + fault.remedy


@given(st.text(max_size=60))
def test_a_name_that_is_taken_is_taken_again(name):
    taken = event_name(name)
    assert isinstance(taken, Fault) or event_name(taken) == taken


@pytest.mark.parametrize(("code", "known"), [("IDR", "IDR"), (" idr ", "IDR"), ("Usd", "USD"), ("JPY", "JPY")])
def test_a_currency_is_known_in_any_case(code, known):
    assert currency_code(code) == known


@pytest.mark.parametrize("code", ["", "Rp", "XXX", "XTS", "ABC", "ID", "IDRR", "1DR", "ÏDR", "$"])
def test_what_is_no_currency_is_refused(code):
    assert currency_code(code).code == "unknown_currency"


@pytest.mark.parametrize(
    ("value", "currency", "sent"),
    [
        (150_000, "IDR", "150000"), (150_000.0, "IDR", "150000"), (12.5, "USD", "12.5"), (12.345, "USD", "12.34"),
        (0.1 + 0.2, "USD", "0.3"), (1e-7, "USD", "0"), (99.999, "USD", "100"), (1.5, "JPY", "2"), (1.2345, "KWD", "1.234"),
        (1e15, "IDR", "1000000000000000"), (0, "IDR", "0"), (0.0, "IDR", "0"),
    ],
)  # fmt: skip
def test_an_amount_is_written_plainly_with_the_currencys_decimals(value, currency, sent):
    assert orjson.dumps(amount(value, currency)).decode() == sent


@given(st.integers(0, 10**15) | st.floats(0, 1e15), st.sampled_from(["IDR", "USD", "JPY", "KWD"]))
def test_an_amount_is_never_written_with_an_exponent_and_is_its_own_amount(value, currency):
    once = amount(value, currency)
    assert "e" not in orjson.dumps(once).decode()
    assert amount(once, currency) == once
    assert once == pytest.approx(value, abs=0.5)


def test_a_conversion_without_a_time_happened_now():
    assert event_time(None, NOW, in_store=False) == int(NOW)


@pytest.mark.parametrize("ago", [0, 1, 3_600, 6 * DAY, 7 * DAY - MARGIN - 2])
def test_a_time_in_metas_window_is_kept(ago):
    assert event_time(int(NOW) - ago, NOW, in_store=False) == int(NOW) - ago


@pytest.mark.parametrize(
    ("ago", "in_store"), [(7 * DAY - MARGIN, False), (8 * DAY, False), (62 * DAY - MARGIN, True), (10**9, True)]
)
def test_an_older_time_is_refused_and_never_moved(ago, in_store):
    fault = event_time(NOW - ago, NOW, in_store=in_store)
    assert (fault.field, fault.code) == ("occurred_at", "too_old")
    assert ("62 days" if in_store else "7 days") in fault.detail


def test_a_shop_has_sixty_two_days():
    assert event_time(int(NOW) - 61 * DAY, NOW, in_store=True) == int(NOW) - 61 * DAY


@pytest.mark.parametrize("skew", [1, 30, 60])
def test_a_clock_a_little_ahead_is_taken_as_now(skew):
    assert event_time(NOW + skew, NOW, in_store=False) == int(NOW)


def test_the_future_is_refused():
    assert event_time(NOW + 61, NOW, in_store=False).code == "future"


@pytest.mark.parametrize("value", [NOW * 1000, 10**11, 10**15])
def test_milliseconds_are_recognised(value):
    assert event_time(value, NOW, in_store=False).code == "milliseconds"


@pytest.mark.parametrize("value", [0, -1, -1e18, 1.5])
def test_nonsense_numbers_are_too_old(value):
    assert event_time(value, NOW, in_store=True).code == "too_old"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T10:00:00+00:00",
        "2026-11-23T10:00:00Z",
        "2026-11-23T17:00:00+07:00",
        " 2026-11-23 18:00:00.250+08:00 ",
    ],
)
def test_a_time_with_a_zone_is_read(text):
    assert event_time(text, NOW, in_store=False) == 1_795_428_000


@pytest.mark.parametrize("text", ["2026-11-23T10:00:00", "2026-11-23", "20261123T100000"])
def test_a_time_without_a_zone_is_not_guessed_at(text):
    assert event_time(text, NOW, in_store=False).code == "no_time_zone"


@pytest.mark.parametrize("text", ["", "yesterday", "23/11/2026", "1795428000", "2026-13-01T00:00:00Z", "9999-99-99"])
def test_other_texts_are_no_time(text):
    fault = event_time(text, NOW, in_store=False)
    assert fault.code == "bad_time"
    assert not text or text not in fault.detail


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_every_time_is_read_or_refused(moment, minutes):
    text = moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).isoformat()
    found = event_time(text, NOW, in_store=False)
    assert isinstance(found, Fault) or NOW - 7 * DAY <= found <= NOW


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**300), 10**300), st.booleans())
def test_every_number_is_read_or_refused(value, in_store):
    found = event_time(value, NOW, in_store=in_store)
    assert isinstance(found, Fault) or (found <= NOW < deadline(found, in_store=in_store))


def test_the_deadline_leaves_a_margin_before_metas_window_ends():
    assert deadline(1_000, in_store=False) == 1_000 + 7 * DAY - MARGIN
    assert deadline(1_000, in_store=True) == 1_000 + 62 * DAY - MARGIN
    assert datetime.fromtimestamp(deadline(0, in_store=False), UTC).isoformat() == "1970-01-07T23:45:00+00:00"
