"""Remarks on the pages: whatever the rules say of an event, its keys or its payment reads in Bahasa Indonesia."""

import re
from decimal import Decimal
from itertools import product

import pytest
from pydantic import ValidationError
from said_in_code import said

from konversi.consent.decision import Decision, State, objection
from konversi.dashboard.reasons import reason
from konversi.events import faults
from konversi.intake.dataset_forms import NewAccount, NewDataset
from konversi.journeys import attribution
from konversi.journeys.attribution import Known, Touch, Window
from konversi.matching.explain import explain
from konversi.matching.keys import BY_NAME
from konversi.payments import deciding
from konversi.payments.payment import Payment
from konversi.payments.policy import Booking
from konversi.value.in_effect import InEffect, Values
from konversi.value.learned import Figure
from konversi.value.lifetime import Paid
from konversi.value.rules import read

ENGLISH = re.compile(
    r"\b(the|is|are|was|were|it|its|of|from|with|and|that|so|an|be|has|have|to|for|by|as|this|nothing)\b"
)
CODE = re.compile(r"`[^`]*`|konversi [a-z-]+ [a-z-]+ .*")
DAY = 86_400


def left_in_english(text):
    """What is still English of a text on an Indonesian page."""
    told = reason("id", text)
    return text if told == text else ENGLISH.findall(CODE.sub("", told))


# Of these only a part is said there: the rest comes from one of the others.
COMPOSED = {
    "7 (7, 7).",
    "7.",
    "7 7",
    "7 The event is kept, and not sent to Meta.",
    "The chat was opened by 7 7 before.",
}


@pytest.mark.parametrize("text", sorted({text for _, text in said()} - COMPOSED))
def test_what_the_code_says_of_an_event_is_said_in_the_language(text):
    assert not left_in_english(text)
    assert reason("en", text) == text


FIELDS = [*faults._BY_PYDANTIC_TYPE.values(), faults._FALLBACK]


@pytest.mark.parametrize("text", sorted({text for _, *texts in FIELDS for text in texts}))
def test_what_a_field_must_be_is_said_in_the_language(text):
    assert not left_in_english(text)


@pytest.mark.parametrize("form", [NewDataset, NewAccount], ids=lambda form: form.__name__)
def test_what_a_form_refuses_is_said_in_the_language(form):
    wrong = {"id": "x", "token": "x", "channel": "x", "account": "x", "lines": ["x"], "more": 1}
    with pytest.raises(ValidationError) as refused:
        form.model_validate(wrong)
    for fault in faults.faults_of(refused.value, frozenset(form.model_fields)):
        assert not left_in_english(fault.detail)
        assert not left_in_english(fault.remedy)


VALUES = ("", "?", "0812-3456-7890", "budi@example.com", "Budi Santoso", "1990-03-05", "1" * 16, "a" * 64, "Jakarta")


@pytest.mark.parametrize("field", sorted({*BY_NAME, "name", "nonsense"}))
def test_each_step_to_a_match_key_is_said_in_the_language(field):
    for value in VALUES:
        told = explain(field, value, "ID")
        for text in (*told.steps, *([told.note] if told.note else ())):
            assert not left_in_english(text), text


@pytest.mark.parametrize("order", ["BK-1", "BK-1-2"])
@pytest.mark.parametrize("journey", [None, 1])
def test_how_a_payment_was_joined_is_said_in_the_language(order, journey):
    booking = Booking("BK-1", 1, "default", journey, None, None, 0, None, {})
    for known in (booking, None):
        assert not left_in_english(deciding._how(Payment("midtrans", "p-1", reference=order), known))


@pytest.mark.parametrize("text", [deciding._UNJOINED, deciding._NOT_TOLD, f"{deciding._UNJOINED} {deciding._NOT_TOLD}"])
def test_why_meta_was_not_told_of_a_payment_is_said_in_the_language(text):
    assert not left_in_english(text)


@pytest.mark.parametrize("state", [State.DENIED, State.WITHDRAWN, State.ERASED, None])
def test_why_a_customer_is_left_alone_is_said_in_the_language(state):
    said_so = [] if state is None else [Decision(state, 1e9, "chat")]
    against = objection(said_so, required=True)
    assert not left_in_english(against.text)
    assert reason("id", str(against)) == f"{against.code}: {reason('id', against.text)}"


@pytest.mark.parametrize("ago", [5, 60, 3 * 60, 3_600, 2 * 3_600, DAY, 3 * DAY, 9 * DAY])
def test_when_the_ad_was_clicked_is_said_in_the_language(ago):
    for click, ad in product(("clid", None), ("120210000000000001", None)):
        touch = Touch(1, 10 * DAY - ago, "", None, click, ad)
        chat = Known(1, "whatsapp", "", None, 0.0, {}, (touch,), ("LeadSubmitted",))
        notes = attribution._notes(chat, touch, "", "LeadSubmitted", 10 * DAY)
        for chosen, days in product((touch, None), (1, 30)):
            notes += tuple(filter(None, [attribution._no_click(chat, chosen, 10 * DAY, Window(days))]))
        for note in notes:
            assert not left_in_english(note.text), note.text


class Past:
    """Of 40 bookings, 12 of the same ad."""

    def show_up(self, _service, ad):
        return Figure(Decimal("0.4"), 40, 12 if ad else 0)

    def paid_share(self, _service, ad):
        return Figure(Decimal("0.8"), 40, 12 if ad else 0)

    def paid(self, _service, ad, _currency):
        return Figure(Decimal(90_000), 40, 12 if ad else 0)


PRICED = {"id": "bt", "title": "Botox", "quantity": 1, "item_price": 1_500_000}
RULE = '[[rules]]\nname = "Botox"\nservice = "botox*"\n'
RULES = [
    RULE + "fixed = 50_000\nshow_up = 0.5",
    RULE + "share = 0.7\nmargin = 0.2",
    "show_up = 0.3\n" + RULE + "share = 0.7",
    "[stages.Lead]\nfixed = 5\nshow_up = 0.2",
    '[learned]\nuse = ["show_up", "value"]',
    "[rates]\nUSD = 16_000",
    "[predicted_ltv]\nvisits = 6\nweight = 2",
]


@pytest.mark.parametrize("rules", RULES)
def test_why_meta_is_told_a_value_is_said_in_the_language(rules):
    values = Values("IDR")
    values.now = InEffect(read(rules), Past())
    said_so = set()
    for currency, priced, ad in product(("IDR", "USD", "EUR"), (True, False), ("7", None)):
        line = PRICED if priced else {name: PRICED[name] for name in ("id", "title", "quantity")}
        other = {"id": "x", "title": "Peeling", "quantity": 1, "item_price": 5}
        for lines in ([line], [line, other]):
            custom = {"currency": currency, "contents": lines, **({"value": 1_500_000} if priced else {})}
            for paid in ([], [Paid("IDR", 2, Decimal(2_000_000))], [Paid("GBP", 2, Decimal(9))]):
                applied = values.apply(custom, ("Lead",), ad=ad, paid=paid)
                said_so.update(note.text for note in (applied.notes if applied else ()))
    assert said_so
    for text in said_so:
        assert not left_in_english(text), text


def test_a_blank_ends_with_its_sentence():
    text = f"{deciding._how(Payment('midtrans', 'p-1'), None)} 50000 of 150000 IDR were paid so far."
    assert reason("id", text).endswith(" 50000 dari 150000 IDR sudah dibayar sejauh ini.")
    assert not left_in_english(text)


def test_the_field_stands_before_what_is_wrong_with_it():
    assert reason("id", "customer.phone: is required. Add it.") == "customer.phone: wajib diisi. Tambahkan."
