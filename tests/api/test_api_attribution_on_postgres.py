"""What of `test_api_attribution.py` asks most of the storage, over PostgreSQL."""

import pytest
from test_api_attribution import (  # noqa: F401
    running_meta,
    sandbox,
    settings_of,
    shop,
    studio,
    test_a_booking_by_phone_in_national_spelling_is_tied_to_the_click,
    test_a_customer_of_two_accounts_is_credited_to_the_last_click_unless_the_dataset_is_named,
    test_a_hidden_address_that_was_once_seen_beside_the_phone_leads_to_it,
    test_a_journey_is_one_timeline_from_the_click_to_the_delivered_event,
    test_a_phone_that_is_told_later_leads_back_to_the_click,
    test_a_thousand_conversions_in_one_call_are_each_tied_to_their_own_click,
    test_journeys_are_listed_page_by_page_newest_first,
    test_of_several_clicks_the_last_counts_or_the_first_on_request,
    test_the_list_and_the_timeline_agree_on_the_ad,
    test_the_same_booking_again_after_the_click_came_is_the_first_receipt,
)

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")
