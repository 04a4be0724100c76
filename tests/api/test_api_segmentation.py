"""Meta is told who is new and who came back, where customers are remembered."""

import pytest
from api_harness import EVENTS, PIXEL, TOKEN, FakeMeta, lead, running

from konversi.settings import load

BUDI, ANI = {"phone": "628123456789", "email": "budi@example.com"}, {"phone": "628111111111"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segmentation")
    given = load(
        pixel_id=PIXEL, token=TOKEN, data_dir=folder, database_url=f"sqlite:///{folder}/k.db", customer_days=30,
        environment="production",
    )  # fmt: skip
    with running(given, meta=FakeMeta()) as one:
        yield one


@pytest.fixture
def http(server):
    with server.client() as client:
        yield client


def sent(http, **told):
    answer = http.post(EVENTS, json=lead(**told))
    assert answer.status_code == 202, answer.text
    return http.get(f"{EVENTS}/{answer.json()['receipt']}").json()


def said(http, **told):
    return sent(http, **told)["sent_to_meta"]["custom_data"]["customer_segmentation"]


def remember(server):
    """As upkeep does every few seconds."""
    server.call(server.gateway.insight.customers.follow())


def test_who_books_a_second_time_has_come_back_and_pays_for_the_first_as_a_new_customer(http, server):
    assert said(http, customer=BUDI, booking_id="BK-1") == "new_customer_to_business"
    remember(server)
    second = sent(http, customer={"email": "Budi@Example.com"}, booking_id="BK-2")
    assert second["sent_to_meta"]["custom_data"]["customer_segmentation"] == "existing_customer_to_business"
    assert "existing_customer" in {note["code"] for note in second["notes"]}
    assert said(http, event="Purchase", customer=BUDI, booking_id="BK-1") == "new_customer_to_business"
    assert said(http, customer=ANI, booking_id="BK-3") == "new_customer_to_business"


def test_what_the_caller_says_itself_stands(http):
    own = {"customer_segmentation": "customer_in_loyalty_program"}
    assert said(http, customer=ANI, booking_id="BK-9", custom=own) == "customer_in_loyalty_program"


def test_an_attempt_makes_nobody_a_customer(http, server):
    person = {"phone": "628122222222"}
    said(http, event="InitiateCheckout", customer=person, booking_id="BK-5")
    remember(server)
    assert said(http, customer=person, booking_id="BK-6") == "new_customer_to_business"
