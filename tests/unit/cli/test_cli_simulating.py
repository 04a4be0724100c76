from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from konversi.cli.options import Simulated
from konversi.cli.simulating import WebhookUnreachable, simulate
from konversi.errors import InvalidRequest
from konversi.intake.signatures import signed_by_meta
from konversi.intake.whatsapp import cloud, samples

SECRET = "an-app-secret"


class Webhook:
    """A bot that takes signed calls only."""

    def __init__(self):
        self.calls = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                signed = signed_by_meta(SECRET, body, self.headers["x-hub-signature-256"])
                outer.calls.append(body)
                self.send_response(200 if signed else 401)
                self.end_headers()
                self.wfile.write(b"taken" if signed else b"who are you?")

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/whatsapp"


@pytest.fixture
def webhook():
    bot = Webhook()
    thread = threading.Thread(target=bot.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield bot
    bot.server.shutdown()
    thread.join(10)
    bot.server.server_close()


@pytest.mark.parametrize("kind", samples.KINDS)
def test_a_signed_call_of_each_kind_is_taken(webhook, kind, capsys):
    assert simulate(webhook.url, Simulated(kind), secret=SECRET, as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["status"], said["answer"], said["signed"]) == (kind, 200, "taken", True)
    (arrival,) = cloud.hear(json.loads(webhook.calls[0]), 2_000_000_000).arrivals
    assert arrival.message == said["message_id"]
    assert said["click_id"] == (arrival.referral.click_id if arrival.referral else None)


def test_what_is_chosen_arrives(webhook):
    message = Simulated(
        phone="+62 811-2222-3333", ad_id="120999", click_id="click-9", text="Halo 🏍️", name="Ani", waba="555", line="666"
    )
    assert simulate(webhook.url, message, secret=SECRET) == 0
    (arrival,) = cloud.hear(json.loads(webhook.calls[0]), 2_000_000_000).arrivals
    assert (arrival.who.phone, arrival.who.name) == ("+6281122223333", "Ani")
    assert (arrival.referral.ad_id, arrival.referral.click_id) == ("120999", "click-9")
    assert (arrival.account, arrival.line) == ("555", "666")
    assert b"\\ud83c\\udfcd" in webhook.calls[0]


def test_two_calls_are_two_messages_after_two_clicks(webhook):
    simulate(webhook.url, Simulated(), secret=SECRET)
    simulate(webhook.url, Simulated(), secret=SECRET)
    assert len(set(webhook.calls)) == 2
    first, second = (cloud.hear(json.loads(call), 2_000_000_000).arrivals[0] for call in webhook.calls)
    assert first.message != second.message
    assert first.referral.click_id
    assert first.referral.click_id != second.referral.click_id


@pytest.mark.parametrize("secret", [None, "another-secret"])
def test_a_refusal_is_shown_and_fails_the_command(webhook, secret, capsys):
    assert simulate(webhook.url, Simulated(), secret=secret) == 1
    shown = capsys.readouterr()
    assert "401" in shown.out
    assert "who are you?" in shown.out
    assert ("unsigned" in shown.err) == (secret is None)


def test_an_address_without_an_answer_is_named_without_its_secrets():
    with pytest.raises(WebhookUnreachable) as caught:
        simulate("http://budi:hunter2@127.0.0.1:1/hook?token=hunter3", Simulated(), secret=SECRET)
    assert "http://127.0.0.1:1/hook" in str(caught.value)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "localhost:3000", "ftp://example.com", "http://", "http://h:port/", "http://[::1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidRequest):
        simulate(url, Simulated(), secret=SECRET)


@pytest.mark.parametrize("phone", ["0812-3456-7890", "budi", ""])
def test_a_phone_without_its_country_code_is_refused(phone):
    with pytest.raises(InvalidRequest):
        simulate("http://127.0.0.1:1/", Simulated(phone=phone))
