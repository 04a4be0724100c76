"""Who may call."""

from __future__ import annotations

import hmac
import json
import socket
import struct
import threading
import time

import pytest
from api_harness import EVENTS, GUIDE, PATIENCE, booking, is_problem, lead, running

from konversi.dashboard import pages
from konversi.intake.http import access

KEY = "a-key-of-this-test"
OPEN = {"/healthz", "/readyz"}


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Without a key."""
    from konversi.settings import load

    with running(load(pixel_id="123456789012345", token="EAAx", data_dir=tmp_path_factory.mktemp("local"))) as server:
        yield server


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """With a key."""
    from konversi.settings import load

    folder = tmp_path_factory.mktemp("locked")
    with running(load(pixel_id="123456789012345", token="EAAx", api_key=KEY, data_dir=folder)) as server:
        yield server


def routes(server):
    """Every address and method, with the pages that the description leaves out."""
    described = server.door._inner.openapi()["paths"]
    known = [
        (method.upper(), path.replace("{receipt}", "rc_000000000001"))
        for path in described
        for method in described[path]
    ]
    more = [("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/nope"), ("OPTIONS", EVENTS)]
    seen = [
        (method, route.path.replace("{receipt}", "rc_000000000001"))
        for route in pages()
        for method in route.methods - {"HEAD"}
    ]
    return [*known, *more, *seen]


def test_the_walk_knows_every_route(local):
    walked = {path for _, path in routes(local)}
    assert walked >= {GUIDE, EVENTS, "/v1/status", "/metrics", "/docs", "/openapi.json", f"{EVENTS}/rc_000000000001"}
    routed = {route.path for route in local.door._inner.routes if hasattr(route, "path")}
    assert {path.replace("{receipt}", "rc_000000000001") for path in routed} <= walked | {"/docs/oauth2-redirect"}


def test_a_call_from_this_machine_needs_no_key(local):
    with local.client() as http:
        assert http.get(GUIDE).status_code == 200
        assert http.post(EVENTS, json=lead()).status_code == 202
        assert http.post(GUIDE, json=booking()).status_code == 200


FOREIGN = {
    "X-Forwarded-For": "203.0.113.9",
    "x-forwarded-host": "shop.example",
    "X-Forwarded-Proto": "https",
    "Forwarded": "for=203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "X-Client-IP": "203.0.113.9",
    "True-Client-IP": "203.0.113.9",
    "CF-Connecting-IP": "203.0.113.9",
    "CF-Ray": "8a1",
    "Fly-Client-IP": "203.0.113.9",
    "Via": "1.1 proxy",
    "Tailscale-User-Login": "someone@example.org",
    "Host": "rebound.example",
    "host": "localhost.example.org",
    "HOST": "203.0.113.9:3000",
    "Sec-Fetch-Site": "cross-site",
    "sec-fetch-site": "same-site",
    "Origin": "https://shop.example",
    "origin": "null",
}


@pytest.mark.parametrize("header", FOREIGN)
@pytest.mark.parametrize(("method", "path"), [("GET", GUIDE), ("POST", GUIDE), ("POST", EVENTS), ("GET", EVENTS)])
def test_a_call_through_a_proxy_or_from_a_web_page_is_no_call_from_this_machine(local, header, method, path):
    with local.client() as http:
        response = http.request(method, path, json=lead(), headers={header: FOREIGN[header]})
    said = is_problem(response, status=401, code="unauthorized")
    assert "KONVERSI_API_KEY" in said["remedy"]
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("host", ["localhost", "localhost:3000", "LOCALHOST", "127.0.0.1:3000", "[::1]:3000"])
def test_this_machine_is_known_by_each_of_its_names(local, host):
    with local.client() as http:
        assert http.get(GUIDE, headers={"host": host, "sec-fetch-site": "same-origin"}).status_code == 200
        assert http.get(GUIDE, headers={"host": host, "origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize("caller", ["203.0.113.9", "10.0.0.5", "::ffff:203.0.113.9", "fe80::1", "not an address"])
@pytest.mark.parametrize("path", [GUIDE, EVENTS])
def test_a_call_from_another_machine_is_refused(local, caller, path):
    scope = {"path": path, "client": (caller, 5000)}
    from konversi.errors import Unauthorized
    from konversi.intake.http.access import Access

    with pytest.raises(Unauthorized):
        Access(None).check(scope, {b"host": b"localhost"})


def test_who_hangs_up_before_anybody_looks_where_the_call_is_from_is_not_this_machine(local, monkeypatch):
    monkeypatch.setattr(access, "_is_loopback", lambda _caller: False)  # all of them call from elsewhere
    answered = local.gateway.answered.totals
    before, may_look = answered.copy(), threading.Event()
    local.loop.call_soon_threadsafe(may_look.wait)
    body = json.dumps(lead(booking_id="forged")).encode()
    with socket.create_connection(("127.0.0.1", local.port)) as connection:
        head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (EVENTS.encode(), len(body))
        connection.sendall(head + body)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    may_look.set()
    end = time.monotonic() + PATIENCE
    while answered == before:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert {answer for door, answer in answered - before} == {"4xx"}


@pytest.mark.parametrize("caller", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", None])
def test_every_loopback_address_is_this_machine(caller):
    from konversi.intake.http.access import Access

    Access(None).check({"path": GUIDE, "client": caller and (caller, 5000)}, {b"host": b"localhost"})


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        KEY,
        f"Basic {KEY}",
        f"Token {KEY}",
        f"Bearer {KEY.upper()}",
        "Bearer \xff",
    ],
)
def test_with_a_key_set_every_address_but_the_probes_needs_it(locked, authorization):
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    shown = {(method, route.path) for route in pages() for method in route.methods}
    with locked.client() as http:
        for method, path in routes(locked):
            response = http.request(method, path, headers=headers)
            if path.startswith("/static/"):
                is_problem(response, status=404, code="not_found")
            elif authorization is None and (method, path.replace("rc_000000000001", "{receipt}")) in shown:
                assert _shut(method, path, response), path  # `test_api_people.py` walks them with each role
            elif path in OPEN:
                assert response.status_code == 200, path
            elif path == "/internal/deliver":  # guarded by the scheduler's own secret, and only there on demand
                is_problem(response, status=404, code="not_found")
            elif path.startswith("/webhooks/"):  # guarded by the platform's own secret, which isn't set here
                is_problem(response, status=503, code="webhook_not_set_up")
            else:
                is_problem(response, status=401, code="unauthorized")
                assert KEY not in response.text


def _shut(method, path, response):
    """A page leads to the login, its twin asks for a key, a form that comes from nowhere is refused."""
    if method == "POST":
        return response.status_code == 403
    if path.endswith(".json"):
        return response.status_code == 401
    if path == "/welcome":
        return response.status_code == 410
    return path == "/login" or (response.status_code == 303 and response.headers["location"].startswith("/login"))


def test_with_the_right_key_every_address_answers(locked):
    with locked.client(headers={"authorization": f"Bearer {KEY}"}) as http:
        statuses = {path: http.request(method, path).status_code for method, path in routes(locked)}
    assert 401 not in statuses.values()
    assert statuses["/docs"] == statuses["/openapi.json"] == statuses["/metrics"] == 200


@pytest.mark.parametrize("spelled", [f"bearer {KEY}", f"BEARER {KEY}", f"Bearer   {KEY}"])
def test_the_right_key_is_known_however_its_scheme_is_spelled(locked, spelled):
    with locked.client() as http:
        assert http.post(EVENTS, json=lead(), headers={"authorization": spelled}).status_code == 202


def test_with_the_right_key_the_call_may_come_through_a_proxy(locked):
    headers = {"authorization": f"Bearer {KEY}", "x-forwarded-for": "203.0.113.9", "host": "gateway.example"}
    with locked.client() as http:
        assert http.post(EVENTS, json=lead(), headers=headers).status_code == 202


@pytest.mark.parametrize(
    "path", ["//healthz", "/healthz/../v1/events", "/HEALTHZ", "/healthz/", "/healthz%2f..%2fmetrics"]
)
def test_no_spelling_of_an_open_path_leads_past_the_key(locked, path):
    sent = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    assert locked.raw(sent, finish=False).startswith(b"HTTP/1.1 401")


def test_the_probes_tell_nothing_but_their_one_word(locked):
    with locked.client() as http:
        assert http.get("/healthz").json() == {"ok": True}
        assert http.get("/readyz").json() == {"ready": True}


def test_the_key_is_compared_in_constant_time(locked, monkeypatch):
    compared = []

    def watched(one, other):
        compared.append((one, other))
        return hmac_compare(one, other)

    hmac_compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", watched)
    with locked.client() as http:
        http.get(EVENTS, headers={"authorization": "Bearer x"})
        http.get(EVENTS)
        http.get(EVENTS, headers={"authorization": f"Bearer {KEY}"})
    assert len(compared) == 2
    assert all(len(one) == len(other) == 32 for one, other in compared)


def test_a_refused_call_stores_nothing_and_the_key_is_not_logged(locked, caplog):
    with locked.client() as http:
        http.post(EVENTS, json=lead(event_id="smuggled"), headers={"authorization": "Bearer wrong-key-here"})
        listed = http.get(EVENTS, params={"event_id": "smuggled"}, headers={"authorization": f"Bearer {KEY}"})
    assert listed.json()["events"] == []
    assert KEY not in caplog.text
    assert "wrong-key-here" not in caplog.text
