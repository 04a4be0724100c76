"""As `test_api_events.py`, over PostgreSQL."""

import pytest
from test_api_events import *

del (
    test_the_status_says_how_things_stand,
    test_a_gateway_whose_storage_broke_says_so_to_probes,
)  # the first needs less than the time to a second try, the other a store in memory

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")
