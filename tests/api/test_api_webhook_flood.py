"""Strangers at the webhooks: refused before their bodies where that can be known, and never much of them in memory."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack, contextmanager

import pytest
from api_chats import (
    BAILEYS,
    MESSENGER,
    SECRETS,
    TWILIO,
    WHATSAPP,
    message,
    message_in,
    samples,
    signed,
    until,
    whatsapp,
)
from api_harness import PATIENCE, PIXEL, TOKEN, is_problem, running
from prometheus_client.parser import text_string_to_metric_families

from konversi.intake.room import Room
from konversi.settings import load

ROOM = 1_000_000  # bytes, half of it for large calls
FORGED = b"X-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\n"


@pytest.fixture
def server(tmp_path):
    with running(load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, **SECRETS)) as one:
        yield one


@pytest.fixture
def http(server):
    with server.client() as client:
        yield client


@contextmanager
def calling(server, path, headers, length):
    """A caller that has sent its headers, and announced a body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (path.encode(), length)
        caller.sendall(head + headers + b"\r\n")
        yield caller


UNLIKELY = {
    "nothing": b"",
    "an empty signature": b"X-Hub-Signature-256:\r\nX-Twilio-Signature:\r\nX-Webhook-Secret:\r\n",
    "no prefix": b"X-Hub-Signature-256: " + b"0" * 64 + b"\r\n",
    "a digit too few": b"X-Hub-Signature-256: sha256=" + b"0" * 63 + b"\r\nX-Twilio-Signature: " + b"A" * 26 + b"=\r\n",
    "no hex": b"X-Hub-Signature-256: sha256=" + b"g" * 64 + b"\r\nX-Twilio-Signature: " + b"-" * 27 + b"=\r\n",
    "SHA-1": b"X-Hub-Signature-256: sha1=" + b"0" * 40 + b"\r\n",
    "another secret": b"Authorization: Bearer another\r\nX-Webhook-Secret: another\r\n",
}


@pytest.mark.parametrize("headers", UNLIKELY.values(), ids=UNLIKELY)
@pytest.mark.parametrize("path", [WHATSAPP, MESSENGER, TWILIO, BAILEYS])
def test_what_cannot_be_the_platforms_is_refused_before_its_body(server, path, headers):
    with calling(server, path, headers, 50_000) as caller:
        assert caller.recv(1_000).startswith(b"HTTP/1.1 401 ")


def test_a_door_without_its_secret_refuses_before_the_body(tmp_path):
    with running(load(data_dir=tmp_path)) as server, calling(server, WHATSAPP, FORGED, 50_000) as caller:
        assert caller.recv(1_000).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    ("path", "headers", "length"),
    [
        (WHATSAPP, FORGED, 4 * 1_048_576 + 1),
        (MESSENGER, FORGED, 4 * 1_048_576 + 1),
        (TWILIO, b"X-Twilio-Signature: " + b"A" * 27 + b"=\r\n", 65_537),
    ],
)
def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(server, path, headers, length):
    with calling(server, path, headers, length) as caller:
        assert caller.recv(1_000).startswith(b"HTTP/1.1 413 ")


def call_of(size):
    """A genuine call with so long a text."""
    call = message()
    message_in(call)["text"]["body"] = "x" * size
    return samples.as_sent(call)


def answered(callers, number):
    """What so many of them were answered; the others are in it with nothing."""
    said = dict.fromkeys(callers, b"")

    def enough():
        ready, _, _ = select.select([one for one in callers if not said[one]], [], [], 0.01)
        said.update((one, one.recv(4_000)) for one in ready)
        return len([one for one in said.values() if one]) >= number

    until(enough, f"{number} were answered")
    return [one for one in said.values() if one]


def test_strangers_together_hold_only_so_much_and_ordinary_calls_still_come_through(server, http):
    server.gateway.room_for_strangers = room = Room(ROOM)
    with ExitStack() as stack:
        slow = [stack.enter_context(calling(server, WHATSAPP, FORGED, 300_000)) for _ in range(6)]
        for caller in slow:
            caller.sendall(b"x" * 299_999)
        refused = answered(slow, 5)
        assert [one[:13] for one in refused] == [b"HTTP/1.1 503 "] * 5
        assert all(b"\r\nretry-after: 5\r\n" in one and b"webhooks_crowded" in one for one in refused)
        until(lambda: room._taken == 299_999, "only one of them is held")
        is_problem(whatsapp(http, call_of(250_000)), status=503, code="webhooks_crowded")

        body = call_of(10)
        head = b"".join(f"{name}: {value}\r\n".encode() for name, value in signed(body).items())
        with calling(server, WHATSAPP, head, len(body)) as caller:  # its body comes after its headers
            caller.sendall(body)
            assert caller.recv(1_000).startswith(b"HTTP/1.1 200 ")
    until(lambda: room._taken == 0, "the strangers have gone")
    assert whatsapp(http, call_of(250_000)).status_code == 200
    assert room._taken == 0


def refusals(http):
    families = text_string_to_metric_families(http.get("/metrics").text)
    return {
        (one.labels["platform"], one.labels["reason"]): one.value
        for family in families
        for one in family.samples
        if one.name == "konversi_webhooks_refused_total"
    }


def test_refused_calls_are_counted_by_platform_and_reason_and_told_once_without_a_word_of_them(http, caplog):
    assert refusals(http) == {}
    for _ in range(3):
        http.post(WHATSAPP, content=b"rahasia")
    http.post(WHATSAPP, content=b"rahasia", headers=signed(b"rahasia"))
    http.get(MESSENGER, params={"hub.verify_token": "rahasia"})
    http.put(TWILIO)
    http.post("/webhooks/rahasia", content=b"{}")
    whatsapp(http, message())
    assert refusals(http) == {
        ("whatsapp", "webhook_unsigned"): 3,
        ("whatsapp", "malformed_json"): 1,
        ("messenger", "webhook_not_verified"): 1,
        ("twilio", "method_not_allowed"): 1,
    }
    assert caplog.text.count("webhooks_refused") == 1
    assert "rahasia" not in caplog.text
