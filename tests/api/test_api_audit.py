"""Every change is audited: each door and form that changes something leaves a line, and says whose deed it was."""

from __future__ import annotations

from functools import cache

import pytest
from api_harness import EVENTS, PIXEL, TOKEN, FakeMeta, graph_error, lead, running
from sqlalchemy import delete

from konversi.access.acting import Action
from konversi.access.roles import Role, Scope
from konversi.access.tables import users
from konversi.dashboard import pages
from konversi.intake.http.app import application
from konversi.sandbox import Sandbox
from konversi.sandbox.ads import ACCOUNT
from konversi.settings import load

SPA, WABA, WORDS = "1000000003", "102290129340398", "correct horse battery"
CSV = "phone,occurred_at,event_id\n081234567890,{at},imported-{name}\n"

REPORTING = "the event, conversation or payment it brings is the record itself"
NOTHING = "changes nothing"
UNRECORDED = {
    ("POST", "/v1/events"): REPORTING,
    ("POST", "/api/meta/conversion"): REPORTING,
    ("POST", "/v1/agent/turns"): REPORTING,
    ("POST", "/v1/agent/records"): REPORTING,
    ("POST", "/internal/deliver"): "a scheduler's round, as the gateway does by itself",
    **{
        ("POST", f"/webhooks/{name}"): REPORTING
        for name in ("whatsapp", "messenger", "twilio", "baileys", "midtrans", "xendit", "stripe")
    },
    ("PUT", "/v1/consents"): "what a customer said is kept with when and from where: the record itself",
    ("POST", "/v1/consents/show"): NOTHING,
    ("POST", "/v1/value/dry-run"): NOTHING,
    ("POST", "/v1/value/learn"): "counts past bookings, as the gateway does by itself",
    ("POST", "/value/try"): NOTHING,
    ("POST", "/consent"): NOTHING,
    ("POST", "/consent.json"): NOTHING,
    ("POST", "/bench"): NOTHING,
    ("POST", "/bench.json"): NOTHING,
    ("POST", "/language"): "changes a cookie of the visitor's own",
}


class Hands:
    """Does what the table asks, with what it needs made anew each time."""

    def __init__(self, server) -> None:
        self.server = server
        self.entrance = server.gateway.entrance
        self.made = 0

    def name(self):
        self.made += 1
        return f"one{self.made}"

    def user(self):
        name = self.name()
        self.server.call(self.entrance.users.add(name, WORDS, Role.VIEWER))
        return name

    def key(self):
        return self.server.call(self.entrance.keys.create(self.name(), Scope.READ))[1].id

    def elsewhere(self):
        """A session of the same user in another browser."""
        with self.server.client(headers={"sec-fetch-site": "same-origin"}) as http:
            return log_in(http, self)

    def event(self):
        """One that Meta refused."""
        with self.server.client() as http:
            receipt = http.post(EVENTS, json=lead(event_id=self.name())).json()["receipt"]
        self.server.ended(receipt)
        return receipt

    def dataset(self, http):
        http.post("/v1/datasets", json={"id": SPA, "token": TOKEN}).raise_for_status()
        return SPA

    def file(self, http):
        """One that was rehearsed."""
        sent = http.post(
            "/v1/imports", params={"dry_run": "true"}, content=CSV.format(at="2026-01-02", name=self.name())
        )
        number = sent.json()["import"]
        while http.get(f"/v1/imports/{number}").json()["state"] in ("waiting", "running"):
            pass
        return number


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Sandbox() as graph:
        graph.declare(f"{PIXEL}:{TOKEN}")
        graph.declare(f"{SPA}:{TOKEN}")
        graph.declare(f"waba={WABA}:{TOKEN}")
        given = load(
            pixel_id=PIXEL,
            token=TOKEN,
            data_dir=tmp_path_factory.mktemp("audit"),
            graph_url=graph.graph_url,
            ad_account_id=f"act_{ACCOUNT}",
            database_url=f"sqlite:///{tmp_path_factory.mktemp('audit') / 'audit.db'}",
        )
        meta = FakeMeta()
        meta.answer = graph_error(100, 2804050)
        with running(given, meta=meta) as one:
            one.call(one.gateway.entrance.users.add("admin", WORDS, Role.ADMIN))
            yield one


@pytest.fixture(scope="module")
def hands(server):
    return Hands(server)


def form(path, **fields):
    return lambda http, _hands: http.post(path, data=fields)


def json(path, **fields):
    return lambda http, _hands: http.post(path, json=fields)


def log_in(http, _hands):
    return http.post("/login", data={"name": "admin", "password": WORDS})


def welcome(http, hands):
    """As on the first day: there is no user yet."""
    nobody = delete(users)
    hands.server.call(hands.entrance.users._database.write(lambda connection: connection.execute(nobody).rowcount))
    secret = hands.server.call(hands.entrance.welcome.link())
    return http.post("/welcome", data={"link": secret, "name": "admin", "password": WORDS})


# What is done at each door, and the line that it leaves.
DEEDS = {
    ("POST", "/v1/events/{receipt}/replay"): (
        lambda http, on: http.post(f"{EVENTS}/{on.event()}/replay"),
        Action.REPLAY,
    ),
    ("POST", "/v1/events/{receipt}/discard"): (
        lambda http, on: http.post(f"{EVENTS}/{on.event()}/discard", json={"reason": "a test"}),
        Action.DISCARD,
    ),
    ("POST", "/v1/events/decide"): (
        lambda http, on: http.post(f"{EVENTS}/decide", json={"what": "replay", "receipts": [on.event()]}),
        Action.REPLAY,
    ),
    ("POST", "/events/decide"): (
        lambda http, on: http.post("/events/decide", data={"receipt": on.event(), "what": "replay", "sure": "yes"}),
        Action.REPLAY,
    ),
    ("POST", "/v1/datasets"): (json("/v1/datasets", id=SPA, token=TOKEN), Action.DATASET_ADDED),
    ("POST", "/datasets/add"): (form("/datasets/add", id=SPA, token=TOKEN), Action.DATASET_ADDED),
    ("DELETE", "/v1/datasets/{dataset}"): (
        lambda http, on: http.delete(f"/v1/datasets/{on.dataset(http)}"),
        Action.DATASET_REMOVED,
    ),
    ("POST", "/datasets/remove"): (
        lambda http, on: http.post("/datasets/remove", data={"dataset": on.dataset(http)}),
        Action.DATASET_REMOVED,
    ),
    ("POST", "/v1/datasets/{dataset}/check"): (
        lambda http, on: http.post(f"/v1/datasets/{on.dataset(http)}/check"),
        Action.DATASET_CHECKED,
    ),
    ("POST", "/datasets/check"): (
        lambda http, on: http.post("/datasets/check", data={"dataset": on.dataset(http)}),
        Action.DATASET_CHECKED,
    ),
    ("POST", "/v1/datasets/{dataset}/accounts"): (
        lambda http, on: http.post(
            f"/v1/datasets/{on.dataset(http)}/accounts", json={"channel": "messenger", "account": "111222333"}
        ),
        Action.ACCOUNT_LINKED,
    ),
    ("POST", "/v1/accounts/{account}/dataset"): (
        json(f"/v1/accounts/{WABA}/dataset", channel="whatsapp", token=TOKEN),
        Action.ACCOUNT_LINKED,
    ),
    ("POST", "/v1/keys"): (json("/v1/keys", name="bot", scope="read"), Action.KEY_CREATED),
    ("POST", "/keys/create"): (form("/keys/create", name="bot", scope="read"), Action.KEY_CREATED),
    ("DELETE", "/v1/keys/{key}"): (lambda http, on: http.delete(f"/v1/keys/{on.key()}"), Action.KEY_REVOKED),
    ("POST", "/keys/revoke"): (lambda http, on: http.post("/keys/revoke", data={"key": on.key()}), Action.KEY_REVOKED),
    ("POST", "/v1/users"): (json("/v1/users", name="budi", password=WORDS, role="viewer"), Action.USER_ADDED),
    ("POST", "/users/add"): (form("/users/add", name="wati", password=WORDS, role="viewer"), Action.USER_ADDED),
    ("POST", "/v1/users/{name}"): (
        lambda http, on: http.post(f"/v1/users/{on.user()}", json={"role": "operator"}),
        Action.ROLE_CHANGED,
    ),
    ("POST", "/users/change"): (
        lambda http, on: http.post("/users/change", data={"name": on.user(), "what": "role", "role": "operator"}),
        Action.ROLE_CHANGED,
    ),
    ("DELETE", "/v1/users/{name}"): (lambda http, on: http.delete(f"/v1/users/{on.user()}"), Action.USER_REMOVED),
    ("POST", "/v1/erasures"): (json("/v1/erasures", phone="081234567001"), "erased"),
    ("POST", "/v1/erasures/lift"): (json("/v1/erasures/lift", phone="081234567001"), "erasure_lifted"),
    ("POST", "/v1/exports"): (json("/v1/exports", phone="081234567890"), "exported"),
    ("POST", "/erasures/forget"): (form("/erasures/forget", phone="081234567002"), "erased"),
    ("POST", "/consent/record"): (
        form("/consent/record", phone="081234567003", state="denied"),
        Action.CONSENT_RECORDED,
    ),
    ("POST", "/value/keep"): (form("/value/keep", rules=""), Action.VALUE_RULES_KEPT),
    ("POST", "/v1/custom-conversions"): (
        json("/v1/custom-conversions", name="Big bookings", min_value=500_000),
        Action.CONVERSION_CREATED,
    ),
    ("POST", "/v1/spend/sync"): (
        lambda http, _on: http.post("/v1/spend/sync", params={"days": 1}),
        Action.SPEND_PULLED,
    ),
    ("POST", "/return/pull"): (form("/return/pull"), Action.SPEND_PULLED),
    ("POST", "/bench/send"): (
        form("/bench/send", payload='{"event":"Lead","customer":{"phone":"081234567890"}}', code="TEST1"),
        Action.BENCH_SENT,
    ),
    ("POST", "/v1/imports"): (
        lambda http, on: http.post("/v1/imports", content=CSV.format(at="2026-01-01", name=on.name())),
        Action.IMPORT_TAKEN,
    ),
    ("POST", "/v1/imports/{number}/start"): (
        lambda http, on: http.post(f"/v1/imports/{on.file(http)}/start"),
        Action.IMPORT_STARTED,
    ),
    ("DELETE", "/v1/imports/{number}"): (
        lambda http, on: http.delete(f"/v1/imports/{on.file(http)}"),
        Action.IMPORT_DISCARDED,
    ),
    ("POST", "/imports/send"): (
        lambda http, on: http.post(
            "/imports/send", files={"file": ("a.csv", CSV.format(at="2026-01-03", name=on.name()))}
        ),
        Action.IMPORT_TAKEN,
    ),
    ("POST", "/imports/decide"): (
        lambda http, on: http.post("/imports/decide", data={"import": on.file(http), "what": "discard"}),
        Action.IMPORT_DISCARDED,
    ),
    ("POST", "/login"): (log_in, Action.LOGIN),
    ("POST", "/logout"): (lambda http, on: log_in(http, on) and http.post("/logout"), Action.LOGOUT),
    ("POST", "/account/password"): (
        lambda http, on: log_in(http, on) and http.post("/account/password", data={"before": WORDS, "password": WORDS}),
        Action.PASSWORD_CHANGED,
    ),
    ("POST", "/account/sessions"): (
        lambda http, on: (
            on.elsewhere() and log_in(http, on) and http.post("/account/sessions", data={"session": "others"})
        ),
        Action.SESSIONS_ENDED,
    ),
    ("POST", "/welcome"): (welcome, Action.USER_ADDED),
}


@cache  # each description of the application takes a tenth of a second
def changing_doors():
    described = application(None, None)._inner.openapi()["paths"]  # type: ignore[arg-type]
    doors = {(method.upper(), path) for path, ways in described.items() for method in ways if method != "get"}
    return doors | {("POST", route.path) for route in pages() if "POST" in route.methods}


def test_each_door_that_changes_something_is_in_the_table_or_says_why_it_leaves_no_line():
    assert changing_doors() - set(DEEDS) - set(UNRECORDED) == set()
    assert not set(DEEDS) & set(UNRECORDED)


@pytest.mark.parametrize(
    ("door", "deed"),
    [(door, deed) for door, deed in DEEDS.items() if door in changing_doors()],
    ids=lambda one: " ".join(one) if isinstance(one[0], str) else "",
)
def test_a_change_leaves_a_line_with_who_made_it(server, hands, door, deed):
    act, action = deed
    audit = server.gateway.entrance.audit
    with server.client(headers={"sec-fetch-site": "same-origin"}) as http:
        before = {row["id"] for row in server.call(audit.shown(1))}
        done = act(http, hands)
    assert done.status_code < 400, done.text
    newer = [row for row in server.call(audit.shown(20)) if row["id"] > max(before, default=0)]
    (line,) = [row for row in newer if row["action"] == action]
    assert line["kind"] in ("machine", "user")
    assert line["actor"]
    assert TOKEN not in str(newer)


def test_a_file_is_named_by_its_number_since_its_name_could_be_a_customers(server, hands):
    with server.client() as http:
        http.post("/v1/imports", params={"name": "budi@example.com.csv"}, content=CSV.format(at="2026-01-09", name="x"))
    (newest,) = server.call(server.gateway.entrance.audit.shown(1))
    assert newest["subject"].startswith("imports/")
    assert "budi" not in str(newest)
