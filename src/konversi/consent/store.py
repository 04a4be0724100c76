"""Consent: kept, looked up for what is to be sent, and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from konversi.consent import rows
from konversi.consent.decision import ADS, ERASED, Decision, Objection, State, newest, objection
from konversi.consent.people import is_named, keys_of, named_keys
from konversi.events.faults import Fault, Refused
from konversi.journeys.identity import merged
from konversi.matching.match import match

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Database
    from konversi.events.conversion import Customer
    from konversi.journeys.attribution import Known
    from konversi.journeys.keyring import Keyring

LIFT = "If the customer came back: `konversi erase --lift` with the same identities."
CONSENT = "consent"  # what processes over one database tell each other when somebody decided


class Chats(Protocol):
    """Which conversations a person has; as `journeys.store.Journeys`."""

    @property
    def keyring(self) -> Keyring: ...
    async def known(self, keys: Sequence[bytes]) -> dict[bytes, list[Known]]: ...


class Nameable(Protocol):
    """Somebody who is named; as `intake.persons.Named`."""

    def user_data(self, country: str | None, now: float) -> dict[str, Any]: ...
    def in_the_clear(self, country: str | None) -> Sequence[str]: ...


class Person(NamedTuple):
    """Everything that one person is known by."""

    user_data: Mapping[str, Any]
    journeys: Sequence[int]


class Consents:
    """All that customers decided. Everything written is durable on return.

    `secret` is the installation's; `required` says that silence is a no; `country` is the one in which national phones
    are read; `deaf` says that this process does not hear what other processes tell, and so always looks.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        chats: Chats,
        *,
        required: bool,
        country: str | None,
        now: Callable[[], float],
        deaf: bool = False,
    ) -> None:
        self._database = database
        self._secret = secret
        self._chats = chats
        self._required = required
        self._country = country
        self.now = now
        self._deaf = deaf
        self._silent = False  # nobody has decided anything yet
        self._look_ups = database.look_ups(self._found)

    async def open(self) -> None:
        """Find out whether anybody decided anything: where nobody did, an event costs no look-up."""
        self._database.on(CONSENT, self._heard)
        self._silent = await self._database.look_up(rows.is_empty)

    def _heard(self, _told: str) -> None:
        self._silent = False  # and where something may have been missed: looking is never wrong

    @property
    def absent(self) -> str:
        """What silence means: `required` or `assumed`, as KONVERSI_CONSENT has it."""
        return "required" if self._required else "assumed"

    def match(self, named: Nameable) -> dict[str, Any]:
        """Match keys of whom a call names. Raises `Refused`."""
        return named.user_data(self._country, self.now())

    def in_the_clear(self, named: Nameable) -> Sequence[str]:
        """The identities themselves, normalised, as far as they were not given as hashes."""
        return named.in_the_clear(self._country)

    @property
    def matters(self) -> bool:
        """Whether anybody has to be looked up."""
        return self._required or self._deaf or not self._silent

    def keys(self, user_data: Mapping[str, Any], journey: int | None) -> list[bytes]:
        """Under which the person is looked up."""
        return keys_of(user_data, self._secret, journey)

    def agents_keys(self, conversation: str | None, customer: Customer | None) -> list[bytes]:
        """Under which somebody is looked up who chats with an agent, in a chat that the bot calls so.

        Who is named says more than the chat's name: a bot may call the chats of several people the same.
        """
        seen_ms = int(self.now() * 1_000)
        known = match(customer, country=self._country, seen_ms=seen_ms).user_data if customer else {}
        if conversation is None or is_named(known):
            return self.keys(known, None)
        return [*self.keys(known, None), *named_keys(conversation, self._secret)]

    async def objections(self, people: Sequence[Sequence[bytes]]) -> list[Objection | None]:
        """What speaks against telling Meta of each of these people, given by their keys."""
        said = await self._look_ups.bring([key for keys in people for key in keys])
        return [self._by_key(said, keys) for keys in people]

    def objections_within(self, connection: Connection, people: Sequence[Sequence[bytes]]) -> list[Objection | None]:
        """As `objections`, for whoever has a connection."""
        (said,) = self._found(connection, [[key for keys in people for key in keys]])
        return [self._by_key(said, keys) for keys in people]

    async def forgotten(self, people: Sequence[Sequence[bytes]]) -> list[bool]:
        """Which of these people, given by their keys, asked to be forgotten."""
        if not self.matters:
            return [False] * len(people)
        said = await self._look_ups.bring([key for keys in people for key in keys])
        return [any(one.state is State.ERASED for key in keys for one in said.get(key, ())) for keys in people]

    def objection(self, said: Sequence[Decision]) -> Objection | None:
        """What speaks against telling Meta of somebody who said all this."""
        return objection(said, required=self._required)

    def _by_key(self, said: Mapping[bytes, Sequence[Decision]], keys: Sequence[bytes]) -> Objection | None:
        return self.objection([one for key in keys for one in said.get(key, ())])

    def _found(
        self, connection: Connection, asked: Sequence[Sequence[bytes]]
    ) -> Sequence[Mapping[bytes, list[Decision]]]:
        keys = list(dict.fromkeys(key for one in asked for key in one))
        return [rows.said(self._database.driver(connection), keys, ADS)] * len(asked)

    def objections_to(self, connection: Connection | None, events: Sequence[int]) -> Mapping[int, str]:
        """Which of these events must not be sent any more: as `outbox.gate.Objections`.

        What was accepted well after the last no was looked up then, and is not looked up again.
        """
        if connection is None or not (self.matters or self._database.shared):
            return {}
        accepted_before = None
        if not self._required:
            accepted_before = rows.may_object_to(connection)
            if accepted_before is None:
                return {}
        people = {
            event: keys_of(user_data, self._secret, journey)
            for event, user_data, journey in rows.people_of(connection, events, accepted_before)
        }
        keys = list(dict.fromkeys(key for one in people.values() for key in one))
        said = rows.said(self._database.driver(connection), keys, ADS)
        found = {event: self._by_key(said, keys) for event, keys in people.items()}
        return {event: str(one) for event, one in found.items() if one is not None}

    async def person(self, user_data: dict[str, Any]) -> Person:
        """Who it is whom these match keys name: with all that the chats tie together."""
        known = await self._chats.known(self._chats.keyring.of_chats(user_data))
        together: dict[str, Any] = dict(user_data)
        journeys: dict[int, None] = {}
        for one in (found for several in known.values() for found in several):
            together = merged(together, one.user_data)
            journeys[one.journey] = None
        return Person(together, list(journeys))

    async def decide(self, user_data: dict[str, Any], decision: Decision) -> Decision:
        """Keep what this person said; the one that counts now, which may have been said later than this one."""
        person = await self.person(user_data)
        keys = self.all_keys(person)

        def job(connection: Connection) -> Decision:
            driver = self._database.driver(connection)
            before = newest(one for several in rows.said(driver, keys, decision.purpose).values() for one in several)
            if before is not None and before.state is State.ERASED:
                raise Refused([Fault("phone", ERASED.code, "belongs to somebody who asked to be forgotten.", LIFT)])
            rows.keep(driver, keys, decision, self._database.now())
            said = rows.said(driver, keys, decision.purpose)
            return newest(one for several in said.values() for one in several) or decision

        counts = await self._database.write(job)
        self.heed()
        return counts

    def heed(self) -> None:
        """Somebody said something: from now on people are looked up, here and in every other process."""
        self._silent = False
        self._database.tell(CONSENT)

    async def history(self, user_data: dict[str, Any]) -> list[Decision]:
        """All that this person said, the newest first, of every purpose; also that it is to be forgotten."""
        keys = self.all_keys(await self.person(user_data))
        said = await self._database.read(lambda connection: rows.said(self._database.driver(connection), keys, None))
        once = dict.fromkeys(one for several in said.values() for one in several)
        return sorted(once, key=lambda one: one.at, reverse=True)

    def all_keys(self, person: Person) -> list[bytes]:
        """Under which anything of this person's is kept here."""
        found = keys_of(person.user_data, self._secret)
        for journey in person.journeys:
            found += keys_of({}, self._secret, journey)
        return found

    async def numbers(self) -> list[tuple[str, str, int]]:
        """How many decisions are kept, by purpose and state; somebody known by several identities counts for each."""
        return await self._database.read(rows.numbers)

    async def forget(self, before: float, limit: int) -> int:
        """Forget what was said before then and does not count any more, since the same person said something later."""
        return await self._database.write(lambda connection: rows.forget(connection, before, limit))
