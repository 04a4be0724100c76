"""What of `test_api_erasure.py` ends in the storage, over PostgreSQL."""

import pytest
from test_api_erasure import (  # noqa: F401
    at_once,
    http,
    server,
    test_a_file_that_waits_to_be_started_is_waited_for,
    test_a_hidden_address_is_refused_once_its_owner_is_forgotten,
    test_a_person_is_gone_from_every_column_and_from_the_files_bytes,
    test_an_event_on_its_way_to_meta_is_waited_for_and_then_forgotten,
    test_later_events_messages_payments_and_rows_are_refused,
    test_the_report_says_what_meta_has_so_that_meta_can_be_asked,
    test_what_an_agent_does_in_the_chat_of_somebody_forgotten_is_not_kept,
)

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")
