"""`Konversi` in the bot's own process, and towards a running gateway."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import api_payments
import pytest
from api_harness import EVENTS, GUIDE, PATIENCE, PIXEL, TOKEN, TRACE, FakeMeta, running

from konversi import Customer, Konversi, Lead, Purchase, Service, SyncKonversi
from konversi.cli.simulating import signature
from konversi.client import process
from konversi.errors import (
    BodyTooLarge,
    GatewayUnreachable,
    IdempotencyConflict,
    InvalidSettings,
    KonversiError,
    NotFound,
    Overloaded,
    ShuttingDown,
    StorageInUse,
    StorageUnavailable,
    Unauthorized,
    WebhookUnsigned,
)
from konversi.events.agent import ToolUse
from konversi.events.faults import Refused
from konversi.intake.payments.samples import PROVIDERS
from konversi.intake.payments.samples import call as payment_call
from konversi.intake.whatsapp import samples
from konversi.outbox.memory import MemoryOutbox
from konversi.settings import load

CUSTOMER = Customer(phone="0812-3456-7890", name="Test Customer")


def booking(number="BK-1001", **changed):
    return Lead(**{"booking_id": number, "customer": CUSTOMER, "value": 150000, **changed})


@contextmanager
def answering(status=200, body=b"{}", *, hang=None):
    """An HTTP server that gives one answer to everything, once `hang` (an event) is set."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            sent = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, dict(self.headers), sent))
            if hang is not None:
                hang.wait(PATIENCE)
            answer = body(json.loads(sent)) if callable(body) else body
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        if hang is not None:
            hang.set()
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def received(sent):
    """What Meta says when all is well."""
    return json.dumps({"events_received": len(sent["data"]), "messages": [], "fbtrace_id": TRACE}).encode()


@pytest.fixture
def here(tmp_path):
    """Settings of a gateway in this process, without Meta's address."""
    return {"pixel_id": PIXEL, "token": TOKEN, "data_dir": tmp_path / "own"}


async def test_a_conversion_tracked_in_process_reaches_meta(here):
    with answering(body=received) as (url, asked):
        async with Konversi(**here, graph_url=url) as konversi:
            receipt = await konversi.track(
                Purchase(
                    booking_id="BK-1", customer=CUSTOMER, value=150000, services=[Service(name="Repaint", price=150000)]
                )
            )
            assert receipt.receipt == "rc_000000000001"
            assert receipt.event_id == "Purchase:BK-1"
            assert receipt.repeat is False
            event = await konversi.event(receipt.receipt, wait=PATIENCE)
    assert event["state"] == "delivered"
    ((path, headers, sent),) = asked
    assert path == f"/v26.0/{PIXEL}/events"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN.encode() not in sent
    assert json.loads(sent)["data"][0]["custom_data"]["value"] == 150000
    assert json.loads(sent)["test_event_code"] == "TEST12345"


async def test_tracking_returns_while_meta_hangs(here):
    hang = threading.Event()
    with answering(body=received, hang=hang) as (url, asked):
        async with Konversi(**here, graph_url=url) as konversi:
            for number in range(5):
                began = time.monotonic()
                await konversi.track(booking(f"BK-{number}"))
                assert time.monotonic() - began < 1
            assert (await konversi.event("rc_000000000001", wait=0.1))["state"] in ("waiting", "sending")
            hang.set()
            assert (await konversi.event("rc_000000000001", wait=PATIENCE))["state"] == "delivered"
    assert asked


async def test_tracking_never_raises_because_of_meta(here):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with Konversi(**here, graph_url=url) as konversi:
        receipt = await konversi.track(booking())
        event = await konversi.event(receipt.receipt, wait=PATIENCE)
    assert event["state"] == "waiting"
    assert event["attempts"][0]["verdict"] == "not_sent"


async def test_tracking_without_credentials_keeps_the_event(tmp_path):
    async with Konversi(data_dir=tmp_path / "own") as konversi:
        receipt = await konversi.track(booking())
        assert (await konversi.event(receipt.receipt, wait=PATIENCE))["state"] == "waiting"


async def test_an_event_outlives_the_bot(here, tmp_path):
    async with Konversi(data_dir=here["data_dir"]) as konversi:
        receipt = await konversi.track(booking())
    with answering(body=received) as (url, _):
        async with Konversi(**here, graph_url=url) as konversi:
            assert (await konversi.event(receipt.receipt, wait=PATIENCE))["state"] == "delivered"


async def test_two_gateways_can_not_own_one_store(here):
    async with Konversi(**here):
        with pytest.raises(StorageInUse):
            await Konversi(**here).__aenter__()


async def test_a_conversion_of_too_little_raises_with_each_fault(here):
    async with Konversi(**here) as konversi:
        with pytest.raises(Refused) as refused:
            await konversi.track(Lead(customer=Customer(city="Jakarta")))
    assert refused.value.faults[0].code == "customer_insufficient"


async def test_it_has_to_be_opened_first(here):
    konversi = Konversi(**here)
    with pytest.raises(RuntimeError, match="async with"):
        await konversi.track(booking())
    async with konversi:
        pass
    with pytest.raises(RuntimeError, match="async with"):
        await konversi.track(booking())


def test_a_wrong_setting_is_said_before_anything_opens():
    with pytest.raises(InvalidSettings, match="META_PIXEL_ID"):
        Konversi(pixel_id="not digits")


async def test_a_conversion_sent_to_a_running_gateway_reaches_meta(gateway, meta):
    async with Konversi(url=gateway.url) as konversi:
        receipt = await konversi.track(booking())
        event = await konversi.event(receipt.receipt, wait=PATIENCE)
    assert event["state"] == "delivered"
    assert event["event_id"] == receipt.event_id == "Lead:BK-1001"
    assert receipt.event == 1
    assert [one["event_id"] for one in meta.events] == ["Lead:BK-1001"]


async def test_the_same_conversion_means_the_same_both_ways(gateway, meta, here):
    conversion = booking(custom={"n": 1.5, "yes": True}, services=[Service(name="a", price=1.25)], source="bot")
    async with Konversi(url=gateway.url) as konversi:
        far = (await konversi.event((await konversi.track(conversion)).receipt))["sent_to_meta"]
    async with Konversi(data_dir=here["data_dir"]) as konversi:
        near = (await konversi.event((await konversi.track(conversion)).receipt))["sent_to_meta"]
    assert {**far, "event_time": 0} == {**near, "event_time": 0}


async def test_a_repeat_and_notes_come_over_the_wire(gateway):
    conversion = booking(customer=Customer(phone="0812-3456-7890", email="no address"))
    async with Konversi(url=gateway.url) as konversi:
        first = await konversi.track(conversion)
        second = await konversi.track(conversion)
    assert [note.about for note in first.notes] == ["customer.email"]
    assert second == first._replace(repeat=True)


async def test_the_key_goes_along(settings):
    with running(settings(api_key="the-key")) as server:
        async with Konversi(url=server.url, api_key="the-key") as konversi:
            assert (await konversi.track(booking())).receipt
        async with Konversi(url=server.url, api_key="wrong") as konversi:
            with pytest.raises(Unauthorized):
                await konversi.track(booking())


async def test_refusals_over_the_wire_are_the_same_as_here(gateway, here):
    poor = Lead(customer=Customer(city="Jakarta", email="x"), currency="XYZ")
    faults = []
    for given in ({"url": gateway.url}, here):
        async with Konversi(**given) as konversi:
            with pytest.raises(Refused) as refused:
                await konversi.track(poor)
            faults.append(refused.value.faults)
    assert faults[0] == faults[1]


async def test_a_conflict_over_the_wire_is_a_conflict(gateway):
    async with Konversi(url=gateway.url) as konversi:
        await konversi.track(booking())
        with pytest.raises(IdempotencyConflict):
            await konversi.track(booking(value=1))


@pytest.mark.parametrize("receipt", ["rc_000000000077", "nonsense"])
async def test_an_unknown_receipt_is_not_found_either_way(gateway, here, receipt):
    for given in ({"url": gateway.url}, here):
        async with Konversi(**given) as konversi:
            with pytest.raises(NotFound):
                await konversi.event(receipt)


class FailingOutbox(MemoryOutbox):
    def __init__(self, reason):
        super().__init__()
        self.reason = reason

    async def append(self, events):
        raise self.reason


@pytest.mark.parametrize(
    "reason",
    [
        Overloaded(),
        StorageUnavailable("disk full"),
        ShuttingDown(),
        BodyTooLarge(),
    ],
    ids=lambda reason: reason.code,
)
async def test_an_error_over_the_wire_is_of_the_same_class(settings, reason):
    with running(settings(), outbox=FailingOutbox(reason)) as server:
        async with Konversi(url=server.url) as konversi:
            with pytest.raises(type(reason)) as raised:
                await konversi.track(booking())
    assert raised.value.detail == reason.detail


async def test_every_error_over_the_wire_is_one_of_konversis(settings):
    with running(settings(), outbox=FailingOutbox(ValueError("x"))) as server:
        async with Konversi(url=server.url) as konversi:
            with pytest.raises(KonversiError):
                await konversi.track(booking())


async def test_a_gateway_that_is_not_there_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with Konversi(url=url) as konversi:
        with pytest.raises(GatewayUnreachable) as raised:
            await konversi.track(booking())
    assert "konversi serve" in raised.value.remedy()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>Bad gateway"),
        (404, b"not here"),
        (400, b'["x"]'),
        (200, b"<html>Welcome"),
        (200, b"{}"),
        (400, b'{"errors": ["x"]}'),
        (400, b'{"errors": [{"message": "x"}]}'),
    ],
)
async def test_something_that_is_no_gateway_is_said_to_be_none(status, body):
    with answering(status, body) as (url, _):
        async with Konversi(url=url) as konversi:
            with pytest.raises(GatewayUnreachable):
                await konversi.track(booking())


async def test_the_address_may_come_from_the_environment(gateway, monkeypatch):
    monkeypatch.setenv("KONVERSI_URL", gateway.url)
    async with Konversi() as konversi:
        await konversi.track(booking())
    with gateway.client() as http:
        assert len(http.get(EVENTS).json()["events"]) == 1


def test_the_synchronous_twin_tracks_in_process(here):
    with answering(body=received) as (url, _), SyncKonversi(**here, graph_url=url) as konversi:
        receipt = konversi.track(booking())
        assert konversi.event(receipt.receipt, wait=PATIENCE)["state"] == "delivered"
        assert konversi.submit(booking()).result(PATIENCE).repeat is True


def test_the_synchronous_twin_sends_to_a_running_gateway(gateway):
    with SyncKonversi(url=gateway.url) as konversi:
        receipt = konversi.track(booking())
        assert konversi.event(receipt.receipt, wait=PATIENCE)["state"] == "delivered"
        with pytest.raises(Refused):
            konversi.track(Lead())


def test_the_synchronous_twin_returns_while_meta_hangs(here):
    hang = threading.Event()
    with answering(body=received, hang=hang) as (url, _), SyncKonversi(**here, graph_url=url) as konversi:
        began = time.monotonic()
        konversi.track(booking())
        assert time.monotonic() - began < 1
        hang.set()


def test_the_synchronous_twin_serves_many_threads(here):
    receipts = []
    with SyncKonversi(data_dir=here["data_dir"]) as konversi:

        def track(number):
            receipts.append(konversi.track(booking(f"BK-{number}")).receipt)

        threads = [threading.Thread(target=track, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert len(set(receipts)) == 8


@contextmanager
def busy(konversi):
    """The gateway's thread does something else for as long as the block takes."""
    begun, go_on = threading.Event(), threading.Event()
    konversi._loop.call_soon_threadsafe(lambda: (begun.set(), go_on.wait(PATIENCE)))
    assert begun.wait(PATIENCE)
    try:
        _let_the_writer_finish(konversi)
        yield
    finally:
        go_on.set()


def _let_the_writer_finish(konversi):
    """The gateway signs in when it starts, and a caller who finds the writer at work goes to its thread."""
    writer, last = konversi._konversi._inside._gateway.outbox.database.writer, threading.Event()
    writer.call(lambda _: last.set(), lambda _: None)
    assert last.wait(PATIENCE)
    with writer._turn:
        return


@pytest.fixture
def quick(monkeypatch):
    for limit in ("_QUICK_SECONDS", "_NOTICED_SECONDS"):
        monkeypatch.setattr(f"konversi.database.sqlite_writer.{limit}", 60.0)


def test_a_booking_is_written_in_the_callers_own_thread_and_delivered_by_the_gateways(here, quick):
    with answering(body=received) as (url, _), SyncKonversi(**here, graph_url=url) as konversi:
        with busy(konversi):
            first = konversi.submit(booking())
            assert first.done()
            assert konversi.track(booking()) == first.result()._replace(repeat=True)
            with pytest.raises(IdempotencyConflict):
                konversi.track(booking(value=999))
            with pytest.raises(Refused):
                konversi.track(Lead())
        assert konversi.event(first.result().receipt, wait=PATIENCE)["state"] == "delivered"


def test_a_booking_in_the_callers_own_thread_finds_its_click(here, quick):
    with SyncKonversi(data_dir=here["data_dir"], whatsapp_app_secret="app-secret") as konversi:
        konversi.webhook("whatsapp", *signed_click("+6281234567890"))
        with busy(konversi):
            receipt = konversi.track(booking())
        sent = konversi.event(receipt.receipt)["sent_to_meta"]
    assert sent["user_data"]["ctwa_clid"] == "Aff-client"


def test_a_booking_that_would_have_to_wait_for_the_disk_goes_to_the_gateways_thread(here, quick, monkeypatch):
    with SyncKonversi(data_dir=here["data_dir"]) as konversi:
        monkeypatch.setattr("konversi.database.sqlite_writer._QUICK_SECONDS", -1.0)
        with busy(konversi):
            konversi.track(booking("BK-1"))  # the last one that finds the disk quick
            written = konversi.submit(booking("BK-2"))
            assert not written.done()
        assert written.result(PATIENCE).event_id == "Lead:BK-2"


def test_every_note_of_the_synchronous_twin_that_was_taken_is_told_what_became_of_it_also_while_it_closes(here):
    written, begun = [], threading.Event()

    def tell():
        with contextlib.suppress(RuntimeError):
            while True:
                written.append(konversi.note(ToolUse(tool="book", outcome="succeeded")))
                begun.set()
                time.sleep(0.001)

    with SyncKonversi(data_dir=here["data_dir"]) as konversi:
        threads = [threading.Thread(target=tell) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert begun.wait(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
    assert all(one.done() for one in written)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_is_refused_its_notes_at_once(here):
    with SyncKonversi(data_dir=here["data_dir"]) as konversi, konversi._notes._lock:  # as another thread may have it
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            try:
                konversi.note(ToolUse(tool="book", outcome="succeeded"))
            except RuntimeError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_synchronous_twin_says_why_it_can_not_open(here, tmp_path):
    taken = tmp_path / "file"
    taken.write_text("")
    with pytest.raises(StorageUnavailable):
        SyncKonversi(data_dir=taken).__enter__()


def test_the_synchronous_twin_has_to_be_opened_first(here):
    with pytest.raises(RuntimeError, match="with SyncKonversi"):
        SyncKonversi(**here).track(booking())
    with SyncKonversi(data_dir=here["data_dir"]) as konversi:
        pass
    with pytest.raises(RuntimeError, match="with SyncKonversi"):
        konversi.track(booking())


async def test_the_synchronous_twin_can_be_used_beside_an_event_loop(here):
    with SyncKonversi(data_dir=here["data_dir"]) as konversi:
        receipt = await asyncio.wrap_future(konversi.submit(booking()))
    assert receipt.event_id == "Lead:BK-1001"


@pytest.fixture
def default(monkeypatch, tmp_path):
    monkeypatch.setattr(process, "_opened", None)
    monkeypatch.setenv("KONVERSI_DATA_DIR", str(tmp_path / "default"))
    yield
    if process._opened is not None:
        process._opened.close()
        atexit.unregister(process._opened.close)


def test_the_default_tracker_is_one_for_the_process_and_opens_by_itself(default, tmp_path):
    made = []
    threads = [threading.Thread(target=lambda: made.append(process.default_tracker())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len({id(one) for one in made}) == 1
    assert made[0].track(booking()).event_id == "Lead:BK-1001"
    assert (tmp_path / "default" / "konversi.db").exists()


def test_the_default_tracker_uses_the_gateway_of_the_environment(default, gateway, monkeypatch):
    monkeypatch.setenv("KONVERSI_URL", gateway.url)
    assert process.default_tracker().track(booking()).receipt == "rc_000000000001"
    with gateway.client() as http:
        assert http.get(GUIDE).status_code == 200
        assert len(http.get(EVENTS).json()["events"]) == 1


def signed_click(phone):
    call = samples.message("ad-click", message_id="wamid.1", at=int(time.time()), phone=phone, click_id="Aff-client")
    body = samples.as_sent(call)
    return {"Content-Type": "application/json", "X-Hub-Signature-256": signature("app-secret", body)}, body


async def told(konversi):
    """A click, again, and forged; then the booking that it led to."""
    headers, body = signed_click("+6281234567890")
    assert b'"received":1' in await konversi.webhook("whatsapp", headers, body)
    assert b'"repeated":1' in await konversi.webhook("whatsapp", headers, body)
    with pytest.raises(WebhookUnsigned):
        await konversi.webhook("whatsapp", headers, body + b" ")
    receipt = await konversi.track(booking(customer=Customer(phone="0812-3456-7890")))
    return (await konversi.event(receipt.receipt))["sent_to_meta"]["user_data"]["ctwa_clid"]


async def paid(konversi):
    """A booking, then its payment by each provider, again, and forged."""
    await konversi.track(booking(booking_id="BK-9", customer=Customer(phone="0812-3456-7890")))
    for provider in PROVIDERS:
        told = api_payments.told("paid", f"{provider}-9", "BK-9")
        body, headers = payment_call(provider, told, api_payments.KEYS[provider])
        assert b'"accepted":1' in await konversi.webhook(provider, headers, body)
        assert b'"repeated":1' in await konversi.webhook(provider, headers, body)
        _, forged = payment_call(provider, told, "another secret")
        with pytest.raises(WebhookUnsigned):
            await konversi.webhook(provider, forged, body.replace(b"BK-9", b"BK-8"))


async def test_a_shop_that_gets_the_payment_webhooks_itself_hands_them_over_in_process(here):
    with answering(body=received) as (url, _asked):
        async with Konversi(**here, graph_url=url, **api_payments.SECRETS) as konversi:
            await paid(konversi)


def test_a_shop_that_gets_the_payment_webhooks_itself_hands_them_over_to_a_gateway(tmp_path, run):
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, **api_payments.SECRETS)

    async def elsewhere(url):
        async with Konversi(url=url) as konversi:
            await paid(konversi)

    with running(given, meta=FakeMeta()) as gateway:
        run(elsewhere(gateway.url))
        with gateway.client() as http:
            assert len(http.get("/v1/payments").json()["payments"]) == 3


async def test_a_bot_that_gets_the_webhooks_itself_hands_them_over_in_process(here):
    with answering(body=received) as (url, _asked):
        async with Konversi(**here, graph_url=url, whatsapp_app_secret="app-secret") as konversi:
            assert await told(konversi) == "Aff-client"


def test_a_bot_that_gets_the_webhooks_itself_hands_them_over_to_a_gateway(tmp_path, run):
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, whatsapp_app_secret="app-secret")

    async def elsewhere(url):
        async with Konversi(url=url) as konversi:
            return await told(konversi)

    with running(given, meta=FakeMeta()) as gateway:
        assert run(elsewhere(gateway.url)) == "Aff-client"
