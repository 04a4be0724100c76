"""OpenTelemetry traces: what shows in them, how its parts hang together, and that nobody's identity does."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from api_chats import APP_SECRET, SECRETS, WHATSAPP, message, signed, until
from api_harness import EVENTS, PATIENCE, PIXEL, TOKEN, TRACE, FakeMeta, graph_error, lead, running
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from test_api_redaction import IDENTITIES, PHONE, REQUESTS, TRACES, tells

from konversi import Lead, SyncKonversi, tracing
from konversi.agents.tracker import hand_over
from konversi.intake.http.app import seen
from konversi.intake.listen import Listener
from konversi.intake.receive import Receiver
from konversi.intake.turns import Turns
from konversi.outbox.memory import MemoryOutbox
from konversi.settings import load

TURNS = "/v1/agent/turns"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def kept_spans():
    """The process's own provider, as a bot may have one."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    tracing._Traces.tracer = None
    exporter.shutdown()


@pytest.fixture(scope="module")
def server(tmp_path_factory, kept_spans):
    folder = tmp_path_factory.mktemp("traces")
    given = load(
        pixel_id=PIXEL, token=TOKEN, data_dir=folder, traces=True, database_url=f"sqlite:///{folder}/t.db", **SECRETS
    )
    with running(given, meta=FakeMeta()) as one:
        yield one


@pytest.fixture
def spans(kept_spans, server):
    """Those of this test, by their names, once so many of a name are there."""
    kept_spans.clear()

    def named(name, number=1):
        found = lambda: [one for one in kept_spans.get_finished_spans() if one.name == name]
        until(lambda: len(found()) >= number, name)
        return found()

    return named


def test_a_call_shows_from_the_door_to_metas_answer(server, spans):
    with server.client() as http:
        receipt = http.post(EVENTS, json=lead(event_id="seen-1")).json()["receipt"]
    server.ended(receipt)
    (send,), (door,) = spans("konversi send"), spans("POST /v1/events")
    (receive,), (compose,), (write,) = spans("konversi receive"), spans("konversi compose"), spans("konversi write")
    assert door.kind is SpanKind.SERVER
    assert (door.attributes["http.route"], door.attributes["http.response.status_code"]) == ("/v1/events", 202)
    assert receive.parent.span_id == door.context.span_id
    assert {compose.parent.span_id, write.parent.span_id} == {receive.context.span_id}
    assert receive.attributes["konversi.receipts"] == (receipt,)
    assert send.kind is SpanKind.CLIENT
    told = dict(send.attributes)
    assert told["konversi.dataset"] == f"…{PIXEL[-4:]}"
    assert told["konversi.verdict"] == "delivered"
    assert told["meta.fbtrace_id"] == TRACE
    assert told["konversi.receipts"] == (receipt,)
    assert told["http.request.body.size"] > 100


def test_an_attempt_is_linked_to_each_call_that_brought_its_events(server, spans):
    server.meta.hang()
    with server.client() as http:
        first = http.post(EVENTS, json=lead(event_id="linked-0")).json()["receipt"]
        until(
            lambda: len(server.meta.requests) > 0 and server.meta.events[-1]["event_id"] == "linked-0", "the first send"
        )
        later = [http.post(EVENTS, json=lead(event_id=f"linked-{n}")).json()["receipt"] for n in (1, 2)]
    server.meta.go_on()
    for receipt in (first, *later):
        server.ended(receipt)
    doors = {one.context.trace_id for one in spans("POST /v1/events", 3)}
    until(
        lambda: len({link.context.trace_id for one in spans("konversi send") for link in one.links}) == 3, "three links"
    )
    assert {link.context.trace_id for one in spans("konversi send") for link in one.links} == doors


def test_a_call_goes_on_with_its_callers_trace(server, spans):
    with server.client() as http:
        http.post(EVENTS, json=lead(event_id="carried"), headers={"traceparent": PARENT, "baggage": f"x={PHONE}"})
    (door,) = spans("POST /v1/events")
    assert f"{door.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{door.parent.span_id:016x}" == PARENT.split("-")[2]


def test_what_fails_is_told_by_its_code(server, spans):
    server.meta.answer = graph_error(100, 2804009)
    with server.client() as http:
        http.post(EVENTS, json=lead(event_id="fails"))
        http.post(EVENTS, json=lead(customer={}))
    (send,) = spans("konversi send")
    server.meta.answer = FakeMeta().answer
    assert send.status.status_code is StatusCode.ERROR
    assert (send.attributes["meta.error.code"], send.attributes["meta.error.subcode"]) == (100, 2804009)
    assert send.attributes["error.type"] == "refused"
    assert "event_refused" in {one.attributes.get("error.type") for one in spans("konversi receive", 2)}


def test_webhooks_and_turns_show_and_pages_do_not(server, spans, kept_spans):
    body = json.dumps(message(phone="+628129999001")).encode()
    with server.client() as http:
        http.post(WHATSAPP, content=body, headers=signed(body, APP_SECRET)).raise_for_status()
        http.post(
            TURNS,
            json={
                "customerPhone": PHONE,
                "metadata": {"toolsUsed": ["createBooking"], "toolResults": [{"success": True, "bookingId": "BK-T"}]},
            },
        )
        http.get("/")
        http.get("/v1/status")
    (listen,), (turn,) = spans("konversi listen"), spans("konversi turn")
    assert listen.attributes["konversi.messages"] == 1
    assert (turn.attributes["konversi.tools"], turn.attributes["konversi.bookings"]) == (1, 1)
    assert {one.name for one in kept_spans.get_finished_spans() if one.kind is SpanKind.SERVER} == {
        f"POST {WHATSAPP}",
        f"POST {TURNS}",
    }


def test_a_tool_hook_elsewhere_begins_the_trace_that_the_gateway_goes_on_with(server, spans):
    with SyncKonversi(url=server.url, traces=True) as bot:
        future = hand_over(bot, Lead(customer={"phone": PHONE}, event_id="hooked"), None, "createBooking")
        assert future is None
        (door,) = spans("POST /v1/events")
    (hook,) = spans("konversi tool hook")
    assert hook.attributes["gen_ai.tool.name"] == "createBooking"
    assert door.context.trace_id == hook.context.trace_id
    assert door.parent.span_id == hook.context.span_id


def hashes():
    """How Meta would get each identity."""
    told = {**IDENTITIES, "phone": PHONE}
    return [hashlib.sha256(value.lower().encode()).hexdigest() for value in told.values()]


def test_no_identity_no_hash_of_one_and_no_token_is_in_any_span(server, spans, kept_spans):
    server.meta.answer = graph_error(100, 2804050, error_user_msg=f"{PHONE} {IDENTITIES['email']}")
    with server.client() as http:
        for path, body in REQUESTS:
            http.post(path, json=body)
        http.post(
            f"{EVENTS}?phone={PHONE}",
            json=lead(customer=IDENTITIES),
            headers={"user-agent": PHONE, "traceparent": PARENT, "tracestate": f"k={PHONE}"},
        )
        http.post(TURNS, json={"customer": IDENTITIES, "reply": f"Sudah kami booking ya {PHONE}"})
        body = json.dumps(message(phone=f"+{PHONE}")).encode()
        http.post(WHATSAPP, content=body, headers=signed(body, APP_SECRET))
    server.call(server.gateway.drain(PATIENCE))
    spans("konversi send")
    server.meta.answer = FakeMeta().answer
    written = "\n".join(one.to_json() for one in kept_spans.get_finished_spans())
    assert "konversi compose" in written
    found = [trace_ for trace_ in (*TRACES, *hashes(), PIXEL, APP_SECRET) if tells(trace_, written)]
    assert found == []


def python(code, **env):
    given = {"PATH": "", "KONVERSI_ENV": "development", **env}
    return subprocess.run(
        [sys.executable, "-c", code], env=given, capture_output=True, text=True, timeout=60, check=False
    )


def test_where_traces_are_off_a_call_goes_through_the_same_objects_as_before_there_were_any(settings):
    app = object()
    assert seen(settings(), app) is app
    with running(settings()) as server:
        gateway = server.gateway
        kinds = [type(one) for one in (gateway.receiver, gateway.turns, gateway.listener, gateway.outbox)]
    assert kinds == [Receiver, Turns, Listener, MemoryOutbox]


def test_nothing_of_opentelemetry_is_loaded_where_traces_are_off(tmp_path):
    code = (
        "import sys, konversi, konversi.cli.serving, konversi.agents.on_success\n"
        "from konversi.wiring import open_gateway\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', 'konversi.tracing.', 'konversi.wiring.traced'))])"
    )
    assert python(code).stdout.strip() == "[]"


def test_without_the_extra_the_line_that_installs_it_is_said():
    code = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "from konversi import tracing\n"
        "from konversi.errors import MissingExtra\n"
        "try: tracing.start()\n"
        "except MissingExtra as error: print(error)"
    )
    assert 'pip install "konversi[otel]"' in python(code).stdout


@pytest.mark.parametrize("wrong", [{"OTEL_TRACES_EXPORTER": "zipkin"}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}])
def test_an_exporter_that_there_is_none_of_is_said_by_its_variable(wrong):
    done = python("from konversi import tracing\ntracing.start()", **wrong)
    assert done.returncode != 0
    assert next(iter(wrong)) in done.stderr


def test_spans_go_to_a_collector_as_the_variables_of_opentelemetry_say():
    got = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, self.headers["x-team"], self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Nothing."""

    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    done = python(
        "from konversi import tracing\ntracing.start()\nwith tracing.hook('createBooking'): pass",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        OTEL_EXPORTER_OTLP_HEADERS="x-team=studio",
        OTEL_EXPORTER_OTLP_COMPRESSION="none",
    )
    collector.shutdown()
    collector.server_close()
    assert done.returncode == 0, done.stderr
    ((path, team, body),) = got
    assert (path, team) == ("/v1/traces", "studio")
    assert b"konversi tool hook" in body
    assert json.dumps("konversi")[1:-1].encode() in body
