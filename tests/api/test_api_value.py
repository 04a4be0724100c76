"""What a booking is worth to Meta by the business's rules, through a real door; the business's own figures stay."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import orjson
import pytest
from api_chats import SECRETS, message, phone_of, unused, whatsapp
from api_harness import EVENTS, booking, lead, running

from konversi.cli.app import run as command
from konversi.errors import InvalidSettings
from konversi.matching.strength import telling_keys
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
    assert event["given"] == {"value": 1_500_000, "currency": "IDR"}
    (note,) = [one["text"] for one in event["notes"] if one["code"] == "value_by_rule"]
    assert "IDR 630000 instead of IDR 1500000" in note


def test_a_category_is_sent_and_finds_its_rule(valued):
    service = {"name": "Peeling", "category": "Facial", "quantity": 2}
    event = shown(valued, booking_id="BK-2", services=[service], value=None, currency=None)
    custom = event["sent_to_meta"]["custom_data"]
    assert custom["value"] == 120_000
    assert custom["contents"][0]["category"] == "Facial"


def test_a_category_is_read_at_the_guides_door_as_well(valued):
    with valued.client() as http:
        service = {"serviceName": "Peeling", "category": "Facial"}
        answer = http.post("/api/meta/conversion", json=booking(bookingId="BK-20", services=[service]))
        event = http.get(f"{EVENTS}/{answer.json()['receipt']}").json()
    custom = event["sent_to_meta"]["custom_data"]
    assert (custom["value"], custom["contents"][0]["category"]) == (60_000, "Facial")


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


def test_the_customers_own_payments_make_a_lifetime_and_the_present_one_is_not_counted_twice(settings, rules, tmp_path):
    rules.write_text("[predicted_ltv]\nvisits = 4\nweight = 0\n")
    phone = phone_of(unused())
    given = {"customer": {"phone": phone}, "currency": "IDR"}
    with running(settings(value_rules=rules, database_url=f"sqlite:///{tmp_path}/v.db", **SECRETS)) as gateway:
        with gateway.client() as http:
            assert whatsapp(http, message(phone=phone)).status_code == 200
        first = shown(gateway, event="Purchase", payment_id="P-1", booking_id="BK-1", value=100_000, **given)
        second = shown(gateway, event="Purchase", payment_id="P-2", booking_id="BK-2", value=300_000, **given)
        third = shown(gateway, booking_id="BK-3", value=250_000, **given)
    assert "predicted_ltv" not in first["sent_to_meta"]["custom_data"]
    assert second["sent_to_meta"]["custom_data"]["predicted_ltv"] == 100_000 + 3 * 100_000
    assert third["sent_to_meta"]["custom_data"]["predicted_ltv"] == 400_000 + 2 * 200_000
    assert third["sent_to_meta"]["custom_data"]["value"] == 250_000


def test_a_dry_run_over_http_and_from_the_command_line_says_the_same(valued, rules, monkeypatch, capsys):
    shown(valued, booking_id="BK-7", services=[BOTOX], value=None, currency=None)
    rules.write_text("show_up = 0.5")
    with valued.client() as http:
        assert http.get("/v1/value").json()["source"] == str(rules)
        over_http = http.post("/v1/value/dry-run?days=2", json={"rules": "show_up = 0.5"}).json()
        wrong = http.post("/v1/value/dry-run", json={"rules": "show_up = 5"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "value_rules_invalid")
    assert over_http["by_event"][0]["given"] == [{"currency": "IDR", "value": 1_500_000}]
    assert over_http["by_event"][0]["sent"] == [{"currency": "IDR", "value": 630_000}]
    assert over_http["by_event"][0]["would"] == [{"currency": "IDR", "value": 750_000}]
    monkeypatch.setenv("KONVERSI_URL", valued.url)
    assert command(["value", "dry-run", "--rules", str(rules), "--days", "2", "--json"]) == 0
    said = orjson.loads(capsys.readouterr().out)
    assert said["by_event"] == over_http["by_event"]
    assert command(["value", "dry-run", "--rules", str(rules)]) == 0
    told = capsys.readouterr()
    assert "IDR 630,000" in told.out
    assert "1 would have been told otherwise" in told.err
    assert command(["value", "learn"]) == 0
    assert "14 days old" in capsys.readouterr().err


def test_rules_are_checked_without_being_used(tmp_path, capsys):
    path = tmp_path / "new.toml"
    path.write_text(RULES)
    assert command(["value", "check", str(path)]) == 0
    assert "Rule Botox (service botox*): share 0.7, margin 0.4" in capsys.readouterr().out
    path.write_text("show_up = 7")
    assert command(["value", "check", str(path)]) == 78
    assert "show_up" in capsys.readouterr().err
    assert command(["value", "check"]) == 2


OURS = {"sec-fetch-site": "same-origin"}


def test_rules_are_written_tried_and_kept_on_the_page_and_the_change_is_recorded(settings, tmp_path):
    given = settings(database_url=f"sqlite:///{tmp_path}/v.db")
    with running(given) as gateway, gateway.client(headers=OURS) as http:
        shown(gateway, booking_id="BK-1", services=[BOTOX], value=None, currency=None)
        assert "There are no rules" in http.get("/value").text
        tried = http.post("/value/try", data={"rules": RULES})
        assert "630,000 IDR" in tried.text
        assert "There are no rules" in tried.text
        wrong = http.post("/value/keep", data={"rules": "show_up = 5"})
        assert wrong.status_code == 422
        assert "show_up = 5" in wrong.text
        assert http.get("/audit.json").json()["changes"] == []
        kept = http.post("/value/keep", data={"rules": RULES.replace("\n", "\r\n")}, follow_redirects=False)
        assert kept.status_code == 303
        page = http.get("/value.json").json()
        assert (page["rules_from"], page["text"]) == ("dashboard", RULES.strip())
        (change,) = http.get("/audit.json").json()["changes"]
        assert (change["action"], change["details"]) == ("value_rules_kept", {"rules": 2})
        after = shown(gateway, booking_id="BK-2", services=[BOTOX], value=None, currency=None)
        assert after["sent_to_meta"]["custom_data"]["value"] == 630_000
    with running(given) as again:
        after = shown(again, booking_id="BK-3", services=[BOTOX], value=None, currency=None)
    assert after["sent_to_meta"]["custom_data"]["value"] == 630_000


def test_rules_of_a_file_are_shown_and_not_changed_on_the_page(valued, rules):
    with valued.client(headers=OURS) as http:
        page = http.get("/value").text
        assert str(rules) in page
        assert "/value/keep" not in page
        assert http.post("/value/keep", data={"rules": ""}).status_code == 422
    assert valued.gateway.valuing.values.now.rules.show_up is not None


def test_only_an_admin_writes_rules(settings, tmp_path):
    with running(settings(api_key="own", database_url=f"sqlite:///{tmp_path}/v.db")) as gateway:
        with gateway.client(headers={"authorization": "Bearer own"}) as http:
            key = http.post("/v1/keys", json={"name": "reader", "scope": "read"}).json()["key"]
        with gateway.client(headers={"authorization": f"Bearer {key}", **OURS}) as http:
            assert http.get("/value").status_code == 200
            assert "<textarea" not in http.get("/value").text
            assert http.post("/value/keep", data={"rules": ""}).status_code == 403
            assert http.post("/value/try", data={"rules": ""}).status_code == 403
            assert http.post("/v1/value/dry-run", json={}).status_code == 403


def test_what_is_summed_stands_beside_the_body_and_says_the_same(valued, tmp_path):
    shown(valued, booking_id="BK-1", services=[BOTOX], value=None, currency=None)
    shown(valued, booking_id="BK-2", value=250_000.5, currency="USD", services=[])
    shown(valued, event="Contact", booking_id=None, value=None, currency=None, services=[])
    with closing(sqlite3.connect(tmp_path / "v.db")) as database:
        rows = database.execute("SELECT match_keys, worth, body FROM events ORDER BY id").fetchall()
    assert [worth for _, worth, _ in rows] == ["1500000 IDR", "250000.5 USD", ""]
    for keys, _, body in rows:
        assert keys == ",".join(telling_keys(orjson.loads(body)["user_data"]))
