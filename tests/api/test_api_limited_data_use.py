"""Limited Data Use on its way to Meta's own rules."""

import pytest
from api_chats import delivering
from api_harness import EVENTS, GUIDE, PIXEL, TOKEN, booking, is_problem, lead

from konversi.sandbox import Sandbox
from konversi.settings import load


@pytest.fixture
def graph():
    with Sandbox() as one:
        yield one


@pytest.fixture
def server(tmp_path, graph):
    given = load(
        pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, graph_url=graph.graph_url, limited_data_use="usa",
        database_url=f"sqlite:///{tmp_path}/k.db",
    )  # fmt: skip
    with delivering(given) as one:
        yield one


def options_of(event):
    return {
        name.removeprefix("data_processing_options"): value for name, value in event.items() if "processing" in name
    }


def test_the_setting_and_each_event_decide_and_meta_takes_it(server, graph):
    with server.client() as http:
        american = {"phone": "+12025550123", "country": "US", "region": "California"}
        for number, body in enumerate(
            [
                lead(event_id="us", customer=american),
                lead(event_id="id"),
                lead(event_id="own", limited_data_use="CO"),
                lead(event_id="not", customer=american, limited_data_use=False),
            ]
        ):
            receipt = http.post(EVENTS, json=body).json()["receipt"]
            assert server.ended(receipt)["state"] == "delivered", number
        answer = http.post(GUIDE, json=booking(bookingId="BK-1", limitedDataUse=True)).json()
        assert answer["success"]
        assert is_problem(http.post(EVENTS, json=lead(limited_data_use="Bali")), status=422)["errors"][0]["code"] == (
            "unknown_state"
        )
    sent = {one["event_id"]: options_of(one) for one in (entry["event"] for entry in graph.events())}
    limited = lambda country, state: {"": ["LDU"], "_country": country, "_state": state}
    assert sent == {
        "us": limited(1, 1000), "id": {}, "own": limited(1, 1001), "not": {}, "Lead:BK-1": limited(0, 0),
    }  # fmt: skip
