"""What past bookings teach, and when they teach nothing."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from konversi.value.model import STRONGEST, WEAKEST, Model, Sum


def came(service, bookings, shown, *, ad="", currency="IDR", each=100, price=200):
    paid = Decimal(each) * shown
    return Sum(service, ad, currency, bookings, shown, shown, paid, shown, Decimal(price) * shown, paid)


def rate(model, service, ad=""):
    figure = model.show_up(service, ad)
    return None if figure is None else float(figure.number)


def test_nothing_is_said_of_a_service_with_too_few_bookings():
    model = Model([came("botox", 19, 19), came("peel", 20, 10)], at_least=20)
    assert model.show_up("botox", "") is None
    assert model.show_up("unheard of", "") is None
    assert model.show_up("peel", "").seen == 20


def test_much_history_speaks_for_itself():
    model = Model([came("botox", 100_000, 90_000), came("peel", 100_000, 20_000), came("laser", 100_000, 50_000)], 20)
    assert rate(model, "botox") == pytest.approx(0.9, abs=0.001)
    assert rate(model, "peel") == pytest.approx(0.2, abs=0.001)


def test_little_history_is_drawn_towards_what_is_usual():
    model = Model([came("botox", 20, 20), *(came(f"s{n}", 200, 100 + n) for n in range(10))], 20)
    assert 0.5 < rate(model, "botox") < 1.0


def test_services_that_differ_by_chance_only_are_taken_for_the_same():
    chance = Random(1)
    sums = [came(f"s{n}", 100, sum(chance.random() < 0.6 for _ in range(100))) for n in range(40)]
    model = Model(sums, 20)
    assert model.of_services > 100
    assert all(abs(rate(model, one.service) - 0.6) < 0.06 for one in sums)


def test_services_that_differ_a_lot_keep_their_own_rate():
    model = Model([came(f"s{n}", 100, 10 + n * 8) for n in range(10)], 20)
    assert model.of_services < 10
    assert rate(model, "s9") == pytest.approx(0.82, abs=0.04)


def test_an_ad_is_drawn_towards_its_service():
    sums = [came("botox", 500, 250, ad="good"), came("botox", 500, 50, ad="bad"), came("botox", 500, 150, ad="usual")]
    sums += [came("botox", 4, 0, ad="new")]
    model = Model(sums, 20)
    assert rate(model, "botox", "good") == pytest.approx(0.5, abs=0.02)
    assert rate(model, "botox", "bad") == pytest.approx(0.1, abs=0.02)
    assert 0.1 < rate(model, "botox", "new") < rate(model, "botox", "") < 0.32
    assert rate(model, "botox", "unheard of") == rate(model, "botox", "")
    assert model.show_up("botox", "new").of_the_ad == 4


def test_what_is_paid_is_the_services_own_and_in_its_currency():
    model = Model(
        [came("botox", 40, 30, each=90), came("peel", 40, 30, each=10), came("peel", 5, 5, currency="USD")], 20
    )
    assert model.paid("botox", "", "IDR").number == 90
    assert model.paid("peel", "", "USD") is None
    assert model.paid("peel", "", "SGD") is None


def test_an_ads_payments_are_drawn_towards_the_services():
    model = Model([came("botox", 90, 90, ad="a", each=100), came("botox", 10, 10, ad="b", each=200)], 20)
    assert model.paid("botox", "b", "IDR").number == (10 * 200 + 10 * 110) / Decimal(20)


def test_the_share_of_the_price_that_is_paid():
    model = Model([came("botox", 100, 100, each=150, price=200), came("peel", 100, 100, each=50, price=200)], 20)
    assert float(model.paid_share("botox", "").number) == pytest.approx(0.727, abs=0.001)  # (15000 + 1000) / 22000
    assert model.paid_share("laser", "") is None


counts = some.lists(
    some.tuples(some.sampled_from("abc"), some.sampled_from(["", "1", "2"]), some.integers(0, 500), some.floats(0, 1)),
    max_size=12,
)


@given(counts)
def test_a_probability_always_lies_between_none_and_all(rows):
    model = Model([came(service, n, int(n * share), ad=ad) for service, ad, n, share in rows], at_least=1)
    assert WEAKEST <= model.of_services <= STRONGEST
    assert WEAKEST <= model.of_ads <= STRONGEST
    for service, ad, n, _ in rows:
        if n:
            assert 0 <= rate(model, service, ad) <= 1


@given(counts, some.randoms())
def test_the_order_of_history_does_not_matter(rows, chance):
    sums = [came(service, n, int(n * share), ad=ad) for service, ad, n, share in rows]
    mixed = sums[:]
    chance.shuffle(mixed)
    one, other = Model(sums, 1), Model(mixed, 1)
    for service, ad, *_ in rows:
        assert (
            rate(one, service, ad) == pytest.approx(rate(other, service, ad), abs=1e-3)
            or not one.services[service].bookings
        )
