"""How well the model of what bookings teach is calibrated, on bookings that it has not seen, and what counting costs.

python benchmarks/value.py [BOOKINGS] [SEED]

Customers book services that differ, from ads that differ, and some of them pay. Their bookings and payments go through
the outbox and are counted as a gateway counts them. Of what comes later only the truth is known, and what the model had
said of it. It is held against the base rate (one number for all), each service's own rate without shrinkage, and the
truth itself, which nobody can beat.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from decimal import Decimal
from math import exp, log
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import orjson

from konversi.insight.valuing import Valuing
from konversi.journeys.store import Journeys
from konversi.outbox.port import NewEvent
from konversi.outbox.store import open_outbox
from konversi.value.in_effect import InEffect, Values
from konversi.value.model import Model
from konversi.value.rules import read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.outbox.store import SqlOutbox

_SERVICES, _ADS, _AT_ONCE, _HELD_OUT = 30, 40, 1_000, 40_000
_DAY = 86_400
_BINS = 10
_RULES = '[learned]\nuse = ["show_up", "value"]\n'


class Truth:
    """What nobody sees: how likely customers of an ad are to pay for a service, and what they pay."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.services = [f"service {number}" for number in range(_SERVICES)]
        self.ads = [str(1202_000 + number) for number in range(_ADS)]
        self._of_service = {one: chance.gauss(0.4, 0.8) for one in self.services}
        self._of_ad = {(s, a): chance.gauss(0.0, 0.5) for s in self.services for a in self.ads}
        self.price = {one: round(exp(chance.gauss(13.5, 0.9)), -3) for one in self.services}  # rupiah
        self._discount = {one: chance.betavariate(20, 3) for one in self.services}
        self._popular = [1 / (1 + place) for place in range(_SERVICES)]
        self._seen = [1 / (1 + place) ** 0.7 for place in range(_ADS)]

    def rate(self, service: str, ad: str) -> float:
        return 1 / (1 + exp(-self._of_service[service] - self._of_ad[service, ad]))

    def booking(self) -> Booking:
        service = self._chance.choices(self.services, self._popular)[0]
        ad = self._chance.choices(self.ads, self._seen)[0]
        pays = self._chance.random() < self.rate(service, ad)
        paid = self.price[service] * min(1.0, max(0.1, self._chance.gauss(self._discount[service], 0.1)))
        return Booking(service, ad, round(paid) if pays else None)


class Booking(NamedTuple):
    """One, and what was paid for it in the end."""

    service: str
    ad: str
    paid: int | None


async def main(number: int, seed: int) -> None:
    """Print how good it is."""
    truth = Truth(Random(seed))
    learned_of = [truth.booking() for _ in range(number)]
    held_out = [truth.booking() for _ in range(_HELD_OUT)]
    with tempfile.TemporaryDirectory() as folder:
        outbox = await open_outbox(f"sqlite:///{Path(folder) / 'value.db'}")
        try:
            model = await _learned(outbox, truth, learned_of)
        finally:
            await outbox.aclose()
    print(f"imagined beside a service's own: {model.of_services:.0f}, beside an ad's: {model.of_ads:.0f}")
    base = sum(one.paid is not None for one in learned_of) / number
    _compare(truth, learned_of, held_out, model, base)
    _bins(held_out, model, base)
    _amounts(truth, held_out, model)


async def _learned(outbox: SqlOutbox, truth: Truth, bookings: Sequence[Booking]) -> Model:
    """Through the outbox, as a gateway learns."""
    journeys = Journeys(outbox.database, b"secret", country="ID", now=time.time)
    await journeys.open()
    now = int(time.time())
    await outbox.database.write(
        lambda connection: (
            connection.exec_driver_sql(
                "INSERT INTO touches (journey, at, account, ad_id) VALUES (?, ?, '1', ?)",
                [(place, now, ad) for place, ad in enumerate(truth.ads, 1)],
            ).rowcount
        )
    )
    begun = time.perf_counter()
    for start in range(0, len(bookings), _AT_ONCE):
        await outbox.append(
            [
                event
                for place in range(start, min(start + _AT_ONCE, len(bookings)))
                for event in _events(truth, bookings[place], place, now)
            ]
        )
    kept = time.perf_counter() - begun
    values = Values("IDR")
    values.now = InEffect(read(_RULES))
    valuing = Valuing(
        outbox.database, values, messaging_names={}, check=lambda _: None, tell=lambda: None, hours=0,
        now=lambda: time.time() + 15 * _DAY,
    )  # fmt: skip
    valuing.from_file, valuing._file = "a file", values.now.rules  # noqa: SLF001 - as the settings would name one
    begun = time.perf_counter()
    await valuing.learn()
    counted = time.perf_counter() - begun
    print(
        f"{len(bookings)} bookings: kept in {kept:.1f} s, counted in {counted:.1f} s"
        f" ({len(bookings) / counted:,.0f}/s, {counted / kept:.2f} of the time it took to keep them)"
    )
    learned = values.now.learned
    assert isinstance(learned, Model)
    return learned


def _events(truth: Truth, one: Booking, place: int, now: int) -> list[NewEvent]:
    booking, touch = f"BK-{place}", truth.ads.index(one.ad) + 1
    contents = [{"id": one.service, "title": one.service, "quantity": 1}]
    told = [("Lead", truth.price[one.service], contents)]
    told += [] if one.paid is None else [("Purchase", one.paid, [])]
    return [
        NewEvent(
            lane="default|live|chat", dataset="default", event_name=name, event_id=f"{name}:{booking}", booking_id=booking,
            event_time=now, deadline=10**10, digest=b"d" * 16, notes="", touch=touch,
            body=orjson.dumps({"event_name": name, "custom_data": {"value": int(value), "currency": "IDR", "contents": of}}),
        )
        for name, value, of in told
    ]  # fmt: skip


def _compare(
    truth: Truth, learned_of: Sequence[Booking], held_out: Sequence[Booking], model: Model, base: float
) -> None:
    seen: dict[tuple[str, ...], list[bool]] = {}
    for one in learned_of:
        for place in ((one.service,), (one.service, one.ad)):
            seen.setdefault(place, []).append(one.paid is not None)
    own = {place: sum(paid) / len(paid) for place, paid in seen.items()}
    ways: dict[str, Callable[[Booking], float]] = {
        "base rate": lambda _: base,
        "own rate of the service": lambda one: own.get((one.service,), base),
        "own rate of service and ad": lambda one: own.get((one.service, one.ad), own.get((one.service,), base)),
        "the model": lambda one: _said(model, one, base),
        "the truth": lambda one: truth.rate(one.service, one.ad),
    }
    print(f"\n{'':28}{'Brier':>8}{'x base':>8}{'log loss':>10}")
    reference = None
    for name, way in ways.items():
        brier = sum((way(one) - (one.paid is not None)) ** 2 for one in held_out) / len(held_out)
        loss = -sum(log(max(1e-3, p if one.paid is not None else 1 - p)) for one in held_out for p in [way(one)])
        reference = reference or brier
        print(f"{name:28}{brier:8.4f}{brier / reference:8.3f}{loss / len(held_out):10.4f}")


def _said(model: Model, one: Booking, fallback: float) -> float:
    figure = model.show_up(one.service, one.ad)
    return fallback if figure is None else float(figure.number)


def _bins(held_out: Sequence[Booking], model: Model, base: float) -> None:
    said = sorted((_said(model, one, base), one.paid is not None) for one in held_out)
    print(f"\n{'promised':>10}{'came':>8}{'bookings':>10}")
    size = len(said) // _BINS
    error = 0.0
    for start in range(0, size * _BINS, size):
        some = said[start : start + size]
        promised, came = sum(p for p, _ in some) / size, sum(paid for _, paid in some) / size
        error += abs(promised - came) / _BINS
        print(f"{promised:10.3f}{came:8.3f}{size:10}")
    print(f"on average {error:.3f} apart")


def _amounts(truth: Truth, held_out: Sequence[Booking], model: Model) -> None:
    """What was told for all of them together, and how far off it was for one, beside the price as it was given."""
    paid = [one for one in held_out if one.paid is not None]
    real = sum(one.paid or 0 for one in paid)
    price = sum(truth.price[one.service] for one in held_out)
    told = Decimal(0)
    for one in held_out:
        rate, share = model.show_up(one.service, one.ad), model.paid_share(one.service, one.ad)
        worth = Decimal(truth.price[one.service])
        told += worth * (rate.number if rate else 1) * (share.number if share else 1)
    print(f"\nof what was paid in the end the prices tell {price / real:.3f}, the model {float(told) / real:.3f}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
