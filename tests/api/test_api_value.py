"""What a booking is worth to Meta by the business's rules, through a real door; the business's own figures stay."""

from __future__ import annotations

import pytest
from api_harness import EVENTS, lead, running

from konversi.cli.app import run as command
from konversi.errors import InvalidSettings
from konversi.wiring import open_gateway

RULES = """
currency = "IDR"
show_up = 0.6
[rates]
USD = 16000
[stages.QualifiedLead]
show_up = 0.5
[[rules]]
name = "Botox"
service = "botox*"
share = 0.7
margin = 0.4
[[rules]]
name = "Facials"
category = "facial"
fixed = 100_000
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "value.toml"
    path.write_text(RULES)
    return path


@pytest.fixture
def valued(settings, rules, tmp_path):
    with running(settings(value_rules=rules, database_url=f"sqlite:///{tmp_path}/v.db")) as gateway:
        yield gateway


def shown(gateway, **changed):
    with gateway.client() as http:
        answer = http.post(EVENTS, json=lead(**changed))
        assert answer.status_code == 202, answer.text
        return http.get(f"{EVENTS}/{answer.json()['receipt']}").json()


BOTOX = {"name": "Botox Dahi", "price": 1_500_000}


def test_meta_gets_the_rules_value_and_the_event_says_why(valued):
    event = shown(valued, booking_id="BK-1", services=[BOTOX], value=None, currency=None)
    custom = event["sent_to_meta"]["custom_data"]
    assert (custom["value"], custom["currency"], custom["net_revenue"]) == (630_000, "IDR", 252_000)
    (note,) = [one["text"] for one in event["notes"] if one["code"] == "value_by_rule"]
    assert "IDR 630000 instead of IDR 1500000" in note


def test_a_category_is_sent_and_finds_its_rule(valued):
    service = {"name": "Peeling", "category": "Facial", "quantity": 2}
    event = shown(valued, booking_id="BK-2", services=[service], value=None, currency=None)
    custom = event["sent_to_meta"]["custom_data"]
    assert custom["value"] == 120_000
    assert custom["contents"][0]["category"] == "Facial"


def test_a_rule_that_can_not_be_applied_refuses_nothing(valued):
    event = shown(valued, booking_id="BK-3", services=[BOTOX], value=100, currency="SGD")
    custom = event["sent_to_meta"]["custom_data"]
    assert (custom["value"], custom["currency"]) == (100, "SGD")
    assert "value_rule_unusable" in [one["code"] for one in event["notes"]]


def test_a_repeat_under_other_rules_is_still_a_repeat(valued, settings, rules, tmp_path):
    first = shown(valued, booking_id="BK-4", services=[BOTOX])
    valued.stop()
    rules.write_text('[[rules]]\nname = "All"\nshare = 0.1\n')
    with running(settings(value_rules=rules, database_url=f"sqlite:///{tmp_path}/v.db")) as again:
        second = shown(again, booking_id="BK-4", services=[BOTOX])
    assert second["receipt"] == first["receipt"]
    assert second["sent_to_meta"] == first["sent_to_meta"]


def test_a_payment_is_told_as_it_was_paid_with_the_margin_of_what_was_booked(valued):
    shown(valued, booking_id="BK-5", services=[BOTOX], value=None, currency=None)
    event = shown(valued, event="Purchase", booking_id="BK-5", payment_id="P-5", value=1_200_000, currency="IDR")
    custom = event["sent_to_meta"]["custom_data"]
    assert (custom["value"], custom["net_revenue"]) == (1_200_000, 480_000)
    assert custom["contents"] == [{"id": "Botox Dahi", "title": "Botox Dahi", "quantity": 1}]


def test_a_payment_of_the_price_is_not_flagged_as_another_amount(valued):
    shown(valued, booking_id="BK-6", services=[BOTOX], value=None, currency=None)
    shown(valued, event="Purchase", booking_id="BK-6", payment_id="P-6", value=1_500_000, currency="IDR")
    with valued.client() as http:
        (payment,) = [one for one in http.get("/v1/payments").json()["payments"] if one["booking_id"] == "BK-6"]
    assert not payment["flag"]


async def test_a_broken_file_refuses_the_start(settings, tmp_path):
    for name, text in (("a", "share ="), ("b", '[[rules]]\nname = "R"\nshare = -1'), ("c", b"\xff\xfe")):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(InvalidSettings) as caught:
            async with open_gateway(settings(value_rules=path)):
                pass
        assert caught.value.code == "value_rules_invalid"
        assert str(path) in str(caught.value)
    with pytest.raises(InvalidSettings, match="can't be read"):
        async with open_gateway(settings(value_rules=tmp_path / "nowhere")):
            pass


def test_a_start_with_broken_rules_ends_as_wrong_settings_do(rules, monkeypatch, capsys):
    rules.write_text("share =")
    monkeypatch.setenv("KONVERSI_VALUE_RULES", str(rules))
    assert command(["serve", "--port", "0"]) == 78
    assert "value rules can't be used" in capsys.readouterr().err
