"""Each kind of data goes after its own days, by itself, and nothing else goes with it."""

from __future__ import annotations

from collections import Counter

import api_harness
import pytest
from api_chats import SECRETS as CHAT_SECRETS
from api_chats import listed, message, phone_of, until, unused, whatsapp
from api_harness import EVENTS, Patient, graph_error, lead, received, running
from api_payments import SECRETS as PAYMENT_SECRETS
from api_payments import payments, tell
from test_api_imports import IMPORTS, sale, table

from konversi.aftercare import upkeep
from konversi.imports.store import Imports
from konversi.intake import importing

DAY = 86_400
DUTIES = ((upkeep.Upkeep, "_prune"), (upkeep.Upkeep, "_forget_the_rest"), (Imports, "tidy"))
# The kinds, in the order in which they go, with the days after which they do.
KEPT = {"failed": 5, "agent": 7, "import": 9, "payment": 11, "consent": 13, "delivered": 15, "chat": 17, "audit": 19}


class Later(Patient):
    """A clock that can be put forward, and that knows how often each duty of forgetting was done."""

    days = 0.0

    def __init__(self):
        self.rounds = Counter()

    def now(self):
        return super().now() + self.days * DAY

    def put_to(self, days):
        """Every duty has been done twice since then."""
        self.days = days
        done = +self.rounds
        until(lambda: all(self.rounds[duty] > done[duty] + 1 for _, duty in DUTIES), "everything that is due is done")

    def counts(self, monkeypatch, owner, duty):
        does = getattr(owner, duty)

        async def counted(*given, **named):
            result = await does(*given, **named)
            self.rounds[duty] += 1
            return result

        monkeypatch.setattr(owner, duty, counted)


@pytest.fixture
def clock(monkeypatch):
    one = Later()
    monkeypatch.setattr(api_harness, "Patient", lambda: one)
    for duty in DUTIES:
        one.counts(monkeypatch, *duty)
    for module, names in ((upkeep, ("_PRUNE_EVERY", "_FORGET_EVERY", "_BREATH")), (importing, ("_LOOK_EVERY",))):
        for name in names:
            monkeypatch.setattr(module, name, 0.05)
    return one


@pytest.fixture
def server(settings, tmp_path, clock):
    days = {
        "failed_days": KEPT["failed"], "agent_days": KEPT["agent"], "import_days": KEPT["import"],
        "payment_days": KEPT["payment"], "consent_days": KEPT["consent"], "retention_days": KEPT["delivered"],
        "journey_days": KEPT["chat"], "audit_days": KEPT["audit"],
    }  # fmt: skip
    url = f"sqlite:///{tmp_path}/r.db"
    with running(settings(database_url=url, **days, **CHAT_SECRETS, **PAYMENT_SECRETS)) as one:
        yield one


class Traces:
    """One of each kind, and whether it is still there."""

    def __init__(self, server, http):
        self.http, phone = http, phone_of(unused())
        whatsapp(http, message(phone=phone))
        self.delivered = self._event(server, booking_id="BK-1", customer={"phone": phone})
        server.meta.answer = graph_error(100, 2804050)
        self.failed = self._event(server, event_id="refused", customer={"phone": phone_of(unused())})
        server.meta.answer = received
        used = {"toolsUsed": ["getAvailableSlots"], "toolResults": [{"slots": ["10:00"]}]}
        turn = {"customerPhone": phone, "reply": "Sudah kami booking ya kak.", "metadata": used}
        http.post("/v1/agent/turns", json=turn).raise_for_status()
        tell(http, "midtrans", "paid", "pay-1", "BK-1")
        for state in ("granted", "denied"):
            http.put("/v1/consents", json={"phone": phone_of(0), "state": state}).raise_for_status()
        file = http.post(IMPORTS, content=table(sale()), headers={"content-type": "text/csv"}).json()["import"]
        self.file = f"{IMPORTS}/{file}"
        until(lambda: http.get(self.file).json()["state"] == "ended", "the file is done")
        self.journey = f"/v1/journeys/{listed(http)[0]['journey']}"

    def _event(self, server, **given):
        found = self.http.post(EVENTS, json=lead(**given)).json()["receipt"]
        server.ended(found)
        return f"{EVENTS}/{found}"

    def kinds(self):
        """Those of which something is left."""
        chat = self.http.get(self.journey)
        timeline = chat.json()["timeline"] if chat.is_success else []
        said = self.http.post("/v1/consents/show", json={"phone": phone_of(0)}).json()["purposes"][0]["said"]
        there = {
            "failed": self.http.get(self.failed).is_success,
            "agent": any(one["kind"] in ("tool_call", "said_booked_but_did_not") for one in timeline),
            "import": self.http.get(self.file).is_success,
            "payment": bool(payments(self.http)),
            "consent": [one["state"] for one in said] == ["denied", "granted"],
            "delivered": self.http.get(self.delivered).is_success,
            "chat": chat.is_success,
            "audit": any("import" in one["action"] for one in self.http.get("/v1/audit").json()["changes"]),
        }
        assert said[0]["state"] == "denied"  # the last word counts for ever
        return {kind for kind, is_there in there.items() if is_there}


def test_each_kind_goes_after_its_own_days_and_nothing_else(server, clock):
    with server.client() as http:
        traces = Traces(server, http)
        left = set(KEPT)
        assert traces.kinds() == left
        for kind, days in KEPT.items():
            clock.put_to(days - 0.5)
            assert traces.kinds() == left, kind
            clock.put_to(days + 0.5)
            left = left - {kind}
            assert traces.kinds() == left, kind
