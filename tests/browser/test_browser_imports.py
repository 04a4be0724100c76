"""A file of sales, sent from a browser: looked at first, then started, with a verdict on each row."""

import csv
import time
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from served import PATIENCE, serving

YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%d/%m/%Y %H:%M}"
SALES = f"""Tanggal;No HP;Nama Pelanggan;Layanan;Total;Kode Booking
{YESTERDAY};0812-3456-7890;Budi Santoso;Repaint Bodi Halus;Rp 150.000;%s-1
{YESTERDAY};0812-3456-7891;Sari Dewi;Repaint Velg;Rp 90.000;%s-2
{YESTERDAY};12;;Repaint Velg;Rp 90.000;
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A gateway in development whose Meta is away."""
    with serving(tmp_path_factory.mktemp("imports"), "http://127.0.0.1:9") as served:
        yield served


def sent(page, address, booking):
    """Send a file by the form, and wait until it has been looked at."""
    page.goto(f"{address}/imports")
    text = SALES.replace("%s", booking)
    page.get_by_label("File").set_input_files(
        {"name": f"{booking}.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Check the file").click()
    page.wait_for_url("**/imports/*")
    ended(page)


def ended(page):
    until = time.monotonic() + PATIENCE
    while page.locator("progress").count():
        assert time.monotonic() < until
        page.get_by_role("link", name="Refresh").click()


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_a_file_is_sent_only_after_one_has_seen_what_comes_of_it(looking, address, script):
    page = looking(java_script_enabled=script)
    booking = f"BK-{script}"
    sent(page, address, booking)
    assert page.get_by_text("2 rows would be sent.").count() == 1
    assert page.get_by_role("region", name="Refused rows").locator("tbody tr").count() == 1
    page.get_by_role("button", name="Send 2 rows").click()
    page.wait_for_url("**/imports/*")
    ended(page)
    assert page.get_by_text("2 rows were sent on their way.").count() == 1
    page.goto(f"{address}/events?q=Purchase:{booking}-1")
    assert page.locator(".rows tbody tr").count() == 1


def test_the_verdicts_come_as_a_file(looking, address, tmp_path):
    page = looking(accept_downloads=True)
    sent(page, address, "BK-verdicts")
    with page.expect_download() as download:
        page.get_by_role("link", name="A verdict on each row").click()
    download.value.save_as(tmp_path / "verdicts.csv")
    with (tmp_path / "verdicts.csv").open(newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == ["accepted", "accepted", "refused"]


def test_columns_that_nobody_understands_are_refused_on_the_form_with_what_to_do(looking, address):
    page = looking(answers=(400, 422))
    page.goto(f"{address}/imports")
    page.get_by_label("File").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"})
    page.get_by_role("button", name="Check the file").click()
    assert "Name the columns yourself" in page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_would_come_of_a_file_fits_phone_and_desk_and_is_accessible(looking, address, scheme):
    page = looking(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    sent(page, address, f"BK-{scheme}")
    for path in (page.url, f"{address}/imports"):
        page.goto(path)
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
