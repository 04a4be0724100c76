"""What of `test_api_webhooks.py` ends in the storage, over PostgreSQL."""

import pytest
from test_api_webhooks import (  # noqa: F401
    http,
    nothing_unforeseen,
    own,
    server,
    settings_of,
    test_a_call_is_durable_when_answered,
    test_a_call_with_any_part_exchanged_is_taken,
    test_a_customer_without_a_phone_has_a_conversation,
    test_a_repeated_call_is_known_and_changes_nothing,
    test_a_text_that_is_no_unicode_does_not_cost_the_click,
    test_a_thousand_messages_in_a_call_are_taken_while_others_are_answered,
    test_a_thread_that_an_ad_opened_is_known_with_its_ad,
    test_any_form_that_twilio_signed_is_taken,
    test_any_signed_json_is_taken_or_refused_and_never_breaks_anything,
    test_calls_in_any_order_tell_the_same_conversation,
    test_numbers_that_are_none_do_not_cost_the_message,
    test_one_message_twice_in_a_call_counts_once,
    test_several_entries_changes_and_messages_in_one_call_are_all_taken,
    test_what_meta_saw_by_itself_is_noted_once,
)

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")
