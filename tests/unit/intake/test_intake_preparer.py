"""The preparer does what the gateway itself would do, over the wire."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import sys
from itertools import count
from types import MappingProxyType

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konversi._version import __version__
from konversi.datasets.registry import Account, Dataset, Registry
from konversi.events.faults import Fault, Refused
from konversi.intake.answer import Answer
from konversi.intake.event_lists import LONG, Lines, Listed
from konversi.intake.invalid_fields import InvalidFields
from konversi.intake.payments.doors import Terms
from konversi.intake.prepare import Past, Preparation, Read, Ready, Refusal, Rules
from konversi.intake.preparer import beside, line, process
from konversi.intake.preparer.messages import (
    LENGTH,
    Asking,
    Circumstances,
    Composing,
    Forgotten,
    Kept,
    Prepared,
    Reading,
    Replied,
    Started,
    Trusted,
    packed,
    raised,
    unpacked,
)
from konversi.intake.preparer.process import Preparer
from konversi.intake.receipts import Receipt, Tally
from konversi.journeys.attribution import Known, Touch
from konversi.journeys.keyring import Keyring
from konversi.outbox.states import State
from konversi.value.in_effect import InEffect, Values
from konversi.value.rules import read as read_rules

SECRET = b"s" * 32
PATIENCE = 20.0
NOW = 1_795_000_000.0
KEYRING = Keyring(SECRET, chats=True, customers=True)
OURS = Prepared(1, None)
NOBODY = Past({}, {}, {}, {})
HALF = '[[rules]]\nname = "Half"\nservice = "*"\nshare = 0.5\n'
REGISTRY = Registry(
    "1234567890",
    MappingProxyType({"777": Dataset("777", "Second", "a-token", "an-app-secret", None, NOW)}),
    MappingProxyType({Account("whatsapp", "waba-1"): "777"}),
    MappingProxyType({"line-1": "waba-1"}),
)


def rules(**more):
    return Rules(SECRET, "ID", "IDR", "TEST12345", values=Values("IDR"), **more)


def circumstances(*, keyring=KEYRING, routes=REGISTRY, value=None, named=True):
    own = rules()
    if value is not None:
        own.values.now = InEffect(value)
    return Circumstances.now(own, routes, keyring, named=named)


def over_the_wire(message):
    sent = packed(message)
    assert LENGTH.unpack(sent[: LENGTH.size]) == (len(sent) - LENGTH.size,)
    return unpacked(sent[LENGTH.size :])


class Wired:
    """A preparer that is spoken to as the gateway does."""

    def __init__(self, under):
        self.preparer = Preparer()
        self.tell(under.portable())

    def tell(self, message):
        answer = self.preparer.answer(over_the_wire(message))
        return None if answer is None else over_the_wire(answer)

    def asked(self, body, number=1):
        return self.tell(Reading(number, Listed(body), NOW))

    def prepared(self, body, past=NOBODY, number=1):
        answer = self.asked(body, number)
        if isinstance(answer, Asking):
            answer = self.tell(Composing(number, past))
        return [raised(one) for one in answer.events]


def here(under, body, past=NOBODY):
    numbers = count()
    own = Preparation(under.rules, lambda: under.keyring, lambda: under.routes, lambda: f"unique-{next(numbers)}")
    read = [
        Refusal(one, None) if isinstance(one, Refused) else own.read(one, NOW) for one in Listed(body).conversions()
    ]
    return [own.ready(one, past) if isinstance(one, Read) else one for one in read]


def same(one, other):
    if isinstance(one, Refusal) or isinstance(other, Refusal):
        return (one.event_id, one.error.faults) == (other.event_id, other.error.faults)
    return one == other


def body_of(*events):
    return json.dumps({"events": list(events)}, ensure_ascii=False).encode()


words = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)
events = st.fixed_dictionaries(
    {"event": st.sampled_from(["Lead", "Purchase", "Schedule", "Something of ours", "in valid!"])},
    optional={
        "event_id": st.sampled_from(["own-1", "own-2"]),
        "booking_id": words,
        "occurred_at": st.sampled_from([NOW, NOW - 100, 1, "2026-11-01T10:00:00+07:00", "never"]),
        "customer": st.fixed_dictionaries(
            {},
            optional={
                "phone": st.sampled_from(
                    ["+6281234567890", "0812 3456 7890", "12", ["+6281234567890", "081111111111"]]
                ),
                "name": words,
                "email": st.sampled_from(["a@example.com", "not one"]),
                "city": st.sampled_from(["Jaksel", "Bandung"]),
                "preferences": st.dictionaries(words, words, max_size=2),
            },
        ),
        "value": st.one_of(st.integers(-1, 10**6), st.floats(0, 1e6)),
        "currency": st.sampled_from(["IDR", "usd", "XXX"]),
        "services": st.lists(
            st.fixed_dictionaries({"name": words}, optional={"price": st.integers(0, 10)}), max_size=2
        ),
        "channel": st.sampled_from(["whatsapp", "store", "telegraph"]),
        "click": st.just({"ctwa_clid": "clid-1"}),
        "dataset": st.sampled_from(["777", "888"]),
        "custom": st.dictionaries(words, st.one_of(words, st.booleans(), st.integers()), max_size=2),
        "unknown": st.just(1),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(events, min_size=1, max_size=5))
def test_a_list_becomes_what_the_gateway_would_have_made_of_it(sent):
    sent = [{**one, "event_id": one.get("event_id", f"own-{n}")} for n, one in enumerate(sent)]  # nothing by chance
    under, body = circumstances(), body_of(*sent)
    for one, other in zip(Wired(under).prepared(body), here(under, body), strict=True):
        assert same(one, other)


def test_it_asks_for_those_who_may_be_known_and_goes_by_what_is_known_of_them():
    under = circumstances()
    body = body_of({"event": "Lead", "event_id": "e-1", "customer": {"phone": "+6281234567890"}})
    wired = Wired(under)
    (asked,) = wired.asked(body).wanted
    (conversion,) = Listed(body).conversions()
    read = Preparation(under.rules, lambda: under.keyring, lambda: REGISTRY, str).read(conversion, NOW)
    assert (asked.keys, asked.customer, asked.event_id) == (read.keys, read.customer, "e-1")
    click = Touch(5, int(NOW) - 60, "waba-1", "line-1", "clid-1", "ad-9")
    person = Known(3, "whatsapp", "waba-1", "line-1", NOW - 30, {"ph": read.matched.user_data["ph"]}, [click])
    past = Past({read.keys[0]: [person]}, {}, {}, {})
    (prepared,) = wired.prepared(body, past)
    assert prepared == here(under, body, past)[0]
    assert (prepared.new.journey, prepared.new.touch, prepared.new.dataset) == (3, 5, "777")


def test_a_list_comes_back_at_once_where_nobody_is_known():
    under = circumstances(keyring=Keyring(SECRET), routes=Registry("1234567890"))
    wired = Wired(under)
    body = body_of({"event": "Lead", "event_id": "e-1", "customer": {"phone": "+6281234567890"}})
    (prepared,) = map(raised, wired.asked(body).events)
    assert prepared == here(under, body)[0]
    assert not wired.preparer._read


def test_value_rules_speak_there_as_here():
    value = read_rules(HALF)
    under = circumstances(value=value)
    body = body_of(
        {
            "event": "Lead",
            "event_id": "e-1",
            "services": [{"name": "Repaint", "price": 1000}],
            "customer": {"phone": "+6281234567890"},
        }
    )
    (prepared,) = Wired(under).prepared(body)
    assert prepared == here(under, body)[0]
    assert orjson.loads(prepared.new.body)["custom_data"]["value"] == 500


def test_what_changes_meanwhile_is_gone_by_from_then_on():
    body = body_of({"event": "Lead", "event_id": "e-1", "dataset": "777", "customer": {"phone": "+6281234567890"}})
    wired = Wired(circumstances(routes=Registry("1234567890")))
    (refused,) = wired.prepared(body)
    assert [fault.code for fault in refused.error.faults] == ["unknown_dataset"]
    wired.tell(circumstances().portable())
    (taken,) = wired.prepared(body)
    assert taken.new.dataset == "777"


def test_circumstances_are_told_again_only_where_they_are_others():
    own, keyring = rules(), Keyring(SECRET)
    first = Circumstances.now(own, REGISTRY, keyring)
    assert first.are(Circumstances.now(own, REGISTRY, keyring))
    assert not first.are(None)
    assert not first.are(Circumstances.now(own, Registry("1"), keyring))
    own.values.now = InEffect(read_rules(HALF))
    assert not first.are(Circumstances.now(own, REGISTRY, keyring))


def test_no_token_goes_over_the_wire():
    sent = packed(circumstances().portable())
    assert b"a-token" not in sent
    assert b"an-app-secret" not in sent
    assert "secret=" not in repr(circumstances())
    assert SECRET.decode() not in repr(circumstances())


def test_a_list_with_payments_is_the_gateways_own():
    wired = Wired(circumstances())
    paid = {"event": "Purchase", "payment_id": "p-1", "value": 1, "customer": {"phone": "+6281234567890"}}
    assert wired.asked(body_of(paid)) == OURS


@pytest.mark.parametrize("body", [b"{", b'{"events": 5}', b'{"events": []}', b'{"events": [], "more": 1}'])
def test_what_is_no_list_is_the_gateways_own(body):
    assert Wired(circumstances()).asked(body) == OURS


def test_a_fault_of_its_own_leaves_the_list_to_the_gateway_and_the_next_one_is_taken(monkeypatch):
    wired = Wired(circumstances())
    body = body_of({"event": "Lead", "customer": {"phone": "+6281234567890"}})
    with monkeypatch.context() as patch:
        patch.setattr(process, "Asked", None)
        assert wired.asked(body) == OURS
    assert isinstance(wired.prepared(body, number=2)[0], Ready)


def test_a_list_that_it_cannot_prepare_is_not_remembered(monkeypatch):
    wired = Wired(circumstances())
    monkeypatch.setattr(process, "Asked", None)
    assert wired.asked(body_of({"event": "Lead", "customer": {"phone": "+6281234567890"}})) == OURS
    assert not wired.preparer._read


@pytest.mark.parametrize("said", [b"", packed(Forgotten(1)), packed(Forgotten(1)) + packed(Forgotten(2))[:-3]])
def test_it_ends_without_a_word_where_the_gateway_died_in_the_middle_of_a_message(said):
    ours, theirs = socket.socketpair()
    hands, other_hands = socket.socketpair()
    with ours, hands, theirs, other_hands:
        command = [*line._COMMAND, str(other_hands.fileno())]
        with subprocess.Popen(
            command, stdin=theirs.fileno(), pass_fds=[other_hands.fileno()], stderr=subprocess.PIPE
        ) as ended:
            theirs.close()
            ours.sendall(packed(Trusted({})))
            heard = None
            while not isinstance(heard, Started):
                (length,) = LENGTH.unpack(ours.recv(LENGTH.size, socket.MSG_WAITALL))
                heard = unpacked(ours.recv(length, socket.MSG_WAITALL))
            ours.sendall(said)
            ours.close()
            assert ended.communicate(timeout=PATIENCE) == (None, b"")
            assert ended.returncode == 0


async def test_it_has_loaded_what_stripe_needs_before_it_says_that_it_has_begun(monkeypatch):
    said = []
    one = process._Process()
    monkeypatch.setattr(one._wire, "tell", said.append)
    monkeypatch.setattr(process.stripe, "installed", lambda: said.append("loaded"))
    terms = Terms("a-key", "order_id", production=True, country="ID")
    one._heard(Trusted({"/webhooks/stripe": terms}))
    assert said == ["loaded", Started(__version__)]


def test_nothing_that_it_is_told_makes_it_load_more_than_it_began_with():
    receipt = Receipt("ev_1", "Lead:1", repeat=False, notes=(), event=1, state=State.DELIVERED)
    terms = Terms("a-key", "order_id", production=True, country="ID")
    told = [circumstances().portable(), Trusted({"/webhooks/midtrans": terms})]
    told += [Kept(-1, [receipt, Tally(1, 0, 0), None]), Kept(-1, None, Answer(503, b"")), Replied(1, Answer(200, b""))]
    code = (
        "import sys, konversi.intake.preparer.process as process\n"
        "from konversi.intake.preparer.messages import unpacked\n"
        f"for body in {[packed(one)[LENGTH.size :] for one in told]!r}: unpacked(body)\n"
        "print({one for one in sys.modules if one.partition('.')[0] in ('sqlalchemy', 'uvicorn', 'httpx2', 'stripe')})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert ran.stdout.strip() == "set()"


def test_a_list_that_nobody_waits_for_is_forgotten():
    wired = Wired(circumstances())
    wired.asked(body_of({"event": "Lead", "customer": {"phone": "+6281234567890"}}), number=7)
    assert wired.tell(Forgotten(7)) is None
    assert wired.tell(Composing(7, NOBODY)) == Prepared(7, None)
    assert not wired.preparer._read


def test_match_keys_come_back_only_where_they_are_wanted():
    body = body_of({"event": "Lead", "customer": {"phone": "+6281234567890"}})
    (named,) = Wired(circumstances()).prepared(body)
    (unnamed,) = Wired(circumstances(named=False)).prepared(body)
    assert set(named.user_data) == {"ph", "external_id"}
    assert not unnamed.user_data


def test_a_refusal_is_made_of_its_faults_again():
    fault = Fault("value", "too_small", "is smaller.", "Send more.")
    for kind in (Refused, InvalidFields):
        there = over_the_wire(kind([fault]))
        assert type(there) is kind
        assert there.faults == (fault,)
        assert str(there) == str(kind([fault]))


def test_lines_are_read_as_lists_are():
    lines = Lines(b'{"event": "Lead"}\n\n{"event": 5}\n')
    first, second = lines.conversions()
    assert first.event == "Lead"
    assert isinstance(second, Refused)
    assert not lines.is_long
    assert Lines(b"x" * LONG).is_long


@pytest.mark.parametrize(
    ("said", "cores"),
    [("max 100000\n", math.inf), ("100000 100000\n", 1), ("250000 100000\n", 2.5), ("", math.inf), ("odd", math.inf)],
)
def test_a_container_may_use_what_its_quota_says(tmp_path, said, cores):
    quota = tmp_path / "cpu.max"
    quota.write_text(said)
    assert beside._cores_granted(quota) == cores
    assert beside._cores_granted(tmp_path / "missing") == math.inf


def test_a_single_core_has_no_room(tmp_path, monkeypatch):
    quota = tmp_path / "cpu.max"
    quota.write_text("100000 100000\n")
    monkeypatch.setattr(beside, "_QUOTA", quota)
    assert not beside.has_room()
