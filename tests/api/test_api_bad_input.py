"""What strangers and mistakes send: a 4xx that names field, code and remedy; never a 500, never a hang, never the value."""

from __future__ import annotations

import json
import time

import pytest
from api_harness import EVENTS, GUIDE, PIXEL, TOKEN, FakeMeta, booking, is_problem, lead, running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from konversi.settings import load

PHONE, EMAIL, NAME = "6281298765432", "canary.person@example.org", "Zyxwv Canaryname"
CANARIES = (PHONE, EMAIL, "Zyxwv", "Canaryname", "zyxwv", "canaryname")
CUSTOMER = {"phone": PHONE, "email": EMAIL, "name": NAME}
MB = 1_048_576
NOW = int(time.time())
PROMPT = 5.0  # seconds in which every answer comes


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad-input")
    with running(load(pixel_id=PIXEL, token=TOKEN, data_dir=folder), meta=FakeMeta()) as one:
        yield one


@pytest.fixture(scope="module")
def http(server):
    with server.client() as client:
        yield client


@pytest.fixture(autouse=True)
def still_answers_and_keeps_quiet(http, caplog):
    """After whatever was sent: the server takes a good event, and has logged nobody's identity."""
    yield
    assert http.post(EVENTS, json=lead()).status_code == 202
    lines = "\n".join(caplog.messages)
    assert not [canary for canary in CANARIES if canary in lines]
    assert "unforeseen" not in lines


def refused(http, path, body, kind="application/json"):
    began = time.monotonic()
    response = http.post(path, content=body, headers={"content-type": kind})
    assert time.monotonic() - began < PROMPT
    assert not [canary for canary in CANARIES if canary in response.text]
    return is_problem(response)


def native(field, text):
    """An event with raw JSON in one field."""
    event = {"event": "Lead", "customer": CUSTOMER}
    event.pop(field, None)
    return json.dumps(event)[:-1].encode() + b', "' + field.encode() + b'": ' + text.encode() + b"}"


def guides(field, text):
    """The guide's body with raw JSON in one field."""
    body = {"type": "booking", "customerPhone": PHONE, "customerName": NAME}
    body.pop(field, None)
    return json.dumps(body)[:-1].encode() + b', "' + field.encode() + b'": ' + text.encode() + b"}"


NOT_JSON = {
    "nothing": b"",
    "white space": b" \r\n\t",
    "half an object": b'{"event": "Lead", "customer": {"phone": "6281298765432"',
    "trailing comma": b'{"event": "Lead",}',
    "single quotes": b"{'event': 'Lead'}",
    "a comment": b'{"event": "Lead" /* 6281298765432 */}',
    "two values": b'{"event": "Lead"} {"event": "Lead"}',
    "an unquoted phone": b'{"customer": {"phone": +6281298765432}}',
    "a leading zero": b'{"value": 0150000}',
    "hexadecimal": b'{"value": 0x10}',
    "a bare word": b'{"value": Zyxwv}',
    "a byte-order mark": b"\xef\xbb\xbf" + json.dumps(lead()).encode(),
    "UTF-16": json.dumps(lead()).encode("utf-16"),
    "Latin-1": '{"event": "Lead", "source": "Réservation"}'.encode("latin-1"),
    "an overlong encoding": b'{"event": "Le\xc0\x80ad"}',
    "an encoded surrogate": b'{"event": "\xed\xa0\x80"}',
    "a lone surrogate": b'{"event": "\\ud800"}',
    "a reversed pair": b'{"event": "\\udc00\\ud800"}',
    "a bad escape": b'{"event": "\\x41"}',
    "a raw NUL": b'{"event": "a\x00b"}',
    "a raw newline": b'{"event": "a\nb"}',
    "deep brackets": b"[" * 100_000,
    "deep objects": b'{"customer":' * 80_000,
    "a closed deep list": b"[" * 50_000 + b"]" * 50_000,
    "a number of 5,000 digits": native("value", "9" * 5_000),
    "form data": b"type=booking&customerPhone=6281298765432",
    "HTML": b"<!doctype html><p>6281298765432",
    "a zip": b"PK\x03\x04" + bytes(range(256)),
}


@pytest.mark.parametrize("door", [EVENTS, GUIDE, f"{EVENTS}/rc_000000000001/discard"])
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_a_body_that_is_not_json_is_refused(http, door, body):
    said = refused(http, door, body)
    assert said["code"] in {"malformed_json", "event_refused", "invalid_request"}
    if said["code"] != "malformed_json":
        assert said["errors"]


@pytest.mark.parametrize("body", [b"null", b"true", b"1", b'"6281298765432"', b"[]", b"[[]]", b"1e400"])
@pytest.mark.parametrize("door", [EVENTS, GUIDE])
def test_json_that_is_no_object_is_refused(http, door, body):
    said = refused(http, door, body)
    assert said["errors"][0]["field"] == "body"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e309", "-1e309", "1e999999"])
def test_numbers_that_are_not_finite_are_refused(http, word):
    said = refused(http, EVENTS, native("value", word))
    assert [fault["field"] for fault in said["errors"]] == ["value"]
    assert refused(http, GUIDE, guides("totalValue", word))["errors"][0]["field"] == "totalValue"
    assert refused(http, EVENTS, native("occurred_at", word))["errors"][0]["field"] == "occurred_at"
    assert refused(http, EVENTS, native("custom", f'{{"n": {word}}}'))["errors"][0]["field"] == "custom"
    services = f'[{{"name": "a", "price": {word}}}]'
    assert refused(http, EVENTS, native("services", services))["errors"][0]["field"] == "services.0.price"


def test_a_number_that_is_not_finite_costs_the_rest_of_a_list_nothing(http):
    body = b'{"events": [' + native("value", "1e309") + b"," + json.dumps(lead()).encode() + b"]}"
    bad, good = http.post(EVENTS, content=body).json()["events"]
    assert bad["problem"]["errors"][0]["field"] == "value"
    assert good["status"] == "accepted"


@pytest.mark.parametrize("zero", ["0", "-0", "-0.0", "0e10"])
def test_every_spelling_of_nothing_is_zero(http, zero):
    receipt = http.post(EVENTS, content=native("value", zero)).json()["receipt"]
    value = http.get(f"{EVENTS}/{receipt}").json()["sent_to_meta"]["custom_data"]["value"]
    assert str(value) == "0"


HUGE = {
    "a time of 400 digits": ("occurred_at", "1" + "0" * 400, "occurred_at"),
    "a time long before Christ": ("occurred_at", "-1" + "0" * 400, "occurred_at"),
    "a custom number of 21 digits": ("custom", '{"n": 100000000000000000000}', "custom.n"),
    "an id of 25 digits": ("customer", '{"fb_login_id": 1234567890123456789012345}', "customer.fb_login_id"),
    "an id of 25 digits in quotes": (
        "customer",
        '{"fb_login_id": "1234567890123456789012345"}',
        "customer.fb_login_id",
    ),
    "a quantity of 400 digits": ("services", f'[{{"name": "a", "quantity": {"9" * 400}}}]', "services.0.quantity"),
    "a price of 400 digits": ("services", f'[{{"name": "a", "price": {"9" * 400}}}]', "services.0.price"),
    "a value of 400 digits": ("value", "9" * 400, "value"),
}


@pytest.mark.parametrize(("field", "text", "named"), HUGE.values(), ids=HUGE)
def test_a_number_that_no_reader_can_hold_is_refused(http, field, text, named):
    body = native(field, text)
    said = refused(http, EVENTS, body)
    assert [fault["field"] for fault in said["errors"]] == [named]
    in_a_list = http.post(EVENTS, content=b'{"events": [' + body + b"," + json.dumps(lead()).encode() + b"]}")
    assert in_a_list.status_code == 207


def test_a_click_of_long_ago_or_in_milliseconds_is_not_a_fault(http):
    body = json.dumps(lead(click={"fbclid": "abc", "clicked_at": 10**18})).encode()
    assert http.post(EVENTS, content=body).status_code == 202


def test_of_a_key_that_comes_twice_the_last_counts(http):
    body = b'{"event": "Contact", "event": "Lead", "customer": {"phone": "628123456789"}}'
    assert http.post(EVENTS, content=body).json()["event_id"].startswith("Lead:")


TIMES = {
    "milliseconds": (NOW * 1000, "milliseconds"),
    "microseconds": (NOW * 1_000_000, "milliseconds"),
    "next year": (NOW + 365 * 86_400, "future"),
    "two minutes ahead": (NOW + 3_600, "future"),
    "eight days ago": (NOW - 8 * 86_400, "too_old"),
    "the epoch": (0, "too_old"),
    "before the epoch": (-1, "too_old"),
    "tiny": (-1e308, "too_old"),
    "no zone": ("2026-11-23T10:00:00", "no_time_zone"),
    "a date only": ("2026-11-23", "no_time_zone"),
    "words": ("yesterday", "bad_time"),
    "a number in quotes": (str(NOW), "bad_time"),
    "nothing": ("", "bad_time"),
    "the 30th of February": ("2026-02-30T10:00:00Z", "bad_time"),
    "an hour too many": ("2026-11-23T25:00:00Z", "bad_time"),
    "the year one": ("0001-01-01T00:00:00+14:00", "too_old"),
    "the last year": ("9999-12-31T23:59:59-14:00", "milliseconds"),
}


@pytest.mark.parametrize(("occurred", "code"), TIMES.values(), ids=TIMES)
def test_a_bad_time_is_refused_with_its_reason(http, occurred, code):
    body = {"event": "Lead", "customer": CUSTOMER, "occurred_at": occurred}
    (fault,) = refused(http, EVENTS, json.dumps(body).encode())["errors"]
    assert fault["field"] == "occurred_at"
    # A string of digits is a date to some readers of ISO 8601 and none to others: refused all the same.
    assert fault["code"] == code or (isinstance(occurred, str) and occurred.isdigit())
    (again,) = refused(http, GUIDE, json.dumps(booking(occurredAt=occurred)).encode())["errors"]
    assert (again["field"], again["code"]) == ("occurredAt", fault["code"])


def test_the_shop_may_report_what_is_two_months_old(http):
    body = lead(channel="store", occurred_at=NOW - 60 * 86_400)
    assert http.post(EVENTS, json=body).status_code == 202


FIELDS = {
    "a negative value": ({"value": -1}, "value", "too_small"),
    "a value beyond sense": ({"value": 10**16}, "value", "too_large"),
    "an unknown currency": ({"currency": "XYZ"}, "currency", "unknown_currency"),
    "a test currency": ({"currency": "XTS"}, "currency", "unknown_currency"),
    "no currency": ({"currency": " "}, "currency", "unknown_currency"),
    "a currency in words": ({"currency": "Rupiah"}, "currency", "unknown_currency"),
    "an id of 10 kB": ({"event_id": "x" * 10_240}, "event_id", "too_long"),
    "a booking of 10 kB": ({"booking_id": "x" * 10_240}, "booking_id", "too_long"),
    "an empty id": ({"event_id": " "}, "event_id", "empty"),
    "a NUL in an id": ({"event_id": "a\x00b"}, "event_id", "bad_characters"),
    "a NUL in a booking": ({"booking_id": "a\x00b"}, "booking_id", "bad_characters"),
    "a newline in an id": ({"event_id": "a\nb"}, "event_id", "bad_characters"),
    "a NUL in a phone": ({"customer": {"phone": "6281298765432\x00"}}, "customer.phone", "bad_characters"),
    "a NUL in the source": ({"source": "\x00"}, "source", "bad_characters"),
    "an unknown dataset": ({"dataset": "999999999"}, "dataset", "unknown_dataset"),
    "a dataset of NUL": ({"dataset": "\x00"}, "dataset", "bad_characters"),
    "markup for a name": ({"event": "<img src=x>"}, "event", "bad_event_name"),
    "a name of 51 letters": ({"event": "x" * 51}, "event", "too_long"),
    "a source of 10 kB": ({"source": "x" * 10_240}, "source", "too_long"),
    "no customer": ({"customer": {}}, "customer", "customer_insufficient"),
    "a customer of blanks": (
        {"customer": {"phone": "", "email": " ", "name": ""}},
        "customer",
        "customer_insufficient",
    ),
    "a customer of a city": ({"customer": {"city": "Jakarta"}}, "customer", "customer_insufficient"),
    "a purchase without value": ({"event": "Purchase", "value": ...}, "value", "value_required"),
}


@pytest.mark.parametrize(("changed", "field", "code"), FIELDS.values(), ids=FIELDS)
def test_a_bad_field_is_refused_by_name_and_code(http, changed, field, code):
    said = refused(http, EVENTS, json.dumps(lead(**{"customer": CUSTOMER, **changed})).encode())
    assert (field, code) in [(fault["field"], fault["code"]) for fault in said["errors"]]


NAUGHTY = ["﷽", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙", "ﬁﬂ", "İıẞß", "👩‍👩‍👧‍👦", "\u202etest\u202c", "\u200b\ufeff", "＋６２８１２３", "'; DROP TABLE events;--", "${jndi:x}", "=cmd|' /C calc'!A0", "../../etc/passwd", "{{7*7}}", "%s%n", "\U0010ffff"]  # fmt: skip


@pytest.mark.parametrize("text", NAUGHTY)
@pytest.mark.parametrize("field", ["name", "city", "email", "phone", "external_id", "birth_date", "country"])
def test_naughty_words_about_a_customer_never_break_anything(http, field, text):
    customer = {**CUSTOMER, field: text}
    response = http.post(EVENTS, json=lead(customer=customer))
    assert response.status_code == 202


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_ids_are_kept_as_they_are(http, text):
    response = http.post(EVENTS, json=lead(event_id=f"x{text}x", booking_id=f"x{text}x", source=text))
    assert response.status_code in (202, 422)
    if response.status_code == 202:
        assert http.get(f"{EVENTS}/{response.json()['receipt']}").json()["booking_id"] == f"x{text}x"


SIZES = {
    "over 1 MB for one": (EVENTS, b'{"source": "' + b"x" * MB + b'"}'),
    "over 1 MB of white space": (EVENTS, b" " * MB + json.dumps(lead()).encode()),
    "over 1 MB for the guide": (GUIDE, b'{"type": "' + b"x" * MB + b'"}'),
    "over 1 MB for a reason": (f"{EVENTS}/rc_000000000001/discard", b'{"reason": "' + b"x" * MB + b'"}'),
    "over 4 MB for a list": (EVENTS, b'{"events": [' + b" " * 4 * MB + b"{}]}"),
    "over 4 MB of lines": (EVENTS, b"\n" * (4 * MB + 1)),
}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("door", "body"), SIZES.values(), ids=SIZES)
def test_a_body_that_is_too_large_is_refused(http, door, body, chunked):
    kind = "application/x-ndjson" if body[:1] == b"\n" else "application/json"
    pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    said = refused(http, door, pieces if chunked else body, kind)
    assert (said["status"], said["code"]) == (413, "body_too_large")


def test_a_list_of_just_under_4_mb_is_taken(http):
    events = [lead(customer={"phone": f"62812{n:07d}"}, client={"user_agent": "x" * 2_000}) for n in range(1_000)]
    body = json.dumps({"events": events}).encode()
    padded = body + b" " * (4 * MB - len(body))
    assert http.post(EVENTS, content=padded).status_code == 202


LISTS = {
    "two million numbers": (b'{"events": [' + b"0," * 2_000_000 + b"0]}", "application/json"),
    "a million empties": (b'{"events": [' + b"{}," * 1_300_000 + b"{}]}", "application/json"),
    "two million lines": (b"0\n" * 2_000_000, "application/x-ndjson"),
    "two hundred thousand keys": (
        b'{"events": [], ' + b",".join(b'"k%d": 1' % n for n in range(200_000)) + b"}",
        "application/json",
    ),
}


@pytest.mark.parametrize(("body", "kind"), LISTS.values(), ids=LISTS)
def test_a_list_made_to_cost_time_is_refused_at_once(http, body, kind):
    said = refused(http, EVENTS, body, kind)
    assert (said["status"], said["code"]) == (422, "invalid_request")
    assert len(json.dumps(said)) < 10_000


def test_an_event_with_a_hundred_thousand_faults_is_answered_briefly(http):
    body = b'{"event": "Lead", ' + b",".join(b'"%05x": 1' % n for n in range(80_000)) + b"}"
    said = refused(http, EVENTS, body)
    assert [fault["code"] for fault in said["errors"]] == ["too_many_faults"]


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html", "x"]
)
@pytest.mark.parametrize("door", [EVENTS, GUIDE, f"{EVENTS}/rc_000000000001/discard"])
def test_another_type_of_body_is_refused(http, door, kind):
    """`text/plain` and forms are what a foreign web page can send without being asked."""
    said = refused(http, door, json.dumps(lead()).encode(), kind)
    assert (said["status"], said["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("depth", [250, 300, 900, 2_000])
def test_depth_in_one_event_does_not_cost_the_others(http, depth):
    deep = b'{"event": "Lead", "custom": {"a": ' + b"[" * depth + b"]" * depth + b"}}"
    response = http.post(EVENTS, content=b'{"events": [' + deep + b"," + json.dumps(lead()).encode() + b"]}")
    assert response.status_code in (207, 400)
    if response.status_code == 400:  # deeper than JSON readers go: then nothing of the body can be read
        is_problem(response, code="malformed_json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NATIVE_FIELDS = ["event", "event_id", "booking_id", "occurred_at", "customer", "value", "currency", "services", "channel", "click", "client", "source", "dataset", "custom", "events"]  # fmt: skip
GUIDE_FIELDS = ["type", "customerPhone", "customerName", "customerEmail", "totalValue", "currency", "services", "bookingId", "eventId", "city", "country", "source", "occurredAt", "dataset", "channel"]  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NATIVE_FIELDS), json_values, max_size=4), st.booleans())
def test_no_json_brings_the_native_door_down(http, changed, sound):
    body = {**(lead() if sound else {}), **changed}
    response = http.post(EVENTS, content=json.dumps(body).encode())
    assert response.status_code in (202, 207) or is_problem(response)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(GUIDE_FIELDS), json_values, max_size=4), st.booleans())
def test_no_json_brings_the_guides_door_down(http, changed, sound):
    body = {**(booking() if sound else {}), **changed}
    response = http.post(GUIDE, content=json.dumps(body).encode(), headers={"prefer": "wait=0"})
    assert response.status_code in (200, 202) or is_problem(response)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([EVENTS, GUIDE]), st.sampled_from(["application/json", "application/x-ndjson"]))  # fmt: skip
def test_no_bytes_bring_a_door_down(http, body, door, kind):
    is_problem(http.post(door, content=body, headers={"content-type": kind}))


@pytest.mark.parametrize(
    "prefer", ["wait", "wait=", "wait=-1", "wait=x", "wait=99999999999999999999", "\xff", "wait=٣"]
)
def test_a_preference_that_makes_no_sense_is_no_fault(http, prefer):
    response = http.post(GUIDE, json=booking(), headers=[(b"prefer", prefer.encode("utf-8"))])
    assert response.status_code == 200
