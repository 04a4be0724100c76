"""What the tests of the chat side share: webhook calls as the platforms sign them, and a bot that they are handed to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from api_harness import PATIENCE, FakeMeta, Patient, Running, kept_in

from konversi.intake.whatsapp import samples
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import httpx2

    from konversi.intake.gateway import Gateway
    from konversi.settings import Settings

WHATSAPP, MESSENGER, TWILIO, BAILEYS = (f"/webhooks/{name}" for name in ("whatsapp", "messenger", "twilio", "baileys"))
JOURNEYS = "/v1/journeys"
APP_SECRET, MESSENGER_SECRET = "an-app-secret", "another-app-secret"
TWILIO_TOKEN, BAILEYS_SECRET = "a-twilio-token", "a-bridge-secret"
VERIFY_TOKEN = "a-verify-token"
PUBLIC_URL = "https://chat.example.test"
SECRETS = {
    "whatsapp_app_secret": APP_SECRET,
    "whatsapp_verify_token": VERIFY_TOKEN,
    "messenger_app_secret": MESSENGER_SECRET,
    "messenger_verify_token": VERIFY_TOKEN,
    "twilio_auth_token": TWILIO_TOKEN,
    "baileys_secret": BAILEYS_SECRET,
    "public_url": PUBLIC_URL,
}
WABA = samples.ACCOUNT

_numbers = itertools.count(1)


def unused() -> int:
    """A number that no other test of this process has."""
    return next(_numbers)


def phone_of(number: int) -> str:
    """An Indonesian mobile number in its international spelling."""
    return f"+62812{number:08d}"


def now() -> int:
    return int(time.time())


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed(body: bytes, secret: str = APP_SECRET) -> dict[str, str]:
    """The headers of Meta's call."""
    return {
        "content-type": "application/json",
        "user-agent": "facebookexternalua",
        "x-hub-signature-256": signature(body, secret),
    }


def bytes_of(call: Any) -> bytes:
    return call if isinstance(call, bytes) else samples.as_sent(call)


def whatsapp(http: httpx2.Client, call: Any) -> httpx2.Response:
    """Post a call as Meta does."""
    body = bytes_of(call)
    return http.post(WHATSAPP, content=body, headers=signed(body))


def messenger(http: httpx2.Client, call: Any) -> httpx2.Response:
    body = bytes_of(call)
    return http.post(MESSENGER, content=body, headers=signed(body, MESSENGER_SECRET))


def baileys(http: httpx2.Client, call: Any) -> httpx2.Response:
    return http.post(BAILEYS, json=call, headers={"authorization": f"Bearer {BAILEYS_SECRET}"})


def twilio_signature(form: dict[str, str], url: str = PUBLIC_URL + TWILIO, token: str = TWILIO_TOKEN) -> str:
    """As Twilio's page on webhook security has it: the address, then each name with its value, sorted."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def twilio(http: httpx2.Client, form: dict[str, str], **changed: str) -> httpx2.Response:
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "x-twilio-signature": changed.get("signature", twilio_signature(form)),
    }
    return http.post(TWILIO, content=urlencode(form).encode(), headers=headers)


def message(kind: samples.Kind = "ad-click", **given: Any) -> dict[str, Any]:
    """A call with one message that no other has: of a customer, an ad and a click of its own unless they are given."""
    number = unused()
    told = {
        "message_id": f"wamid.test{number:010d}",
        "at": now() - 60,
        "phone": phone_of(number),
        "ad_id": f"1202{number:014d}",
        "click_id": f"Aff-click-{number:06d}",
        **given,
    }
    return samples.message(kind, **told)


def message_in(call: dict[str, Any]) -> dict[str, Any]:
    return call["entry"][0]["changes"][0]["value"]["messages"][0]


def listed(http: httpx2.Client, **wanted: Any) -> list[dict[str, Any]]:
    return http.get(JOURNEYS, params={"limit": 500, **wanted}).json()["journeys"]


def kinds(journey: dict[str, Any]) -> list[str]:
    return [entry["kind"] for entry in journey["timeline"]]


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait for a condition; what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Bot:
    """The user's own bot: keeps what it gets, and answers as told."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.hold: threading.Event | None = None  # answers wait for it
        self.refused: bytes | None = None  # a body that it never takes
        bot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["content-length"]))
                bot.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, sent))
                if bot.hold is not None:
                    bot.hold.wait(PATIENCE)
                self.send_response(500 if sent == bot.refused else bot.status)
                for name, value in bot.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Who called has gone: a gateway that was stopped, or had no more patience."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.got]

    def close(self) -> None:
        if self.hold is not None:
            self.hold.set()
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()


@contextmanager
def bot(port: int = 0) -> Iterator[Bot]:
    own = Bot(port)
    try:
        yield own
    finally:
        own.close()


def kept_bytes(folder: Path) -> bytes:
    """All that a data folder holds on disk, but the installation's secret."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "secret")


def rows(folder: Path, query: str) -> list[Any]:
    """What the database of a gateway says."""
    database = sqlite3.connect(f"file:{folder / 'konversi.db'}?mode=ro", uri=True)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


class _Delivering(Running):
    """A gateway with its own Graph client and its own store."""

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Gateway]:
        self.loop = asyncio.get_running_loop()
        async with open_gateway(self.settings, clock=Patient()) as gateway:
            self.gateway = gateway
            yield gateway


@contextmanager
def delivering(settings: Settings) -> Iterator[Running]:
    """A gateway that sends to the local Meta of its settings."""
    server = _Delivering(kept_in(settings), None, FakeMeta())
    try:
        server.start()
        yield server
    finally:
        server.stop()
