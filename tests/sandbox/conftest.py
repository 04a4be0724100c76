"""One local Meta for a module's tests, emptied before each."""

import httpx2
import pytest
from sandbox_events import DATASET, TOKEN

from konversi.sandbox import Sandbox


@pytest.fixture(scope="module")
def _running():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def meta(_running):
    _running.clear()
    return _running


@pytest.fixture
def own():
    """A local Meta of one's own, for what outlives an emptying: the datasets that were declared."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def http(meta):
    with httpx2.Client(base_url=meta.graph_url, timeout=10, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
def send(http):
    """`send(event, …)`: the answer to a JSON request."""

    def post(*events, dataset=DATASET, version="v26.0", **options):
        body = {"data": list(events), **options.pop("body", {})}
        return http.post(f"/{version}/{dataset}/events", json=body, **options)

    return post
