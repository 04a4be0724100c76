"""The fixture for users, and Meta's own SDK."""

import subprocess
import sys
import time

import httpx2
import pytest
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession
from sandbox_events import DATASET, TOKEN, lead


def test_the_fixture_is_a_meta_of_ones_own(meta_sandbox):
    assert meta_sandbox.counts() == {"events": 0, "requests": 0, "distinct": 0}
    address = f"{meta_sandbox.graph_url}/v26.0/{DATASET}/events"
    httpx2.post(address, json={"data": [lead()], "access_token": TOKEN}).raise_for_status()
    assert meta_sandbox.events(event_id="Lead:BK-1")[0]["dataset"] == DATASET


def test_loading_the_plugin_loads_neither_a_server_nor_the_gateway():
    heavy = ["uvicorn", "starlette", "orjson", "fastapi", "pydantic", "sqlalchemy", "httpx2", "konversi.client"]
    code = f"import sys, konversi.sandbox.pytest_plugin; print([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.fixture
def sdk(meta, monkeypatch):

    monkeypatch.setattr(FacebookSession, "GRAPH", meta.graph_url)
    api = FacebookAdsApi.init(access_token=TOKEN, crash_log=False)
    yield meta
    api._session.requests.close()
    FacebookAdsApi.set_default_api(None)


def sdk_request(**changes):

    event = Event(
        **{
            "event_name": "Purchase",
            "event_time": int(time.time()),
            "event_id": "Purchase:BK-1",
            "action_source": ActionSource.CHAT,
            "user_data": UserData(emails=["Budi@Example.com"], phones=["6281234567890"]),
            "custom_data": CustomData(value=150000.0, currency="idr"),
            **changes,
        }
    )
    return EventRequest(pixel_id=DATASET, events=[event], test_event_code="TEST1")


def test_metas_own_sdk_delivers(sdk):
    answer = sdk_request().execute()
    assert answer.events_received == 1
    assert answer.messages == []
    assert answer.fbtrace_id
    (entry,) = sdk.events()
    assert entry["event"]["event_id"] == "Purchase:BK-1"
    assert entry["test_event_code"] == "TEST1"


def test_metas_own_sdk_understands_a_refusal(sdk):

    with pytest.raises(FacebookRequestError) as raised:
        sdk_request(event_time=int(time.time()) - 8 * 86_400).execute()
    refusal = raised.value
    assert (refusal.http_status(), refusal.api_error_code(), refusal.api_error_subcode()) == (400, 100, 2804003)
    assert refusal.api_transient_error() is False
    assert refusal.body()["error"]["error_user_title"] == "Event Timestamp Too Old"
