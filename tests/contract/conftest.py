"""Every test here is run on every store."""

import pytest

from outboxes import HARNESSES, URLS


@pytest.fixture(params=HARNESSES.values(), ids=HARNESSES)
def harness(request, tmp_path):
    harness = request.param(tmp_path)
    yield harness
    harness.close()


@pytest.fixture(params=URLS.values(), ids=URLS)
def url(request, tmp_path):
    """Of a new SQL database."""
    with request.param(tmp_path) as url:
        yield url


@pytest.fixture
def durable(harness):
    if not harness.durable:
        pytest.skip("forgets everything when it is closed, as it says")
    return harness
