"""Every test here is run on every store."""

import pytest

from outboxes import HARNESSES


@pytest.fixture(params=HARNESSES.values(), ids=HARNESSES)
def harness(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def durable(harness):
    if not harness.durable:
        pytest.skip("forgets everything when it is closed, as it says")
    return harness
