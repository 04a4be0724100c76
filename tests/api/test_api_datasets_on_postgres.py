"""As `test_api_datasets.py`, over PostgreSQL."""

import pytest
from test_api_datasets import *

# it reads the file
del test_no_secret_reaches_a_log_an_answer_or_the_database

pytestmark = pytest.mark.usefixtures("on_postgres", "emptied")
