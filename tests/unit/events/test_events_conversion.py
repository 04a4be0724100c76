"""A conversion as it is given: what makes two the same, and what is said of a bad one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from konversi.events.conversion import FIELD_NAMES, Conversion, Customer, InitiateCheckout, Lead, Purchase, Service
from konversi.events.faults import Fault, Refused, faults_of
from konversi.events.identity import digest, event_id

KEY = b"k" * 32
CANARY = "canary-0812-3456"


def an_id(**given):
    return event_id("Lead", Conversion(event="Lead", **given), lambda: "UNIQUE")


def test_the_callers_own_id_wins():
    assert an_id(event_id="mine", booking_id="BK-1") == "mine"


def test_an_id_is_derived_from_name_and_booking():
    assert an_id(booking_id="BK-1001") == "Lead:BK-1001"


def test_without_either_the_id_never_comes_twice():
    assert an_id() == "Lead:UNIQUE"


def test_an_id_that_would_be_too_long_is_hashed_and_still_the_same_each_time():
    long = an_id(booking_id="x" * 200)
    assert long == an_id(booking_id="x" * 200)
    assert long != an_id(booking_id="x" * 199 + "y")
    assert len(long) <= 200
    assert an_id(booking_id="x" * 195) == "Lead:" + "x" * 195


def said(**given):
    return digest(Conversion(**{"event": "Lead", "customer": Customer(phone="0812"), **given}), KEY)


def test_the_same_contents_have_the_same_digest_however_they_were_given():
    assert said() == said()
    assert len(said()) == 16
    assert said(value=5, booking_id="1") == said(booking_id="1", value=5, currency=None)
    as_json = Conversion.model_validate_json('{"customer":{"phone":"0812"},"event":"Lead","services":[{"name":"a"}]}')
    assert digest(as_json, KEY) == said(services=(Service(name="a"),))
    assert digest(Lead(customer=Customer(phone="0812")), KEY) == said()


@pytest.mark.parametrize(
    "other",
    [
        {"customer": Customer(phone="0813")}, {"value": 5}, {"currency": "IDR"}, {"booking_id": "1"}, {"channel": "store"},
        {"services": (Service(name="a"),)}, {"custom": {"a": 1}}, {"occurred_at": 5}, {"event": "Purchase"},
    ],
)  # fmt: skip
def test_other_contents_have_another_digest(other):
    assert said(**other) != said()


def test_the_digest_is_keyed():
    conversion = Conversion(event="Lead", customer=Customer(phone="0812"))
    assert digest(conversion, b"a" * 32) != digest(conversion, b"b" * 32)


@given(
    st.integers(0, 10**15) | st.floats(0, 1e15),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20),
)
def test_any_conversion_has_a_digest(value, name):
    one = Conversion(event="Lead", value=value, customer=Customer(name=name))
    assert digest(one, KEY) == digest(Conversion.model_validate_json(one.model_dump_json()), KEY)


BAD = [
    ({"customer": {"phone": 812}}, "customer.phone", "wrong_type"),
    ({"customer": {"phone": CANARY + "\n"}}, "customer.phone", "bad_characters"),
    ({"customer": {"phone": [CANARY, 5]}}, "customer.phone", "wrong_type"),
    ({"customer": {"name": CANARY * 60}}, "customer.name", "too_long"),
    ({"customer": CANARY}, "customer", "wrong_type"),
    ({"customer": {"telephone": CANARY}}, "customer.telephone", "unknown_field"),
    ({"value": CANARY}, "value", "wrong_type"),
    ({"value": "150000"}, "value", "wrong_type"),
    ({"value": -1}, "value", "too_small"),
    ({"value": 10**16}, "value", "too_large"),
    ({"value": float("inf")}, "value", "not_finite"),
    ({"value": True}, "value", "wrong_type"),
    ({"event": ""}, "event", "empty"),
    ({"event": None}, "event", "wrong_type"),
    ({"event": "x" * 51}, "event", "too_long"),
    ({"channel": CANARY}, "channel", "unknown_value"),
    ({"services": CANARY}, "services", "wrong_type"),
    ({"services": [{"name": "a", "quantity": 0}]}, "services.0.quantity", "too_small"),
    ({"services": [{"name": "a"}, {}]}, "services.1.name", "missing"),
    ({"services": [{"name": "a"}] * 101}, "services", "too_many"),
    ({"click": {"clicked_at": -1}}, "click.clicked_at", "too_small"),
    ({"occurred_at": []}, "occurred_at", "wrong_type"),
    ({"booking_id": "  "}, "booking_id", "empty"),
]


@pytest.mark.parametrize(("given", "field", "code"), BAD)
def test_a_bad_field_is_named_with_what_to_do_and_never_its_value(given, field, code):
    with pytest.raises(ValidationError) as caught:
        Conversion(**{"event": "Lead", **given})
    faults = faults_of(caught.value, FIELD_NAMES)
    assert (field, code) in [(fault.field, fault.code) for fault in faults]
    for fault in faults:
        assert fault.detail
        assert fault.remedy
        assert CANARY not in f"{fault.field} {fault.code} {fault.detail} {fault.remedy}".replace("telephone", "")
    assert CANARY not in str(Refused(faults))
    assert CANARY not in str(caught.value)


def test_each_field_is_complained_of_once():
    with pytest.raises(ValidationError) as caught:
        Conversion(event="Lead", customer={"phone": {"a": 1}}, value="x")
    fields = [fault.field for fault in faults_of(caught.value, FIELD_NAMES)]
    assert sorted(fields) == sorted(set(fields))


def test_a_refusal_lists_every_fault():
    text = str(Refused([Fault("a", "x", "is bad.", "Mend it."), Fault("b", "y", "is worse.", "Drop it.")]))
    assert "a: is bad. Mend it.; b: is worse. Drop it." in text


def test_identities_are_not_printed():
    conversion = Conversion(
        event="Lead", customer=Customer(phone=CANARY, name=CANARY), client={"ip": "9.9.9.9"}, click={"fbc": CANARY}
    )
    assert CANARY not in f"{conversion!r} {conversion}"
    assert "9.9.9.9" not in repr(conversion)


def test_the_short_forms_are_conversions():
    assert [form().event for form in (Lead, InitiateCheckout)] == ["Lead", "InitiateCheckout"]
    assert Purchase(value=5).event == "Purchase"
