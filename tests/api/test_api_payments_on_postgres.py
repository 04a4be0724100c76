"""What of `test_api_payments.py` ends in the storage, over PostgreSQL."""

import pytest
from api_harness import FakeMeta, running
from api_payments import with_providers
from test_api_payments import (  # noqa: F401
    http,
    new,
    test_a_checkout_session_and_its_payment_intent_are_one_payment,
    test_a_paid_booking_becomes_a_purchase_with_its_amount_and_its_bookings_identities,
    test_a_purchase_with_a_payment_id_goes_the_way_of_payments,
    test_a_repeated_notification_changes_nothing,
    test_payments_have_doors_of_their_own,
    test_what_goes_back_is_recorded_and_meta_is_not_told,
    test_with_neither_meta_is_not_told_until_the_booking_comes,
)

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """There is no preparer beside PostgreSQL."""
    with running(with_providers(tmp_path_factory.mktemp("payments")), meta=FakeMeta()) as one:
        yield one
