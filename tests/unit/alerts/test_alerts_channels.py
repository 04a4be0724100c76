"""What receivers get: a real HTTP server and a real SMTP server on this machine."""

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from konversi.alerts.email import Mail
from konversi.alerts.webhook import AlertNotTold, Webhook, signature

BODY = json.dumps(
    {
        "type": "alert.opened",
        "data": {
            "severity": "error",
            "rule": "token_fault",
            "dataset": "default",
            "what": "Invalid access token.",
            "remedy": "Renew it.",
            "opened_at": "2026-01-01T00:00:00.000+00:00",
            "resolved_at": None,
        },
    }
)


@contextmanager
def receiver(status=204, headers=()):
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/hook?a=1", got
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def mail_server():
    """Takes one message, as SMTP says."""
    got = []

    def serve():
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 here\r\n")
            for line in lines:
                if line.upper().startswith(b"DATA"):
                    connection.sendall(b"354 go on\r\n")
                    got.append(b"".join(iter(lines.readline, b".\r\n")).decode())
                connection.sendall(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 fine\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}", got
        thread.join()


def hook(url, *, local=True):
    return Webhook(url, "a secret", lambda: 1_700_000_000.9, private=False, local=local)


async def test_a_webhook_gets_the_alert_signed():
    with receiver() as (url, got):
        await hook(url).tell("alert_1", BODY)
    ((headers, body),) = got
    headers = {name.lower(): value for name, value in headers.items()}
    assert body.decode() == BODY
    assert headers["host"].startswith("localhost:")
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("alert_1", "1700000000")
    assert headers["webhook-signature"] == signature("a secret", "alert_1", 1_700_000_000, body)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 500])
async def test_redirects_are_not_followed_and_refusals_are_faults(status):
    with (
        receiver() as (elsewhere, reached),
        receiver(status, [("location", elsewhere)]) as (url, _),
        pytest.raises(AlertNotTold, match=str(status)),
    ):
        await hook(url).tell("alert_1", BODY)
    assert reached == []


async def test_this_machine_is_not_called_in_production():
    with receiver() as (url, got), pytest.raises(AlertNotTold, match="https"):
        await hook(url, local=False).tell("alert_1", BODY)
    assert got == []


async def test_an_e_mail_says_what_happened_and_what_to_do():
    with mail_server() as (url, got):
        await Mail(url, "konversi@example.com", ["ops@example.com"]).tell("alert_1", BODY)
    (message,) = got
    assert "Subject: [error] Konversi needs you: token_fault, dataset default" in message
    assert "Invalid access token." in message
    assert "What to do: Renew it." in message
    assert "Message-ID: <alert_1@konversi>" in message


async def test_a_mail_server_that_is_away_is_a_fault():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(AlertNotTold, match="ConnectionRefusedError"):
        await Mail(f"smtp://127.0.0.1:{port}", "konversi@example.com", ["ops@example.com"]).tell("alert_1", BODY)
