"""A day of made-up traffic: 5,000 chats from twelve ads, what the agent did in them, and what became of the bookings.

The same seed gives the same day. Everything goes the way that real traffic goes, only by a clock that runs a day behind
and hurries, and to a Meta whose answers are made up as well: an outage in the afternoon, a few refusals, one send in
doubt.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from random import Random  # noqa: TID251 - the day is told again from its seed
from typing import TYPE_CHECKING, NamedTuple

from konversi.clock import unique
from konversi.delivery.decide import HELD
from konversi.events.agent import ToolUse, Turn
from konversi.events.conversion import Conversion, Customer, Service
from konversi.intake.receive import Receiver
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral
from konversi.meta.answers import judge
from konversi.outbox.port import Choice, Settlement
from konversi.outbox.states import Step
from konversi.sandbox.ads import AD_IDS, NODES
from konversi.wiring.gateway import rules_of
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from konversi.outbox.port import Batch, Candidate
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores

CHATS = 5_000
_DAY = 86_400
_ROUND = 300  # seconds that are played together, since each commit costs milliseconds
_ACTS = (
    "message",
    "clicks again",
    "asks",
    "looks",
    "only said",
    "tries",
    "books",
    "pays",
)  # in the order in which one chat has them
_OUTAGE = (14.0, 14.5)  # hours of the day that Meta is away
_BY_HOUR = (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 12, 10, 9, 9, 10, 12, 14, 16, 15, 11, 7, 4)
_SLOWNESS = {"check_price": 0.4, "find_slots": 1.3, "create_booking": 2.1}
_ACCOUNT, _LINE = "104123412341234", "+6281200001111"
_SERVICES = (("Repaint Bodi Halus", 150_000), ("Poles Bodi", 350_000), ("Coating", 1_200_000), ("Cuci Detail", 85_000))
_REFUSED = judge(400, b'{"error":{"code":100,"error_subcode":2804050}}', 1).reason
_IN_DOUBT = HELD.format(judge(502, b"", 1).reason)


class _Scene(NamedTuple):
    """Something that happens in a chat."""

    at: float
    chat: int
    what: str


class _Hurried:
    """A clock that is set."""

    at = 0.0

    def now(self) -> float:
        return self.at

    def jitter(self) -> float:
        return 0.5


async def fill(settings: Settings, until: float, seed: int, chats: int = CHATS) -> int:
    """Fill an empty database with the day that ends then (Unix seconds); how many events there are."""
    chance, clock = Random(seed), _Hurried()  # noqa: S311 - nothing secret rests on it
    async with open_stores(settings, clock) as stores:
        stores.database.now = clock.now  # type: ignore[method-assign]
        day = _Day(settings, stores, seed, clock)
        begin = until - _DAY
        rounds = defaultdict(list)
        for scene in sorted(_scenes(chance, begin, chats)):
            rounds[int((scene.at - begin) // _ROUND)].append(scene)
        for number in range(_DAY // _ROUND):
            clock.at = begin + (number + 1) * _ROUND
            for act in _ACTS:
                await asyncio.gather(*(day.play(scene) for scene in rounds[number] if scene.what == act))
            await day.deliver(number * _ROUND / 3_600)
        return day.events


def _scenes(chance: Random, begin: float, chats: int) -> Iterator[_Scene]:
    """Each chat as far as it goes."""
    hours = chance.choices(range(24), _BY_HOUR, k=chats)
    for chat, hour in enumerate(hours):
        at = begin + hour * 3_600 + chance.random() * 3_600
        yield _Scene(at, chat, "message")
        if chance.random() < 0.06:  # noqa: PLR2004
            yield _Scene(at + chance.uniform(600, 7_200), chat, "clicks again")
        if chance.random() > 0.42:  # noqa: PLR2004 - the share that goes on
            continue
        yield _Scene(at := at + chance.uniform(60, 600), chat, "asks")
        if chance.random() < 0.7:  # noqa: PLR2004
            yield _Scene(at := at + chance.uniform(20, 120), chat, "looks")
        fate = chance.random()
        if fate < 0.06:  # noqa: PLR2004
            yield _Scene(at + 30, chat, "only said")
        elif fate < 0.10:  # noqa: PLR2004
            yield _Scene(at + 60, chat, "tries")
        elif fate < 0.42:  # noqa: PLR2004
            yield _Scene(at := at + chance.uniform(60, 900), chat, "books")
            if chance.random() < 0.45:  # noqa: PLR2004
                yield _Scene(at + chance.uniform(120, 3_000), chat, "pays")


class _Day:
    def __init__(self, settings: Settings, stores: Stores, seed: int, clock: _Hurried) -> None:
        self.events = 0
        self._stores, self._seed, self._clock = stores, seed, clock
        self._chance = Random(seed)  # noqa: S311 - nothing secret rests on it
        self._receiver = Receiver(
            stores.outbox,
            rules_of(settings, stores.secret),
            conversations=stores.journeys,
            consents=stores.consents,
            routes=lambda: stores.datasets.registry,
            now=clock.now,
            unique=unique,
            wake=lambda _lane: None,
        )
        self._doubted = False

    async def play(self, scene: _Scene) -> None:
        """Let one scene happen. Many do at a time, so each has chances of its own."""
        chance = Random(f"{self._seed} {scene.chat} {scene.what}")  # noqa: S311 - nothing secret rests on it
        match scene.what:
            case "message":
                await self._stores.journeys.arrive(Heard((_arrival(scene, chance),)))
            case "clicks again":
                again = _arrival(scene, chance)
                await self._stores.journeys.arrive(Heard((again._replace(message=f"{again.message}b"),)))
            case "asks":
                outcome = "succeeded" if chance.random() < 0.96 else "error"  # noqa: PLR2004 - of a hundred
                await self._work(scene, _use(scene, "check_price", outcome, chance))
                await self._report("InitiateCheckout", scene, None)
            case "looks":
                outcome = "succeeded" if chance.random() < 0.93 else "failed"  # noqa: PLR2004
                await self._work(scene, _use(scene, "find_slots", outcome, chance, "FullyBooked"))
            case "only said":
                await self._work(scene, claimed=True)
            case "tries":
                kind = chance.choice(("SlotTaken", "SlotTaken", "PhoneMissing", "Timeout"))
                outcome = "error" if kind == "Timeout" else "failed"
                await self._work(scene, _use(scene, "create_booking", outcome, chance, kind))
            case "books":
                await self._work(scene, _use(scene, "create_booking", "succeeded", chance), booked=True, claimed=True)
                await self._report("Lead", scene, chance.choice(_SERVICES))
            case "pays":
                await self._report("Purchase", scene, chance.choice(_SERVICES))

    async def _work(self, scene: _Scene, *uses: ToolUse, booked: bool = False, claimed: bool = False) -> None:
        """An answer of the agent, and the tools that it called for it."""
        turn = Turn(customer=_customer(scene.chat), at=scene.at, tools=len(uses), booked=booked, claimed=claimed)
        log = self._stores.journeys.agent_log
        await asyncio.gather(log.note(uses), log.note_turn(turn))

    async def _report(self, name: str, scene: _Scene, service: tuple[str, int] | None) -> None:
        conversion = Conversion(
            event=name,
            booking_id=f"BK-{10_000 + scene.chat}",
            value=service[1] if service else None,
            services=(Service(name=service[0], price=service[1]),) if service else (),
            customer=_customer(scene.chat),
        )
        await self._receiver.receive(conversion)
        self.events += 1

    async def deliver(self, hour: float) -> None:
        """Send what is due to a Meta that answers as it does at this hour of the day."""
        now, outbox = self._clock.at, self._stores.outbox
        if _OUTAGE[0] <= hour < _OUTAGE[1]:
            return
        for lane, _ in await outbox.lanes():
            while batch := await outbox.claim(lane, now, now + 30, self._some):
                self._clock.at += self._chance.lognormvariate(-1.4, 0.6)
                await outbox.settle(batch, self._answer(batch, hour))
        self._clock.at = now

    def _some(self, candidates: Sequence[Candidate]) -> Choice:
        alone = self._chance.random() < 0.1  # noqa: PLR2004 - one in ten requests has a single event
        return Choice([candidate.id for candidate in (candidates[:1] if alone else candidates)])

    def _answer(self, batch: Batch, hour: float) -> Settlement:
        trace = f"A{self._chance.getrandbits(60):015x}"
        at = self._clock.at
        if len(batch.ids) == 1 and self._chance.random() < 0.25:  # noqa: PLR2004 - a quarter of those sent alone
            return Settlement(
                Step.REFUSE,
                "refused",
                at,
                reason=_REFUSED,
                http_status=400,
                code=100,
                subcode=2804050,
                fbtrace_id=trace,
            )
        if hour > 20 and not self._doubted:  # noqa: PLR2004
            self._doubted = True
            return Settlement(Step.HOLD, "in_doubt", at, in_doubt=True, reason=_IN_DOUBT)
        return Settlement(
            Step.DELIVER, "delivered", at, http_status=200, fbtrace_id=trace, events_received=len(batch.ids)
        )


def _arrival(scene: _Scene, chance: Random) -> Arrival:
    ad = AD_IDS[min(int(chance.expovariate(0.28)), len(AD_IDS) - 1)]
    has_click = chance.random() < 0.93  # noqa: PLR2004 - of a hundred
    click = f"ARdemo{scene.chat:06}{chance.getrandbits(64):016x}" if has_click else None
    referral = Referral(click, ad, "ad", "https://fb.me/demo", NODES[ad]["name"])
    who = Identities(_phone(scene.chat), name=f"Pelanggan {scene.chat}")
    return Arrival(f"wamid.demo{scene.chat:06}", "whatsapp", _ACCOUNT, _LINE, int(scene.at), who, "text", referral)


def _use(scene: _Scene, tool: str, outcome: str, chance: Random, kind: str = "Timeout") -> ToolUse:
    return ToolUse.model_validate(
        {
            "tool": tool,
            "outcome": outcome,
            "error_kind": None if outcome == "succeeded" else kind,
            "seconds": round(_SLOWNESS[tool] * chance.lognormvariate(-0.6, 0.5), 3),
            "called_at": scene.at,
            "customer": {"phone": _phone(scene.chat)},
        }
    )


def _phone(chat: int) -> str:
    return f"+62812{10_000_000 + chat}"


def _customer(chat: int) -> Customer:
    return Customer(phone=_phone(chat), name=f"Pelanggan {chat}")
