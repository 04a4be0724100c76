"""From a payment and its booking to the Purchase that is reported."""

from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.events.conversion import Conversion
from konversi.intake.payments.purchase import purchase
from konversi.matching.keys import KEYS
from konversi.matching.match import match
from konversi.payments.payment import Payment
from konversi.payments.policy import Booking

hashes = st.integers(0, 9).map(lambda one: sha256(str(one).encode()).hexdigest())
known = st.fixed_dictionaries(
    {},
    optional={
        key.meta: st.lists(hashes, min_size=1, max_size=3, unique=True)
        if key.hashed
        else st.integers(10**15, 10**16).map(int if key.whole else str)
        for key in KEYS
    },
).flatmap(lambda user_data: st.permutations(list(user_data.items())).map(dict))


@given(known)
def test_a_customer_known_by_match_keys_is_matched_as_if_they_were_read_again(user_data):
    payment = Payment("midtrans", "p-1", user_data=user_data, purchase_value=Decimal(1), purchase_currency="IDR")
    said, hashed = purchase(payment, None)
    again = match(said.customer, country="ID", seen_ms=0)
    once = match(said.customer, country="ID", seen_ms=0, hashed=hashed)
    assert once.notes == again.notes == ()
    assert list(once.user_data.items()) == list(again.user_data.items())


@pytest.mark.parametrize("told", [None, Conversion(event="Purchase", payment_id="p-1", value=1)])
def test_a_service_without_an_id_whose_name_is_longer_than_one_can_be_keeps_no_payment_back(told):
    name = "Perawatan " * 25
    body = {"custom_data": {"contents": [{"id": name, "title": name, "quantity": 2}]}}
    booking = Booking("BK-1", 1, "default", None, None, None, 0, None, body)
    payment = Payment("midtrans", "p-1", purchase_value=Decimal(1), purchase_currency="IDR")
    (service,) = purchase(payment, booking, told).conversion.services
    assert (service.id, service.name.strip(), service.quantity) == (None, name.strip(), 2)
