"""The benchmarks of the chat side."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from in_process import BareCommits
from konversi import SyncKonversi
from konversi.agents.observer import Finished, Observer
from konversi.clock import now
from konversi.database.sqlite_database import SqliteDatabase
from konversi.events.conversion import Customer
from konversi.intake.whatsapp import samples
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral
from konversi.journeys.attribution import Window, attribute
from konversi.journeys.store import Journeys
from konversi.matching.match import match
from processes import bare, gateway, receiver, wrk

_SECRET = "an-app-secret"
_CALLS = 150_000
_CHATS, _MESSAGES = 300, 10  # at a time, and of each: then others begin to write
_CLICKS = 7  # one message in so many comes from an ad
_SIZES = (10_000, 1_000_000)
_LOOKED_UP = 3_000
_AT_ONCE = 2_000
_PAUSE = 0.002  # seconds between two bookings; in life it is minutes


def webhook(rounds: int, seconds: int) -> None:
    """Signed WhatsApp messages, durable before the answer, against checking and reading the same ones."""
    ratios, tails, rates, bares = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            os.environ["PAYLOADS"] = str(_payloads(Path(folder) / "payloads", number))
            with bare() as reference:
                base = wrk(reference, "webhook.lua", seed=1, seconds=seconds)
            with receiver() as meta, gateway(meta, WHATSAPP_APP_SECRET=_SECRET) as konversi:
                load = wrk(konversi, "webhook.lua", seed=1, seconds=seconds)
            assert load.failed == base.failed == 0
            assert load.per_second * seconds < _CALLS, "the calls came round: they would have been known already"
            bares.append(base.per_second)
            rates.append(load.per_second)
            ratios.append(load.per_second / base.per_second)
            tails.append(load.p99 / base.p99)
    print(f"  bare {statistics.median(bares):,.0f}/s   Konversi {statistics.median(rates):,.0f}/s")
    print(f"  x bare {statistics.median(ratios):.2f}   p99 x bare's {statistics.median(tails):.1f}")


def _payloads(path: Path, number: int) -> Path:
    at = int(now())
    with path.open("wb") as file:
        for index in range(_CALLS):
            kind: Any = "organic" if index % _CLICKS else "ad-click"
            person = index // (_CHATS * _MESSAGES) * _CHATS + index % _CHATS
            who = {"phone": f"+62812{person:08d}", "user_id": f"ID.{person:014d}"}
            call = samples.message(kind, message_id=f"wamid.{number}-{index}", at=at, **who)
            body = samples.as_sent(call)
            signature = hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest()
            file.write(b"sha256=" + signature.encode() + b"\n" + body + b"\n")
    return path


def attribution(_rounds: int, _seconds: int) -> None:
    """Finding the click of a conversion with ten thousand and with a million customers, by turns; microseconds, p50.

    In life something is written between two of them, the conversions themselves at least, and SQLite then forgets what
    it had read. Where nothing is, it still has all of the smaller database that it needs.
    """
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(_attributions(Path(folder)))
    for kind, by_size in took.items():
        few, many = (statistics.median(by_size[size]) for size in _SIZES)
        print(f"  {kind:<16} {_SIZES[0]:,} customers {few:6.1f}   {_SIZES[1]:,} {many:6.1f}   x {many / few:.2f}")


async def _attributions(folder: Path) -> dict[str, dict[int, list[float]]]:
    chats = {size: await _chats(folder, size) for size in _SIZES}
    took: dict[str, dict[int, list[float]]] = {}
    for kind, writing in (("among messages", True), ("nothing written", False)):
        took[kind] = {size: [] for size in _SIZES}
        for index in range(_LOOKED_UP):
            for size, (_, journeys) in chats.items():
                if writing:
                    await journeys.arrive(Heard((_message(index % size, f"wamid.{size}-{index}"),)))
                took[kind][size].append(await _look_up(journeys, index * 7_919 % size))
    for database, _ in chats.values():
        await database.aclose()
    return took


async def _chats(folder: Path, size: int) -> tuple[SqliteDatabase, Journeys]:
    """A database with so many customers, each of whom an ad brought."""
    database = await SqliteDatabase.open(f"sqlite:///{folder}/{size}.db")
    journeys = Journeys(database, b"s" * 32, country="ID", now=now)
    await journeys.open()
    for first in range(0, size, _AT_ONCE):
        people = range(first, first + _AT_ONCE)
        await journeys.arrive(Heard(tuple(_message(one, f"wamid.{one}", f"clid-{one}") for one in people)))
    return database, journeys


def _message(person: int, message: str, click: str | None = None) -> Arrival:
    who = Identities(f"+62812{person:08d}", None, None)
    referral = Referral(click, f"ad-{person % 30}", "ad") if click else None
    return Arrival(message, "whatsapp", "102290129340398", "1065", int(now()) - 60, who, "text", referral)


async def _look_up(journeys: Journeys, person: int) -> float:
    user_data = match(Customer(phone=f"+62812{person:08d}"), country="ID", seen_ms=1_795_000_000_000).user_data
    began = time.perf_counter()
    keys = journeys.keyring.of_chats(user_data)
    known = await journeys.known(keys)
    credited = attribute(
        known[keys[0]], channel=None, dataset=None, click_id=None, event_name="LeadSubmitted", occurred=int(now()),
        window=Window(), dataset_of=lambda _channel, _account, _line: None,
    )  # fmt: skip
    took = (time.perf_counter() - began) * 1e6
    assert credited.touch is not None
    return took


def hook(_rounds: int, seconds: int) -> None:
    """What a hook adds to an agent's succeeded booking, against a bare fsynced SQLite commit; milliseconds, p50."""
    logging.getLogger("konversi").setLevel(logging.CRITICAL)
    for name, pause in (("one after the other", 0.0), ("with pauses", _PAUSE)):
        with tempfile.TemporaryDirectory() as folder, SyncKonversi(data_dir=Path(folder)) as tracker:
            bare = BareCommits(Path(folder) / "bare.db", pause)
            embedded = asyncio.run(_hooked(tracker, bare, seconds))
            base = bare.end()
        print(f"  {name:<20} bare commit {base:.3f}   embedded {embedded:.3f}   x bare {embedded / base:.2f}")
    with tempfile.TemporaryDirectory() as folder, receiver() as meta, gateway(meta) as konversi:
        bare = BareCommits(Path(folder) / "bare.db")
        with SyncKonversi(url=konversi) as tracker:
            print(f"  gateway elsewhere: {asyncio.run(_hooked(tracker, bare, min(seconds, 2))):.3f}")


async def _hooked(tracker: SyncKonversi, bare: BareCommits, seconds: int) -> float:
    observer = Observer("Lead", via=tracker, customer=Customer(phone="+6281234567890"))
    took = []
    end = time.perf_counter() + 2 * seconds
    number = 0
    while time.perf_counter() < end and number < _AT_ONCE:
        number += 1
        bare.turn(number)
        result = {"success": True, "booking_id": f"BK-{number}-{seconds}", "total_price": 150000}
        call = Finished(
            tool="create_booking", arguments={"service": "repaint"}, result=result, call_id=f"call-{number:020d}"
        )
        await asyncio.sleep(bare.pause)
        began = time.perf_counter()
        await observer.saw_async(call)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)
