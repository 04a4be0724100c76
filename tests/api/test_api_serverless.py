"""The gateway on a serverless platform: no lifespan, nothing between the calls, any event loop."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import api_payments
import psycopg
import pytest
from api_chats import APP_SECRET, SECRETS, WABA, bot, bytes_of, message, message_in, signed
from api_harness import EVENTS, GUIDE, PATIENCE, PIXEL, TOKEN, booking, lead

from konversi.aftercare import erasing
from konversi.intake.http.apart import Apart
from konversi.intake.payments.samples import PROVIDERS
from konversi.intake.payments.samples import call as payment_call
from konversi.sandbox import Sandbox
from konversi.serverless.instance import Instance
from konversi.settings import load
from postgres import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from konversi.settings import Settings

CRON = "/internal/deliver"
CRON_SECRET = "a-secret-of-the-scheduler"
SECRET = "sixteen characters at least"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def invoke(app: Any, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
    """One call as an ASGI server makes it."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in headers.items())],
        "client": ("127.0.0.1", 5),
        "server": ("localhost", 443),
    }
    sent: list[Any] = []
    given = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(given, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *parts = sent
    named = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], named, b"".join(part["body"] for part in parts))


class FreshLoops:
    """A platform that gives each call an event loop of its own, as Vercel did for years."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def call(self, method: str, path: str, sent: Any = None, **headers: str) -> Answer:
        body = sent if isinstance(sent, bytes) else b"" if sent is None else json.dumps(sent).encode()
        given = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}

        async def in_time() -> Answer:
            async with asyncio.timeout(PATIENCE * 2):
                return await invoke(self.app, method, path, body, given)

        return self.run(in_time())

    def run(self, work: Any) -> Any:
        return asyncio.run(work)

    def post(self, path: str, sent: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, sent, **headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def cron(self) -> Answer:
        return self.get(CRON, authorization=f"Bearer {CRON_SECRET}")

    def close(self) -> None:
        self.app.close()


class KeptLoop(FreshLoops):
    """A platform that runs one loop, but only during calls."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self._runner = asyncio.Runner()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        super().close()
        self._runner.close()


@pytest.fixture
def database() -> Iterator[str]:
    with server().database() as url:
        yield url


@pytest.fixture
def meta() -> Iterator[Sandbox]:
    with Sandbox() as local:
        yield local


@pytest.fixture
def settings(database: str, meta: Sandbox) -> Callable[..., Settings]:
    def make(**changed: Any) -> Settings:
        given = {
            "pixel_id": PIXEL,
            "token": TOKEN,
            "graph_url": meta.graph_url,
            "database_url": database,
            "secret": SECRET,
            "cron_secret": CRON_SECRET,
            "cron_seconds": 10,
            **changed,
        }
        return load(**given)

    return make


@pytest.fixture
def deployed(settings: Callable[..., Settings], meta: Sandbox) -> Iterator[Callable[..., Any]]:
    """Makes instances of one deployment; `loops` is what the platform does about event loops."""
    with ExitStack() as stack:

        def instance(loops: type[FreshLoops] = FreshLoops, **changed: Any) -> FreshLoops:
            found = settings(**changed)
            made = loops(Apart(Instance(lambda: found)))
            stack.callback(made.close)
            return made

        yield instance
        meta.clear_faults()  # else closing waits for what hangs there


@pytest.fixture
def look(database: str) -> Callable[[str], list[Any]]:
    def asked(query: str) -> list[Any]:
        with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:
            found = connection.execute(query)
            return found.fetchall() if found.description else []

    return asked


both_loops = pytest.mark.parametrize("loops", [FreshLoops, KeptLoop])


@both_loops
def test_a_booking_is_at_meta_before_it_is_answered(deployed, meta, loops):
    platform = deployed(loops)
    for number in range(3):
        answer = platform.post(EVENTS, lead(booking_id=f"BK-{number}"))
        assert answer.status == 202
        assert answer.json()["state"] == "delivered"
        assert [entry["event"]["event_id"] for entry in meta.events()][-1] == f"Lead:BK-{number}"


@both_loops
def test_the_setup_guides_call_gets_metas_answer(deployed, meta, loops):
    platform = deployed(loops)
    answer = platform.post(GUIDE, booking())
    assert answer.status == 200
    assert answer.json()["eventsReceived"] == 1
    assert platform.get(GUIDE).json()["configured"]
    assert len(meta.events()) == 1


def test_each_event_of_a_list_says_how_far_it_came(deployed, meta):
    answer = deployed().post(EVENTS, {"events": [lead(booking_id=f"BK-{number}") for number in range(50)]})
    assert {event["state"] for event in answer.json()["events"]} == {"delivered"}
    assert len(meta.events()) == 50


@both_loops
def test_while_meta_is_down_events_are_accepted_and_the_scheduler_delivers_them_later(deployed, meta, look, loops):
    platform = deployed(loops)
    meta.fault("server_error")
    answer = platform.post(EVENTS, lead(booking_id="BK-1"))
    assert answer.status == 202
    assert answer.json()["state"] == "waiting"
    assert platform.cron().json()["waiting"] == 1

    meta.clear_faults()
    look("UPDATE queue SET due_at = 0")
    done = platform.cron()
    assert done.status == 200
    assert done.json() == {
        "delivered": 1,
        "rescued": 0,
        "expired": 0,
        "forgotten": 0,
        "reported": 0,
        "waiting": 0,
        "sending": 0,
    }
    assert len(meta.events()) == 1


def test_while_meta_hangs_the_chat_waits_for_its_few_seconds_only(deployed, meta):
    platform = deployed(deliver_seconds=0.3)
    meta.fault("hang")
    began = time.monotonic()
    answer = platform.post(EVENTS, lead(booking_id="BK-1"))
    guided = platform.post(GUIDE, booking())
    assert (answer.status, answer.json()["state"]) == (202, "sending")
    assert (guided.status, guided.json()["status"]) == (202, "queued")
    assert time.monotonic() - began < 5


def test_what_a_frozen_instance_was_sending_is_in_doubt_and_goes_out_from_another(deployed, meta, look):
    frozen, other = deployed(deliver_seconds=0.3), deployed()
    meta.fault("hang", requests=1)
    receipt = frozen.post(EVENTS, lead(booking_id="BK-1")).json()["receipt"]
    assert other.cron().json()["rescued"] == 0
    look("UPDATE attempts SET lease_until = 0")
    done = other.cron().json()
    assert (done["rescued"], done["delivered"], done["sending"]) == (1, 1, 0)

    told = other.get(f"{EVENTS}/{receipt}").json()
    assert told["state"] == "delivered"
    assert [attempt["verdict"] for attempt in told["attempts"]] == ["abandoned", "delivered"]
    assert look("SELECT events FROM totals WHERE step = 'in_doubt'") == [(1,)]


@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {CRON_SECRET}"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_schedulers_door_is_shut_without_its_secret(deployed, method, given):
    answer = deployed().call(method, CRON, **given)
    assert answer.status == 401
    assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_schedulers_door_takes_both_methods(deployed, method):
    assert deployed().call(method, CRON, authorization=f"Bearer {CRON_SECRET}").status == 200


def test_without_a_secret_there_is_no_door_for_a_scheduler(deployed):
    platform = deployed(cron_secret=None)
    assert platform.cron().status == 404
    assert platform.get(CRON, authorization="Bearer ").status == 404


def test_the_api_key_opens_the_other_doors_and_not_the_schedulers(deployed):
    platform = deployed(api_key="the-key-of-the-api")
    assert platform.post(EVENTS, lead()).status == 401
    assert platform.post(EVENTS, lead(), authorization="Bearer the-key-of-the-api").status == 202
    assert platform.get(CRON, authorization="Bearer the-key-of-the-api").status == 401


def test_without_an_api_key_a_call_from_the_internet_is_refused(deployed):
    answer = deployed().post(EVENTS, lead(), x_forwarded_for="203.0.113.7")
    assert answer.status == 401


def test_instances_at_the_same_time_send_nothing_twice(deployed, meta):
    instances = [deployed() for _ in range(3)]
    for (
        one
    ) in instances:  # one by one: FastAPI silences a warning at the first call, which threads can't do side by side
        assert one.cron().status == 200

    def book(number: int) -> int:
        return instances[number % 3].post(EVENTS, lead(booking_id=f"BK-{number}")).status

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(book, range(60))) == {202}
        done = list(pool.map(lambda one: one.cron(), instances))
    assert [(answer.status, answer.json().get("waiting")) for answer in done] == [(200, 0)] * 3, done
    sent = [entry["event"]["event_id"] for entry in meta.events()]
    assert sorted(sent) == sorted(f"Lead:BK-{number}" for number in range(60))


def test_an_instance_has_two_connections_at_most(deployed, look):
    platform = deployed()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: platform.post(EVENTS, lead(booking_id=f"BK-{number}")), range(40)))
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'konversi'"
    assert look(ours) == [(2,)]


def test_connections_that_died_while_an_instance_was_frozen_are_replaced(deployed, look, monkeypatch):
    platform = deployed()
    platform.post(EVENTS, lead(booking_id="BK-1"))
    look(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'konversi'"
    )
    monkeypatch.setattr(platform.app._inner._gateway.on_demand, "_fresh_until", 0.0)
    answer = platform.post(EVENTS, lead(booking_id="BK-2"))
    assert (answer.status, answer.json()["state"]) == (202, "delivered")


@both_loops
def test_the_click_of_a_webhook_is_credited_to_the_booking(deployed, meta, loops):
    platform = deployed(loops, **SECRETS)
    call = message()
    body = bytes_of(call)
    heard = platform.post("/webhooks/whatsapp", body, **{k.replace("-", "_"): v for k, v in signed(body).items()})
    assert (heard.status, heard.json()["received"]) == (200, 1)

    phone = message_in(call)["from"]
    platform.post(EVENTS, lead(customer={"phone": phone}, channel="whatsapp"))
    (entry,) = meta.events()
    assert entry["event"]["user_data"]["ctwa_clid"] == message_in(call)["referral"]["ctwa_clid"]
    assert entry["event"]["user_data"]["whatsapp_business_account_id"] == WABA


@both_loops
def test_a_payment_has_its_purchase_at_meta_before_the_provider_is_answered(deployed, meta, loops):
    platform = deployed(loops, **api_payments.SECRETS)
    platform.post(EVENTS, lead(booking_id="BK-1"))
    for number, provider in enumerate(PROVIDERS, 1):
        told = api_payments.told("paid", f"{provider}-1", "BK-1", 50_000)
        call = payment_call(provider, told, api_payments.KEYS[provider])
        headers = {name.replace("-", "_"): text for name, text in call.headers.items()}
        for brought in ("accepted", "repeated"):
            answer = platform.post(f"/webhooks/{provider}", call.body, **headers)
            assert (answer.status, answer.json()[brought]) == (200, 1)
        assert len(meta.events()) == 1 + number
    assert {entry["event"]["custom_data"]["value"] for entry in meta.events()[1:]} == {50_000}
    assert len(platform.get("/v1/payments").json()["payments"]) == 3


def test_customers_are_remembered_when_the_scheduler_calls(deployed, meta):
    platform = deployed(customer_days=30, environment="production", api_key="k" * 32)
    key = {"authorization": f"Bearer {'k' * 32}"}
    platform.post(EVENTS, lead(booking_id="BK-1"), **key)
    platform.cron()
    platform.post(EVENTS, lead(booking_id="BK-2"), **key)
    said = [entry["event"]["custom_data"]["customer_segmentation"] for entry in meta.events()]
    assert said == ["new_customer_to_business", "existing_customer_to_business"]


def test_a_webhook_is_handed_on_within_its_own_call(deployed):
    body = bytes_of(message())
    headers = {name.replace("-", "_"): text for name, text in signed(body, APP_SECRET).items()}
    with bot() as own:
        platform = deployed(whatsapp_forward_url=own.url, **SECRETS)
        assert platform.post("/webhooks/whatsapp", body, **headers).status == 200
        assert own.bodies == [body]


def test_a_webhook_that_the_bot_did_not_take_is_handed_on_by_the_scheduler(deployed, look):
    body = bytes_of(message())
    headers = {name.replace("-", "_"): text for name, text in signed(body, APP_SECRET).items()}
    with bot() as own:
        own.status = 503
        platform = deployed(whatsapp_forward_url=own.url, **SECRETS)
        assert platform.post("/webhooks/whatsapp", body, **headers).status == 200
        own.status = 200
        look("UPDATE forwards SET due_at = 0")
        platform.cron()
        assert own.bodies == [body, body]
    assert look("SELECT count(*) FROM forwards") == [(0,)]


def test_an_agents_turn_is_delivered_before_it_is_answered(deployed, meta):
    result = {"success": True, "bookingId": "BK-7", "totalPrice": 150000}
    turn = {
        "customerPhone": "628123456789",
        "metadata": {"toolsUsed": ["createBooking"], "toolResults": [{"toolName": "createBooking", "result": result}]},
    }
    answer = deployed().post("/v1/agent/turns", turn)
    assert answer.status == 202
    assert [entry["event"]["event_id"] for entry in meta.events()] == ["Lead:BK-7"]


def test_an_event_that_is_replayed_goes_out_with_that_call(deployed, meta):
    platform = deployed()
    meta.fault("refuse_event", event_id="Lead:BK-1", requests=1)
    receipt = platform.post(EVENTS, lead(booking_id="BK-1")).json()
    assert receipt["state"] == "dead"
    assert platform.post(f"{EVENTS}/{receipt['receipt']}/replay").status == 200
    assert len(meta.events()) == 1


def test_a_token_that_another_instance_was_given_is_used(deployed, settings, monkeypatch, meta):
    first, second = deployed(token=None), deployed(token=None)
    assert first.post(EVENTS, lead(booking_id="BK-1")).json()["state"] == "waiting"
    added = second.post("/v1/datasets", {"id": PIXEL, "token": TOKEN})
    assert added.status < 300, added.body
    assert len(meta.events()) == 1
    monkeypatch.setattr(first.app._inner._gateway.on_demand, "_fresh_until", 0.0)
    assert first.post(EVENTS, lead(booking_id="BK-2")).json()["state"] == "delivered"


def test_one_that_only_takes_events_leaves_delivery_to_others(deployed, meta):
    platform = deployed(only="intake")
    answer = platform.post(EVENTS, lead())
    assert answer.status == 202
    assert "state" not in answer.json()
    assert platform.cron().json()["code"] == "door_closed"
    assert meta.events() == []
    assert deployed().cron().json()["delivered"] == 1


def test_sqlite_is_refused_in_words(deployed, tmp_path):
    answer = deployed(database_url=f"sqlite:///{tmp_path / 'k.db'}").post(EVENTS, lead())
    assert answer.status == 500
    assert answer.json()["code"] == "settings_invalid"
    assert "PostgreSQL" in answer.json()["detail"]


def test_a_secret_that_nobody_would_keep_is_refused_in_words(deployed):
    answer = deployed(secret=None).get("/healthz")
    assert answer.status == 500
    assert "KONVERSI_SECRET" in answer.json()["detail"]


def test_a_database_that_is_away_at_the_first_call_is_found_by_a_later_one(settings, caplog):
    nowhere = settings(database_url="postgresql://k:the-password@127.0.0.1:9/there")
    ready = iter([nowhere, settings()])
    platform = FreshLoops(Apart(Instance(lambda: next(ready))))
    try:
        with caplog.at_level(logging.CRITICAL):
            answer = platform.post(EVENTS, lead())
        assert (answer.status, answer.json()["code"]) == (503, "database_unreachable")
        assert b"127.0.0.1" not in answer.body
        assert platform.post(EVENTS, lead()).status == 202
    finally:
        platform.close()


@contextmanager
def lifespan(app: Any) -> Iterator[list[str]]:
    """A server with a lifespan, in a thread."""
    said: list[str] = []
    started, ending = threading.Event(), threading.Event()

    async def live() -> None:
        steps = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> Any:
            step = next(steps)
            if step == "lifespan.shutdown":
                await asyncio.get_running_loop().run_in_executor(None, ending.wait, PATIENCE)
            return {"type": step}

        async def send(message: Any) -> None:
            said.append(message["type"])
            started.set()

        await app({"type": "lifespan"}, receive, send)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert started.wait(PATIENCE)
        yield said
    finally:
        ending.set()
        thread.join(PATIENCE)


def test_a_platform_with_a_lifespan_closes_the_gateway_at_its_end(deployed, look):
    platform = deployed()
    with lifespan(platform.app) as said:
        assert platform.post(EVENTS, lead()).status == 202
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'konversi'"
    assert look(ours) == [(0,)]


def test_health_and_readiness_are_told(deployed):
    platform = deployed()
    assert platform.get("/healthz").json() == {"ok": True}
    assert platform.get("/readyz").json() == {"ready": True}


def test_a_caller_that_goes_away_leaves_the_gateway_sound(deployed, meta):
    platform = deployed()
    meta.fault("latency", seconds=0.5, requests=1)

    async def impatient() -> None:
        body = json.dumps(lead(booking_id="BK-1")).encode()
        call = asyncio.create_task(invoke(platform.app, "POST", EVENTS, body, {"content-type": "application/json"}))
        while not meta.requests():
            await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait([call])

    platform.get("/healthz")
    asyncio.run(impatient())
    assert platform.post(EVENTS, lead(booking_id="BK-2")).json()["state"] == "delivered"
    assert platform.cron().json()["waiting"] == 0


def test_the_scheduler_goes_on_with_an_erasure(deployed, look, monkeypatch):
    monkeypatch.setattr(erasing, "_SETTLED", 0.0)
    platform = deployed()
    platform.post(EVENTS, lead(booking_id="BK-1"))
    began = time.monotonic()
    asked = platform.post("/v1/erasures", {"phone": lead()["customer"]["phone"]}, prefer="wait=0")
    assert asked.status in (200, 202), asked.body
    assert asked.json()["state"] == "running"
    assert time.monotonic() - began < 3  # there is nothing to wait for before the scheduler calls
    again = platform.post(EVENTS, lead(booking_id="BK-2"))
    assert again.json()["errors"][0]["code"] == "customer_erased"
    assert platform.cron().status == 200
    assert look("SELECT count(*) FROM events") == [(0,)]
    (told,) = platform.get("/v1/erasures").json()["erasures"]
    assert told["state"] == "done"
