"""Everything that is kept about one person, in plain words: for somebody who asks for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.access.acting import Action, note
from konversi.aftercare import finding, removing
from konversi.aftercare.needles import Needles, Work
from konversi.consent.decision import State
from konversi.events.names import PURCHASE
from konversi.insight.describe import event_in_full, moment
from konversi.insight.payments import payment_in_full
from konversi.insight.timeline import journey_in_full
from konversi.journeys import statements as conversations
from konversi.outbox import looking
from konversi.outbox.port import Search
from konversi.payments import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from konversi.aftercare.erasing import Ways
    from konversi.consent.store import Consents, Nameable
    from konversi.database.port import Database
    from konversi.outbox.port import Stored

_SCAN = 5_000  # events that are looked at in one go
_MOST_ON_A_TIMELINE = 200
_WORDS = {
    "explanation": (
        "Everything that this installation of Konversi keeps about the person. Names, phone numbers and e-mails"
        " are kept as SHA-256 hashes only (the lists in user_data), since Meta compares those; what was hashed can't be"
        " shown again. What the person wrote in a chat is not kept."
    ),
    "events": "What was reported about the person for Meta. sent_to_meta is what Meta gets, and no more.",
    "conversations": "Chats with the person: when, through which ad, and what the business's software did meanwhile.",
    "payments": "Payments by the person, or for bookings of theirs, as the payment provider told of them.",
    "customer": "Since when the person is a customer, to tell new customers from those who come back.",
    "consent": "What the person said about their data being used, newest first.",
    "files": "Rows about the person in results of files that were imported.",
    "calls": "Messages of the person that wait, encrypted, to be handed on to the business's own chat software.",
    "forgotten": "Whether the person asked to be forgotten. Then only keyed hashes are kept, to refuse what comes.",
    "meta_has": "Events that Meta has received, or may have: only Meta can show or delete what it made of them.",
}


class Exports:
    """Finds it."""

    def __init__(
        self,
        database: Database,
        consents: Consents,
        secret: bytes,
        ways: Ways,
    ) -> None:
        self._database = database
        self._consents = consents
        self._secret = secret
        self._ways = ways

    async def of(self, named: Nameable) -> dict[str, Any]:
        """Everything about this person. Raises `Refused` where nobody is named."""
        person = await self._consents.person(self._consents.match(named))
        needles = Needles.of(person.user_data, self._consents.in_the_clear(named), self._secret)
        read = self._database.read
        chats = await read(partial(finding.conversations, needles=needles))
        events = await self._events(needles, chats)
        work = Work(needles, gone=[(one.id, one.event_id, one.booking_id) for one in events])
        paid = await read(partial(finding.payments_of, work=work, chats=chats))
        said = await self._consents.history(dict(person.user_data))
        sections = {
            "events": await read(partial(_in_full, events=events)),
            "conversations": await read(partial(self._conversations, chats=chats)),
            "payments": [payment_in_full(one) for one in await read(partial(self._payments, ids=paid))],
            "customer": [
                {**one, **{name: moment(one[name]) for name in ("first_at", "last_at")}}
                for one in await read(partial(finding.bookings_before, needles=needles))
            ],
            "consent": [
                {"purpose": one.purpose, "state": one.state.value, "at": moment(one.at), "source": one.source}
                for one in said
                if one.state is not State.ERASED
            ],
            "files": await self._lines(work),
            "calls": await self._calls(needles),
            "forgotten": any(one.state is State.ERASED for one in said),
            "meta_has": await read(partial(self._meta_has, events=events)),
        }
        note(Action.EXPORTED, "", events=len(events))
        return {
            "as_of": moment(self._database.now()),
            "explanation": _WORDS["explanation"],
            **{name: {"what_this_is": _WORDS[name], "kept": kept} for name, kept in sections.items()},
        }

    async def _events(self, needles: Needles, chats: Sequence[int]) -> list[Stored]:
        found: list[Stored] = []
        last = await self._database.read(finding.last_event)
        for after in range(0, last, _SCAN):
            look = partial(finding.events_about, needles=needles, chats=chats, after=after, upto=after + _SCAN)
            found += await self._database.read(partial(_stored, ids=await self._database.read(look)))
        return found

    def _conversations(self, connection: Connection, chats: Sequence[int]) -> list[dict[str, Any]]:
        described = []
        for chat in chats:
            one = conversations.find(connection, chat)
            if one is None:
                continue
            events = looking.search(connection, Search(journey=chat, limit=_MOST_ON_A_TIMELINE))
            bought = [stored.event_id for stored in events if stored.event_name == PURCHASE]
            paid = rows.of_journey(self._database.driver(connection), chat, bought)
            described.append(journey_in_full(one, conversations.past(connection, chat), events, paid))
        return described

    def _payments(self, connection: Connection, ids: Sequence[int]) -> list[Any]:
        return rows.numbered(self._database.driver(connection), ids) if ids else []

    async def _lines(self, work: Work) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for file, part in await self._database.read(finding.result_parts) if work.gone else ():
            body = await self._database.read(partial(finding.result_part, file=file, part=part))
            found += [{"import": file, **one._asdict()} for one in removing.lines_of(body or b"", work)]
        return found

    async def _calls(self, needles: Needles) -> int:
        waiting = await self._database.read(finding.waiting_calls)
        texts = (self._ways.unsealed(sealed).decode("utf-8", "replace") for _, sealed in waiting)
        return sum(needles.mentions(text) for text in texts)

    def _meta_has(self, connection: Connection, events: Sequence[Stored]) -> list[dict[str, Any]]:
        facts = removing.what_meta_has(connection, [one.id for one in events], self._ways.dataset_id)
        times = ("event_time", "sent_at")
        return [{**one, **{name: moment(one[name]) for name in times}} for one in facts]


def _stored(connection: Connection, ids: Sequence[int]) -> list[Stored]:
    return [one for id_ in ids if (one := looking.find(connection, id_)) is not None]


def _in_full(connection: Connection, events: Sequence[Stored]) -> list[dict[str, Any]]:
    return [event_in_full(one, looking.attempts_of(connection, one.attempts)) for one in events]
