"""The journeys: kept, found again, and shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from konversi.journeys import arriving, customers, forwards, hot, statements
from konversi.journeys.agent_log import AgentLog
from konversi.journeys.identity import LINKED_ID, keyed, keys_of, person_of, without_identities
from konversi.journeys.keyring import Keyring
from konversi.journeys.port import Sighting, Taken, Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Database
    from konversi.journeys.arrival import Arrival, Automatic, Heard
    from konversi.journeys.attribution import Known
    from konversi.journeys.customers import First
    from konversi.journeys.port import Journey, Past, Search

_BRIEF = 100  # messages that hold up nobody while they are kept
_BREATH = 200  # messages whose people are hashed in one go: about 3 ms
_MOST_QUEUED = 20_000  # messages that may wait for a commit


class _Call(NamedTuple):
    """What one webhook call brings."""

    visits: Sequence[Visit]
    sightings: Sequence[Sighting]
    sealed: bytes | None

    @property
    def size(self) -> int:
        return len(self.visits) + len(self.sightings)


class Journeys:
    """All conversations of an installation. Everything written is durable on return.

    `secret` is the installation's, `country` the one in which national phones are read, and `now` gives Unix seconds.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        *,
        country: str | None,
        now: Callable[[], float],
        most_forwards: int = forwards.MOST_WAITING,
        remembers: bool = False,
    ) -> None:
        """`remembers` says whether customers are remembered by their bookings and purchases."""
        self._database = database
        self._secret = secret
        self._now = now
        self._most_forwards = most_forwards
        self.keyring = Keyring(secret, customers=remembers)
        self._look_ups = database.look_ups(self._known)
        self._look_backs = database.look_ups(self._remembered)
        self.agent_log = AgentLog(database, secret, lambda: self.keyring.chats, country=country, now=now)
        self._calls = database.gathering(
            self._keep, size=lambda call: call.size + 1, brief=_BRIEF, most=_MOST_QUEUED, in_turn=True
        )

    async def open(self) -> None:
        """Find out whether there are any: without one, a conversion costs no look-up."""
        self._found_chats(self._database.shared or not await self._database.look_up(statements.is_empty))

    async def arrive(self, heard: Heard, *, sealed: bytes | None = None) -> Taken:
        """Keep what a webhook call told, each message once; with `sealed`, also the call itself, to be handed on.

        A call that told nothing new is not handed on again, unless it held nothing that is told once. Where too many
        calls wait already, what it told is kept, but not the call.
        """
        visits: list[Visit] = []
        for start in range(0, len(heard.arrivals), _BREATH):
            if start:
                await asyncio.sleep(0)  # a call with a thousand messages must not hold up the other callers
            visits += map(self._visit, heard.arrivals[start : start + _BREATH])
        call = _Call(visits, [self._sighting(one) for one in heard.automatic], sealed)
        if not call.size and sealed is None:
            return Taken(0, 0)
        taken = await self._calls.bring(call)
        self._found_chats(bool(call.visits))
        return taken

    def _found_chats(self, some: bool) -> None:  # noqa: FBT001 - the answer to a question
        if some and not self.keyring.chats:
            self.keyring = replace(self.keyring, chats=True)

    def _keep(self, connection: Connection, calls: Sequence[_Call]) -> list[Taken]:
        driver, now = self._database.driver(connection), self._now()
        self._database.hold(connection, "people", _people(calls))
        taken = []
        room = forwards.room(connection, self._most_forwards) if any(call.sealed for call in calls) else 0
        visits = [visit for call in calls for visit in call.visits]
        arrived = iter(arriving.arrive(self._database, driver, visits, now))
        for call in calls:
            new = sum(islice(arrived, len(call.visits))) + hot.sight(driver, call.sightings)
            handed_on = call.sealed is not None and (new > 0 or not call.size)
            if call.sealed is not None and handed_on and room > 0:
                forwards.keep(connection, call.sealed, now)
            taken.append(Taken(new, call.size - new, no_room=handed_on and room <= 0))
            room -= handed_on
        return taken

    def _visit(self, arrival: Arrival) -> Visit:
        person = person_of(arrival)
        referral = without_identities(arrival.referral) if arrival.referral else None
        phones = keys_of({"ph": person.user_data["ph"]}, self._secret) if "ph" in person.user_data else []
        own = [key for key in keys_of(person.known_by, self._secret) if key not in phones]
        if not own and not phones:
            own = [keyed("unusable", f"{arrival.channel}:{arrival.who.phone or arrival.who.user_id}", self._secret)]
        return Visit(
            message=keyed("message", f"{arrival.channel}:{arrival.message}", self._secret),
            own=own,
            phones=phones,
            channel=arrival.channel,
            account=arrival.account or "",
            line=arrival.line,
            at=arrival.at,
            tail=person.tail,
            user_data=person.user_data,
            referral=referral,
            click=keyed("ctwa_clid", referral.click_id, self._secret) if referral and referral.click_id else None,
            linked=LINKED_ID in person.known_by,
        )

    async def came_at(self, arrival: Arrival) -> float | None:
        """When a message came first, by our clock (Unix seconds); nothing where it is not remembered."""
        key = keyed("message", f"{arrival.channel}:{arrival.message}", self._secret)
        return await self._database.look_up(lambda connection: statements.came_at(connection, key))

    def _sighting(self, one: Automatic) -> Sighting:
        return Sighting(
            key=keyed("automatic", f"{one.message}:{one.event_name}", self._secret),
            message=keyed("message", f"whatsapp:{one.message}", self._secret),
            click=keyed("ctwa_clid", one.click_id, self._secret) if one.click_id else None,
            event_name=one.event_name,
            at=one.at,
        )

    async def known(self, keys: Sequence[bytes]) -> dict[bytes, list[Known]]:
        """The conversations that the keys find: one indexed look-up."""
        if not keys:
            return {}
        return await self._look_ups.bring(keys)

    def _known(self, connection: Connection, asked: Sequence[Sequence[bytes]]) -> Sequence[dict[bytes, list[Known]]]:
        keys = asked[0] if len(asked) == 1 else list(dict.fromkeys(key for one in asked for key in one))
        return [self.known_within(connection, keys)] * len(asked)

    def known_within(self, connection: Connection, keys: Sequence[bytes]) -> dict[bytes, list[Known]]:
        """As `known`, for whoever has a connection."""
        return hot.known(self._database.driver(connection), keys, self._database.among)

    async def remembered(self, keys: Sequence[str]) -> dict[str, First]:
        """The customers' first bookings or purchases, under the keys that find one."""
        return await self._look_backs.bring(keys) if keys else {}

    def _remembered(self, connection: Connection, asked: Sequence[Sequence[str]]) -> Sequence[dict[str, First]]:
        keys = asked[0] if len(asked) == 1 else list(dict.fromkeys(key for one in asked for key in one))
        return [self.remembered_within(connection, keys)] * len(asked)

    def remembered_within(self, connection: Connection, keys: Sequence[str]) -> dict[str, First]:
        """As `remembered`, for whoever has a connection."""
        return customers.remembered(self._database.driver(connection), keys)

    async def find(self, journey: int) -> Journey | None:
        """One conversation."""
        return await self._database.read(lambda connection: statements.find(connection, journey))

    async def search(self, wanted: Search) -> list[tuple[Journey, str | None]]:
        """Conversations, newest first, each with the ad that last opened it."""

        def job(connection: Connection) -> list[tuple[Journey, str | None]]:
            found = statements.search(connection, wanted)
            ads = statements.clicks_of(connection, [one.id for one in found])
            return [(one, ads.get(one.id)) for one in found]

        return await self._database.read(job)

    async def past(self, journey: int) -> Past:
        """What happened in a conversation, apart from its events."""
        return await self._database.read(lambda connection: statements.past(connection, journey))

    async def forget_customers(self, before: float, limit: int) -> int:
        """Forget up to so many customers who have not come since then (Unix seconds)."""
        return await self._database.write(
            lambda connection: customers.forget(self._database.driver(connection), before, limit)
        )

    async def forget(
        self, *, messages_before: float, rest_before: float, limit: int, agents_before: float | None = None
    ) -> bool:
        """Forget which messages came, and conversations and the agent's work, from before then (Unix seconds).

        `agents_before` is for the agent's work, where it is not kept as long as the rest.

        Up to `limit` of each; true where there may be more. Messages are only remembered to know them again.
        """

        def job(connection: Connection) -> tuple[int, ...]:
            return (
                statements.forget_messages(connection, messages_before, limit),
                statements.forget_agents_work(connection, work_before, limit),
                statements.forget_journeys(connection, silent, rest_before) if silent else 0,
            )

        work_before = rest_before if agents_before is None else agents_before
        silent = await self._database.read(partial(statements.long_silent, before=rest_before, limit=limit))
        return max(await self._database.write(job)) >= limit


def _people(calls: Sequence[_Call]) -> Iterable[bytes]:
    """Who wrote: two messages of one person at the same time must not open two conversations."""
    return (key for call in calls for visit in call.visits for key in (*visit.own, *visit.phones))
