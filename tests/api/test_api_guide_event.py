"""The exact event that Meta gets of the guide's body."""

from __future__ import annotations

import hashlib
import time

import pytest
from api_harness import EVENTS, GUIDE, PIXEL, booking, running

from konversi.errors import TestCodeInProduction


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_meta_gets_the_guides_booking_hashed_and_complete(http, meta):
    began = int(time.time())
    response = http.post(GUIDE, json=booking(bookingId="BK-1001"))
    assert response.status_code == 200
    (request,) = meta.requests
    (event,) = request.pop("data")
    assert request == {"test_event_code": "TEST12345"}
    assert began <= event.pop("event_time") <= time.time()
    phone = sha256("628123456789")
    assert event == {
        "event_name": "Lead",
        "event_id": "Lead:BK-1001",
        "action_source": "chat",
        "user_data": {
            "ph": [phone],
            "fn": [sha256("test")],
            "ln": [sha256("customer")],
            "external_id": [phone],
        },
        "custom_data": {
            "value": 150000,
            "currency": "IDR",
            "order_id": "BK-1001",
            "booking_id": "BK-1001",
            "contents": [
                {"id": "Repaint Bodi Halus", "title": "Repaint Bodi Halus", "quantity": 1, "item_price": 150000}
            ],
            "content_type": "product",
            "source": "whatsapp_ai",
        },
    }
    assert type(event["custom_data"]["value"]) is int


def test_a_single_name_is_a_first_name_only(http, meta):
    http.post(GUIDE, json=booking(customerName="Sukarno"))
    user_data = meta.events[0]["user_data"]
    assert user_data["fn"] == [sha256("sukarno")]
    assert "ln" not in user_data


def test_a_national_phone_is_read_in_the_default_country(http, meta):
    http.post(GUIDE, json=booking(customerPhone="0812-3456-789"))
    assert meta.events[0]["user_data"]["ph"] == [sha256("628123456789")]


def test_every_optional_field_reaches_meta(http, meta):
    occurred = int(time.time()) - 3600
    response = http.post(
        GUIDE,
        json=booking(
            eventId="my-id",
            bookingId="BK-2",
            currency="usd",
            totalValue=12.5,
            customerEmail=" Test@Example.COM ",
            city="Jakarta Selatan",
            region="DKI Jakarta",
            postalCode="12190",
            country="ID",
            source="instagram_ad",
            occurredAt=occurred,
            dataset=PIXEL,
        ),
    )
    assert response.json()["eventId"] == "my-id"
    (event,) = meta.events
    assert event["event_id"] == "my-id"
    assert event["event_time"] == occurred
    user_data, custom = event["user_data"], event["custom_data"]
    assert user_data["em"] == [sha256("test@example.com")]
    assert user_data["ct"] == [sha256("jakartaselatan")]
    assert user_data["st"] == [sha256("dkijakarta")]
    assert user_data["zp"] == [sha256("12190")]
    assert user_data["country"] == [sha256("id")]
    assert (custom["value"], custom["currency"]) == (12.5, "USD")
    assert (custom["source"], custom["booking_id"]) == ("instagram_ad", "BK-2")


def test_all_that_is_known_of_a_customer_can_be_told_in_the_guides_words(http, meta):
    told = {
        "customerPhone": ["0812-3456-7890", "0813-1111-2222"], "customerEmail": ["a@x.id", "b@x.id"],
        "firstName": "Budi", "lastName": "Santoso", "gender": "laki-laki", "birthDate": "1990-03-05", "city": "Jaksel",
        "country": "Indonesia", "externalId": "C-1", "leadId": 123456789012345, "language": "Bahasa Indonesia",
        "preferences": {"stylist": "Ani"}, "custom": {"vip": True, "note": "hp 081234567890"},
    }  # fmt: skip
    answer = http.post(GUIDE, json=booking(customerName=..., **told)).json()
    user_data, custom = meta.events[0]["user_data"], meta.events[0]["custom_data"]
    assert [len(user_data[key]) for key in ("ph", "em", "fn", "ln", "ge", "db", "external_id")] == [2, 2, 1, 1, 1, 1, 1]
    assert user_data["ct"] == [sha256("jakartaselatan")]
    assert user_data["st"] == [sha256("dkijakarta")]
    assert user_data["lead_id"] == 123456789012345
    assert (custom["language"], custom["preference_stylist"], custom["vip"]) == ("id", "Ani", True)
    assert "note" not in custom
    assert any(warning.startswith("custom.note:") for warning in answer["warnings"])
    assert any(warning.startswith("city:") for warning in answer["warnings"])


@pytest.mark.parametrize("zone", ["+07:00", "Z"])
def test_an_iso_time_is_taken_with_its_zone(http, meta, zone):
    from datetime import UTC, datetime, timedelta, timezone

    moment = datetime.fromtimestamp(int(time.time()) - 600, UTC if zone == "Z" else timezone(timedelta(hours=7)))
    http.post(GUIDE, json=booking(occurredAt=moment.strftime("%Y-%m-%dT%H:%M:%S") + zone))
    assert meta.events[0]["event_time"] == int(moment.timestamp())


def test_a_test_code_of_ones_own_is_sent_in_development(settings, meta):
    with running(settings(test_code="TEST777"), meta=meta) as server, server.client() as http:
        http.post(GUIDE, json=booking())
    assert meta.requests[0]["test_event_code"] == "TEST777"


def test_production_sends_no_test_code(settings, meta):
    with running(settings(environment="production"), meta=meta) as server, server.client() as http:
        receipt = http.post(GUIDE, json=booking()).json()["receipt"]
        assert http.get(f"{EVENTS}/{receipt}").json()["test_event_code"] is None
    assert set(meta.requests[0]) == {"data"}


def test_production_with_a_test_code_does_not_start(settings):
    with pytest.raises(TestCodeInProduction):
        settings(environment="production", test_code="TEST777")
