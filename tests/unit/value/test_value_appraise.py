"""What Meta is told of a conversion's worth."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from konversi.value.in_effect import InEffect, Values, before_rules
from konversi.value.learned import Figure
from konversi.value.lifetime import Paid
from konversi.value.rules import read

BOTOX = {"id": "bt", "title": "Botox  Dahi", "quantity": 1, "item_price": 1_500_000}
PEEL = {"id": "pl", "title": "Peeling", "quantity": 2, "item_price": 250_000, "category": "Facial"}
UNPRICED = {"id": "kd", "title": "Konsultasi", "quantity": 1}
BOTOX_RULE = '[[rules]]\nname = "Botox"\nservice = "botox*"\n'


def booked(*contents, value=None, currency="IDR", **more):
    known = [one["item_price"] * one["quantity"] for one in contents if "item_price" in one]
    value = sum(known) if value is None and known and len(known) == len(contents) else value
    data = dict(more) if value is None else {"value": value, "currency": currency, **more}
    return {**data, "contents": list(contents), "content_type": "product"} if contents else data


def under(rules, custom, *names, **more):
    values = Values("IDR")
    values.now = InEffect(read(rules))
    return values.apply(custom, names or ("Lead", "LeadSubmitted"), **more)


def told(rules, custom, *names, **more):
    """Value, currency, net revenue and lifetime, as far as they are told otherwise."""
    applied = under(rules, custom, *names, **more)
    kept = ("value", "currency", "net_revenue", "predicted_ltv")
    return {} if applied is None else {k: v for k, v in applied.custom.items() if k in kept and custom.get(k) != v}


def said(rules, custom, *names, **more):
    applied = under(rules, custom, *names, **more)
    return " ".join(note.text for note in applied.notes) if applied else ""


def test_without_a_rule_about_it_a_conversion_stays_as_it_is():
    assert under("", booked(BOTOX)) is None
    assert under('[[rules]]\nname = "R"\nservice = "laser"\nfixed = 1', booked(BOTOX)) is None


def test_a_share_of_the_price():
    assert told(BOTOX_RULE + "share = 0.7", booked(BOTOX)) == {"value": 1_050_000}


def test_a_fixed_amount_counts_for_each_piece_and_needs_no_price():
    rules = '[[rules]]\nname = "R"\nid = "KD"\nfixed = 50_000'
    assert told(rules, booked({**UNPRICED, "quantity": 3})) == {"value": 150_000, "currency": "IDR"}


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        ('category = "facial"', True),
        ('category = "fac*"', True),
        ('category = "acia"', False),
        ('service = "PEELING"', True),
        ('service = ["botox", "peel*"]', True),
        ('service = "p[e]eling"', False),
        ('service = "peelin?"', False),
        ('id = "pl"', True),
        ('id = "pl"\nservice = "botox"', False),
        ("", True),
    ],
)
def test_services_are_known_by_name_id_and_category(line, fits):
    rules = f'[[rules]]\nname = "R"\nshare = 0.5\n{line}'
    assert told(rules, booked(PEEL)) == ({"value": 250_000} if fits else {})


def test_the_first_rule_that_fits_counts():
    rules = BOTOX_RULE + 'share = 0.5\n[[rules]]\nname = "Rest"\nshare = 0.1'
    assert told(rules, booked(BOTOX)) == {"value": 750_000}
    assert told(rules, booked(BOTOX, PEEL)) == {"value": 750_000 + 50_000}


def test_services_without_a_rule_keep_their_price():
    assert told(BOTOX_RULE + "share = 0", booked(BOTOX, PEEL)) == {"value": 500_000}


def test_a_total_below_the_prices_is_shared_out_by_them():
    assert told(BOTOX_RULE + "share = 0", booked(BOTOX, PEEL, value=1_000_000)) == {"value": 250_000}


def test_a_part_whose_price_nobody_knows_leaves_the_value_as_it_was_and_says_so():
    applied = under(BOTOX_RULE + "share = 0.5", booked(BOTOX, UNPRICED))
    assert applied.given is None
    assert "value" not in applied.custom
    assert [note.code for note in applied.notes] == ["value_rule_unusable"]


def test_of_bookings_that_show_up_only_a_part_is_told():
    assert told("show_up = 0.6", booked(BOTOX)) == {"value": 900_000}
    assert told(BOTOX_RULE + "show_up = 0.5\n", booked(BOTOX)) == {"value": 750_000}
    assert "0.6 of them are paid in the end" in said("show_up = 0.6", booked(BOTOX))


def test_what_is_paid_is_told_as_it_was_paid():
    rules = "show_up = 0.6\n" + BOTOX_RULE + "share = 0.5\nmargin = 0.4"
    assert told(rules, booked(BOTOX), "Purchase") == {"net_revenue": 600_000}
    assert told(rules, booked(BOTOX), "OrderDelivered") == {"net_revenue": 600_000}


def test_a_rule_that_names_the_payment_changes_it():
    assert told(BOTOX_RULE + 'event = "payment"\nshare = 0.5', booked(BOTOX), "Purchase") == {"value": 750_000}


def test_a_margin_is_of_what_it_is_worth():
    rules = "show_up = 0.5\n" + BOTOX_RULE + "margin = 0.4"
    assert told(rules, booked(BOTOX)) == {"value": 750_000, "net_revenue": 300_000}


def test_a_margin_of_some_services_only_is_not_told():
    applied = under(BOTOX_RULE + "margin = 0.4", booked(BOTOX, PEEL))
    assert "net_revenue" not in applied.custom
    assert "net_revenue_unknown" in [note.code for note in applied.notes]


def test_a_net_revenue_of_the_callers_own_wins():
    assert told(BOTOX_RULE + "margin = 0.4", booked(BOTOX, net_revenue=7)) == {}


STAGES = """
show_up = 0.7
[stages.LeadSubmitted]
show_up = 0.2
[stages.QualifiedLead]
show_up = 0.5
[stages.AddToCart]
fixed = 10_000
"""


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (("Lead", "LeadSubmitted"), 300_000),
        (("Lead", "Lead"), 300_000),
        (("QualifiedLead", "QualifiedLead"), 750_000),
        (("AddToCart",), 10_000),
        (("InitiateCheckout",), 1_050_000),
        (("ViewContent",), 1_500_000),
        (("Purchase",), 1_500_000),
    ],
)
def test_each_stage_has_its_value(names, value):
    applied = under(STAGES, booked(BOTOX), *names)
    assert (applied.custom if applied else booked(BOTOX))["value"] == value


def test_a_rule_about_the_event_goes_before_its_stage_and_a_stage_before_other_rules():
    general = STAGES + BOTOX_RULE + "share = 0.5\nshow_up = 0.9"
    assert told(general, booked(BOTOX)) == {"value": 150_000}
    assert told(general, booked(BOTOX), "AddToCart") == {"value": 10_000}
    special = STAGES + BOTOX_RULE + 'event = ["Lead", "AddToCart"]\nshare = 0.5\nshow_up = 0.9'
    assert told(special, booked(BOTOX)) == {"value": 675_000}
    assert told(special, booked(BOTOX), "AddToCart") == {"value": 675_000}


def test_other_currencies_are_converted_by_the_table_with_the_prices():
    dear = {**BOTOX, "item_price": 99.5}
    applied = under("[rates]\nUSD = 16250.5", booked(dear, currency="USD"))
    assert applied.custom["value"] == 1_616_924.75
    assert applied.custom["currency"] == "IDR"
    assert applied.custom["contents"][0]["item_price"] == 1_616_924.75
    assert before_rules(applied.custom, applied.given) == booked(dear, currency="USD")


def test_an_unknown_rate_changes_nothing_and_says_so():
    assert told("show_up = 0.5\n[rates]\nUSD = 16250", booked(BOTOX, currency="SGD")) == {}
    assert "from SGD to IDR" in said("[rates]\nUSD = 16250", booked(BOTOX, currency="SGD"))
    assert "from SGD to IDR" in said(BOTOX_RULE + "fixed = 1", booked(BOTOX, currency="SGD"))


def test_without_a_table_every_currency_stays():
    assert told("show_up = 0.5", booked(BOTOX, value=100.1, currency="SGD")) == {"value": 50.05}


def test_cents_are_rounded_to_what_the_currency_has():
    assert told("show_up = 0.333", booked(value=10.01, currency="USD")) == {"value": 3.33}
    assert told("show_up = 0.333", booked(value=10_001, currency="JPY")) == {"value": 3330}
    assert told("show_up = 0.3333", booked(value=10.001, currency="KWD")) == {"value": 3.333}


def test_more_than_konversi_takes_changes_nothing():
    assert told(BOTOX_RULE + "share = 100", booked(BOTOX, value=10**15)) == {}
    assert "more than Konversi takes" in said("[rates]\nUSD = 1000000000", booked(BOTOX, value=1, currency="USD"))


LTV = "[predicted_ltv]\nvisits = 4\nweight = 2\n"


def test_the_lifetime_comes_of_the_customers_own_payments():
    paid = [Paid("IDR", 2, Decimal(2_000_000))]
    # The mean is (2 x 1,500,000 + 2,000,000) / 4, and two visits are left.
    assert told(LTV, booked(BOTOX), paid=paid) == {"predicted_ltv": 2_000_000 + 2 * 1_250_000}
    assert told(LTV, booked(), "ViewContent", paid=paid) == {"predicted_ltv": 4_000_000, "currency": "IDR"}


def test_a_customer_who_came_more_often_than_most_is_expected_once_more():
    assert told(LTV, booked(BOTOX), paid=[Paid("IDR", 8, Decimal(12_000_000))]) == {"predicted_ltv": 13_500_000}


def test_without_payments_no_lifetime_is_claimed_unless_the_rule_says_so():
    assert told(LTV, booked(BOTOX)) == {}
    assert told(LTV + "minimum_payments = 0", booked(BOTOX)) == {"predicted_ltv": 6_000_000}
    assert told(LTV + "minimum_payments = 0", booked()) == {}


def test_a_show_up_does_not_lower_the_lifetime():
    assert told("show_up = 0.5\n" + LTV + "minimum_payments = 0", booked(BOTOX))["predicted_ltv"] == 6_000_000


def test_payments_in_a_currency_without_a_rate_make_no_lifetime():
    paid = [Paid("USD", 2, Decimal(200))]
    assert told(LTV, booked(BOTOX), paid=paid) == {}
    assert "from USD" in said(LTV, booked(BOTOX), paid=paid)
    assert told(LTV + "[rates]\nUSD = 10000", booked(BOTOX), paid=paid)["predicted_ltv"] == 4_500_000


class Past:
    """What past bookings said."""

    def show_up(self, service, ad):
        return Figure(Decimal("0.8"), 40, 12) if (service, ad) == ("bt", "7") else None

    def paid_share(self, service, _ad):
        return Figure(Decimal("0.5"), 30, 0) if service == "bt" else None

    def paid(self, service, _ad, currency):
        return Figure(Decimal(90_000), 30, 0) if (service, currency) == ("kd", "IDR") else None


def with_past(rules, custom, *names, ad=None):
    values = Values("IDR")
    values.now = InEffect(read(rules), Past())
    return values.apply(custom, names or ("Lead",), ad=ad)


LEARNED = '[learned]\nuse = ["show_up", "value"]\n'


def test_what_was_learned_goes_before_the_rules_figures_and_says_so():
    found = with_past("show_up = 0.1\n" + LEARNED, booked(BOTOX), ad="7")
    assert found.custom["value"] == 600_000
    assert "learned from 40 bookings of the same service, 12 of them of the same ad" in found.notes[0].text
    assert with_past(LEARNED, booked(UNPRICED)).custom["value"] == 90_000


def test_where_too_little_was_learned_the_rule_counts():
    assert with_past("show_up = 0.1\n" + LEARNED, booked(PEEL)).custom["value"] == 50_000
    assert with_past("show_up = 0.1\n" + LEARNED, booked(BOTOX), ad="8").custom["value"] == 75_000


def test_nothing_learned_is_used_unless_asked_for():
    assert with_past("show_up = 0.1", booked(BOTOX), ad="7").custom["value"] == 150_000
    rules = LEARNED + BOTOX_RULE + "show_up = 0.1\nlearned = false"
    assert with_past(rules, booked(BOTOX), ad="7").custom["value"] == 150_000
    assert with_past(LEARNED, booked(BOTOX), "Purchase", ad="7") is None


prices = some.integers(0, 10**12)
contents = some.lists(
    some.builds(lambda price, pieces: {**BOTOX, "item_price": price, "quantity": pieces}, prices, some.integers(1, 9)),
    min_size=1,
    max_size=4,
)


@given(contents, some.decimals(0, 1, places=3), some.sampled_from(["IDR", "USD", "JPY"]))
def test_what_was_given_can_always_be_had_back(lines, share, currency):
    custom = booked(*lines, currency=currency, net_revenue_of="x")
    applied = under(f"[rates]\nUSD = 16000\n{BOTOX_RULE}share = {share}\nmargin = 0.1", custom)
    assert before_rules(applied.custom, applied.given) == custom


@given(some.lists(prices, min_size=2, max_size=5), some.decimals(0, 1, places=3))
def test_one_rule_for_all_is_the_same_for_the_whole_and_its_parts(amounts, share):
    rules = f'[[rules]]\nname = "R"\nshare = {share}'
    lines = [{**BOTOX, "item_price": price} for price in amounts]
    together = told(rules, booked(*lines)).get("value", sum(amounts))
    alone = told(rules, booked(value=sum(amounts))).get("value", sum(amounts))
    assert abs(together - alone) <= 1
