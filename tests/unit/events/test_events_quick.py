"""Whatever is read quickly, pydantic reads as the same; and what it would not read, is not read quickly either."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from konversi.events import quick
from konversi.events.conversion import Conversion

CUSTOMER = Conversion.model_fields["customer"].annotation
PLAIN = {"event": "Lead", "booking_id": "BK-1", "customer": {"phone": "+6281234567890", "name": "Budi"}, "value": 5}

letters = st.characters(blacklist_categories=("Cs",))
odd_letters = st.sampled_from(list(' \t\n"\\/\x00\x1f\x7f\x80\x85\xa0\u2028\u3000\ufeff\U0001f600aé'))
texts = st.text(letters | odd_letters, max_size=12) | st.sampled_from(
    ["x" * 50, "x" * 51, "x" * 200, "x" * 201, "x" * 501]
)
numbers = st.one_of(
    st.integers(),
    st.integers(-2, 3),
    st.sampled_from([10**15, 10**15 + 1, 2**63, 2**64, -(2**63), 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.5, 150000.0, 1e15, 1e16, 5e-324, 1e22, 123456789.123456789]),
)
scalars = st.none() | st.booleans() | numbers | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


def model_of(model: type[BaseModel], **particular):
    fields = {name: particular.get(name, texts) | anything for name in model.model_fields}
    return st.fixed_dictionaries({}, optional={**fields, "unknown": scalars})


odd_customers = model_of(CUSTOMER, phone=texts | st.lists(texts, max_size=12), lead_id=st.integers())
odd_services = st.lists(st.fixed_dictionaries({"name": texts}, optional={"quantity": st.integers(0, 3)}), max_size=3)
odd = model_of(Conversion, customer=odd_customers | st.none(), services=odd_services, value=numbers)

words = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters='\\"\x7f', min_codepoint=32),
    min_size=1,
    max_size=8,
)
amounts = st.one_of(st.integers(0, 10**6), st.floats(0, 1e15), st.floats(0, 1), st.floats(0, 1e-3))
values = st.one_of(words, st.booleans(), st.integers(-(2**70), 2**70), st.floats(-1e16, 1e16), st.floats(-1, 1))
usual_customers = st.fixed_dictionaries(
    {},
    optional={name: words | st.none() for name in CUSTOMER.model_fields}
    | {
        "phone": words | st.lists(words, max_size=10),
        "lead_id": st.integers(-(2**70), 2**70) | words,
        "preferences": st.dictionaries(words, values | st.lists(words, max_size=3), max_size=3),
    },
)
usual_services = st.fixed_dictionaries(
    {"name": words}, optional={"price": amounts, "quantity": st.integers(1, 9), "id": words, "category": words}
)
usual = st.fixed_dictionaries(
    {"event": words},
    optional={
        "event_id": words,
        "booking_id": words,
        "occurred_at": amounts | words,
        "customer": usual_customers,
        "value": amounts,
        "currency": words | st.none(),
        "services": st.lists(usual_services, max_size=3),
        "channel": st.sampled_from(["whatsapp", "store"]),
        "click": st.fixed_dictionaries({}, optional={"fbc": words, "clicked_at": st.integers(0, 2**65)}),
        "client": st.fixed_dictionaries({}, optional={"ip": words}),
        "limited_data_use": st.booleans() | words,
        "custom": st.dictionaries(words, values, max_size=4),
        "dataset": words,
        "source": words,
    },
)


def slowly(body):
    try:
        return Conversion.model_validate_json(body)
    except ValidationError:
        return None


def same(one, other):
    """Values and types alike, all the way down."""
    if isinstance(other, BaseModel):
        names = type(other).model_fields
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(other, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(other, dict):
        return type(one) is dict and [*one] == [*other] and all(map(same, one.values(), other.values()))
    return type(one) is type(other) and (one == other) and str(one) == str(other)


def check(body):
    read, slow = quick.one(body), slowly(body)
    if read is None:
        return slow
    assert slow is not None, "it was taken, and is none"
    assert same(read, slow)
    assert read.said() == slow.said()
    assert read.customer.given() == {name: one for name, one in slow.customer.given().items() if one is not None}
    return slow


@settings(max_examples=1_000, deadline=None)
@given(usual | odd | anything, st.booleans())
@example({"event": "Lead", "custom": {"a": 1e22, "b": 5e-324, "c": -0.0, "d": 1.0}}, False)
def test_what_is_read_quickly_is_what_pydantic_reads(sent, ascii_only):
    check(json.dumps(sent, ensure_ascii=ascii_only).encode())


@given(usual, st.text(letters | odd_letters))
def test_what_is_said_unchecked_is_said_as_pydantic_says_it(sent, text):
    read = slowly(json.dumps(sent).encode())
    assume(read is not None)
    slow = read.model_copy(update={"source": text})
    words = quick.UNCHECKED
    given = {name: getattr(slow, name) for name in Conversion.model_fields if name != "payment_id"}
    given["customer"] = words.customer(**slow.customer.given())
    given["services"] = tuple(words.service(**dict(one)) for one in slow.services)
    given["click"] = slow.click and words.click(**dict(slow.click))
    given["client"] = slow.client and words.client(**dict(slow.client))
    assert words.conversion(**given).said() == slow.said()


@given(st.text(max_size=30) | st.sampled_from(['{"event":"Lead"}x', "\ufeff{}", '{"event":"Lead",}', "[" * 3000]))
def test_what_is_no_json_is_left_to_pydantic(text):
    check(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":"Lead","event":"Purchase"}',
        b'{"event":5,"event":"Purchase"}',
        b'{"event":"Lead","customer":{"phone":"1"},"customer":{"name":"x"}}',
        b'{"event":"Lead","custom":{"a":1,"a":2}}',
        b'{"event":"\xff"}',
        b'{"event":"Le\x01ad"}',
        b'{"event":"Le\x7fad"}',
        b'{"event":"Le\\u0061d"}',
        b'{"event":"Lead","value":1e400}',
        b'{"event":"Lead","value":NaN}',
        b'{"event":"Lead","value":1E3}',
        b'{"event":"Lead","value":0.1e1}',
        b'{"event":"Lead","value":-0}',
        b'{"event":"Lead","value":01}',
        b' \n{ "event" : "Lead" } ',
        b"",
    ],
)
def test_oddities_of_json_are_taken_as_pydantic_takes_them_or_left_to_it(body):
    check(body)


def test_the_usual_is_read_quickly():
    body = json.dumps(PLAIN).encode()
    assert quick.one(body) is not None
    assert check(body).booking_id == "BK-1"
    assert quick.one(json.dumps({**PLAIN, "currency": None, "customer": {"phone": None, "name": "Sri"}}).encode())


@pytest.mark.parametrize(
    "changed",
    [{"payment_id": "p-1"}, {"booking_id": "BK-1 "}, {"custom": {"note ": 1}}, {"value": -1}, {"source": "a\nb"}],
)
def test_what_is_not_as_usual_is_pydantics(changed):
    assert quick.one(json.dumps({**PLAIN, **changed}).encode()) is None


def test_a_list_is_read_quickly_only_where_all_of_it_can_be():
    good, odd = PLAIN, {**PLAIN, "value": -1}
    assert len(quick.listed(json.dumps({"events": [good, good]}).encode())) == 2
    for body in ({"events": [good, odd]}, {"events": [good], "more": 1}, {"event": "Lead"}, [good]):
        assert quick.listed(json.dumps(body).encode()) is None


def test_nothing_of_a_customer_is_printed():
    read = quick.one(json.dumps(PLAIN).encode())
    assert "Budi" not in repr(read)
    assert "Budi" not in repr(read.customer)


def test_what_one_conversion_lacks_is_not_shared_with_the_next():
    first, second = (quick.one(json.dumps(PLAIN).encode()) for _ in range(2))
    assert first.custom is not second.custom


def test_a_bound_that_is_not_known_here_is_not_passed_over():
    class Odd(BaseModel):
        number: Annotated[int, Field(multiple_of=3)]

    with pytest.raises(TypeError, match="multiple_of"):
        quick._struct(Odd, {})
