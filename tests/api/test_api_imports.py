"""Files of conversions over HTTP: rehearsed, started, sent once, and a verdict on each row."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from api_harness import EVENTS, PATIENCE, lead, running

from konversi.clock import monotonic

IMPORTS = "/v1/imports"
YESTERDAY = f"{datetime.now(ZoneInfo('Asia/Jakarta')) - timedelta(days=1):%d/%m/%Y %H:%M}"
HEAD = "Tanggal;No HP;Nama Pelanggan;Layanan;Total;Kode Booking\n"


def table(*rows):
    return (HEAD + "".join(";".join(row) + "\n" for row in rows)).encode("utf-16")


def sale(booking="", phone="0812-3456-7890", total="Rp 150.000", day=YESTERDAY):
    return [day, phone, "Budi Santoso", "Repaint Bodi Halus", total, booking]


class Shop:
    """A gateway with its own database."""

    def __init__(self, server, http, path):
        self.server, self.http, self.path = server, http, path

    def sent(self, body, **wishes):
        answer = self.http.post(IMPORTS, content=body, params=wishes, headers={"content-type": "text/csv"})
        assert answer.status_code == 202, answer.text
        return self.ended(answer.json()["import"])

    def ended(self, number):
        until = monotonic() + PATIENCE
        while (found := self.http.get(f"{IMPORTS}/{number}").json())["state"] in ("waiting", "running"):
            assert monotonic() < until, found
        return found

    def verdicts(self, found):
        answer = self.http.get(f"{IMPORTS}/{found['import']}/result.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(answer.text)))

    def rows(self, query):
        with closing(sqlite3.connect(self.path)) as kept:
            return kept.execute(query).fetchall()


@pytest.fixture
def shop(settings, meta, tmp_path):
    path = tmp_path / "konversi.db"
    with running(settings(database_url=f"sqlite:///{path}"), meta=meta) as server, server.client() as http:
        yield Shop(server, http, path)


def counts(found):
    return {name: found[name] for name in ("accepted", "repeated", "known", "refused") if found[name]}


def test_a_file_reaches_meta_as_sales_in_a_shop_with_the_time_of_each(shop, meta):
    found = shop.sent(table(sale("BK-1"), sale(phone="6.28E+12"), sale("BK-2", total="gratis")))
    assert (found["state"], found["event"], counts(found)) == ("ended", "Purchase", {"accepted": 2, "refused": 1})
    assert found["columns"]["phone"] == "No HP"
    shop.server.ended(shop.verdicts(found)[0]["receipt"])
    event = meta.events[0]
    assert (event["event_name"], event["action_source"], event["event_id"]) == (
        "Purchase",
        "physical_store",
        "Purchase:BK-1",
    )
    assert event["custom_data"]["value"] == 150000
    told = datetime.fromtimestamp(event["event_time"], ZoneInfo("Asia/Jakarta"))
    assert f"{told:%d/%m/%Y %H:%M}" == YESTERDAY
    one, two, three = shop.verdicts(found)
    assert (one["row"], one["verdict"]) == ("2", "accepted")
    assert (two["verdict"], three["verdict"]) == ("accepted", "refused")
    assert "lost digits" in two["reason"]
    assert "Left out." in two["reason"]
    assert "value: is not an amount" in three["reason"]


def test_the_same_file_twice_sends_nothing_new(shop):
    body = table(sale("BK-1"), sale(), sale(phone="0813-0000-1111"))
    assert counts(shop.sent(body)) == {"accepted": 3}
    assert counts(shop.sent(body)) == {"repeated": 3}
    assert counts(shop.sent(body.decode("utf-16").replace(";", ",").encode(), name="other.csv")) == {"repeated": 3}


def test_what_was_reported_live_is_not_sent_again(shop):
    live = shop.http.post(EVENTS, json=lead(event="Purchase", event_id="pay-77", booking_id="BK-1", value=150000))
    same = shop.http.post(EVENTS, json=lead(event="Purchase", booking_id="BK-2", value=150000))
    assert (live.status_code, same.status_code) == (202, 202)
    found = shop.sent(table(sale("BK-1"), sale("BK-2"), sale("BK-3")))
    assert counts(found) == {"accepted": 1, "known": 2}
    assert shop.verdicts(found)[0]["receipt"] == live.json()["receipt"]


def test_a_rehearsal_sends_nothing_and_says_what_the_real_thing_would(shop):
    body = table(sale("BK-1"), sale("BK-1"), sale(day="1/1/2020"), sale(phone="0813-0000-1111"))
    found = shop.sent(body, dry_run="true")
    assert counts(found) == {"accepted": 2, "repeated": 1, "refused": 1}
    assert found["can_start"]
    assert shop.http.get(EVENTS).json()["events"] == []
    started = shop.http.post(f"{IMPORTS}/{found['import']}/start")
    assert started.json()["dry_run"] is False
    assert counts(shop.ended(found["import"])) == {"accepted": 2, "repeated": 1, "refused": 1}
    assert shop.http.post(f"{IMPORTS}/{found['import']}/start").status_code == 404


def test_the_file_is_kept_encrypted_and_only_as_long_as_it_is_needed(shop):
    found = shop.sent(table(sale("BK-1")), dry_run="true")
    ((sealed,),) = shop.rows("SELECT sealed FROM import_parts")
    assert "Budi".encode("utf-16-le") not in sealed
    shop.http.delete(f"{IMPORTS}/{found['import']}")
    assert shop.rows("SELECT * FROM import_parts") == []
    assert not [name for row in shop.verdicts(found) for name in ("Budi", "3456") if name in str(row)]
    gone = shop.http.get(f"{IMPORTS}/{found['import']}").json()
    assert (gone["state"], gone["can_start"]) == ("discarded", False)


@pytest.mark.parametrize(
    ("body", "wishes", "code"),
    [
        (b"", {}, "unreadable_file"),
        (b"\x89PNG\r\n\x1a\n\0\0", {}, "unreadable_file"),
        (b"PK\x03\x04" + b"x" * 100, {}, "unreadable_file"),
        (b"Catatan;Tanggal\nx;y\n", {}, "unusable_columns"),
        (table(sale()), {"column": "phone=Nomor"}, "unusable_columns"),
        (table(sale()), {"column": "phone"}, "unusable_columns"),
        (table(sale()), {"time_zone": "Bandung"}, "unusable_columns"),
        (table(sale()), {"currency": "RUPIAH"}, "invalid_request"),
    ],
)
def test_what_can_not_be_read_is_refused_with_a_code_and_nothing_is_kept(shop, body, wishes, code):
    answer = shop.http.post(IMPORTS, content=body, params=wishes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert shop.rows("SELECT * FROM import_parts") == []


def test_what_breaks_the_tables_form_far_down_ends_the_file_and_keeps_the_rows_before(shop):
    body = table(*(sale(f"BK-{number}") for number in range(1_200))).decode("utf-16") + '"' + "x\n" * 200_000
    found = shop.sent(body.encode())
    assert (found["state"], found["accepted"]) == ("failed", 1_000)
    assert "can't be read as a table" in found["reason"]
    assert shop.http.get(f"{IMPORTS}/99999").status_code == 404
    assert shop.http.get(f"{IMPORTS}/0").status_code == 404


def test_what_a_spreadsheet_would_run_stands_behind_the_events_name_in_the_verdicts(shop):
    found = shop.sent(table(sale("@SUM(A1)")))
    assert shop.verdicts(found)[0]["event_id"] == "Purchase:@SUM(A1)"
