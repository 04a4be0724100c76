"""What of `test_api_imports.py` asks most of the storage, over PostgreSQL."""

import pytest
from api_harness import running
from test_api_imports import (  # noqa: F401
    Shop,
    test_a_rehearsal_sends_nothing_and_says_what_the_real_thing_would,
    test_the_same_file_twice_sends_nothing_new,
    test_what_was_reported_live_is_not_sent_again,
)

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")


@pytest.fixture
def shop(settings, meta):
    with running(settings(), meta=meta) as server, server.client() as http:
        yield Shop(server, http, None)
