"""What accepting conversions looks up and writes, inside a transaction that writes something else as well.

As `intake/prompt.py`: nobody waits in it, so that a receiver over it does its work at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from konversi.consent.decision import Objection
    from konversi.consent.store import Consents
    from konversi.journeys.attribution import Known
    from konversi.journeys.customers import First
    from konversi.journeys.store import Journeys
    from konversi.outbox.port import Appended, NewEvent
    from konversi.outbox.store import SqlOutbox
    from konversi.payments.history import Earlier
    from konversi.payments.store import Payments


class ArrivalsWithin:
    """The outbox. As `intake.receive.Arrivals`."""

    def __init__(self, outbox: SqlOutbox, connection: Connection) -> None:
        self._outbox = outbox
        self._connection = connection

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]:
        return self._outbox.append_within(self._connection, events)

    async def homes(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        return self._outbox.homes_within(self._connection, ids)


class ChatsWithin:
    """The conversations. As `intake.chats.Conversations`."""

    def __init__(self, journeys: Journeys, connection: Connection) -> None:
        self._journeys = journeys
        self._connection = connection
        self.keyring = journeys.keyring

    async def known(self, keys: Sequence[bytes]) -> dict[bytes, list[Known]]:
        return self._journeys.known_within(self._connection, keys)

    async def remembered(self, keys: Sequence[str]) -> dict[str, First]:
        return self._journeys.remembered_within(self._connection, keys)


class ConsentsWithin:
    """What people said. As `intake.heeding_consent.Consenting`."""

    def __init__(self, consents: Consents, connection: Connection) -> None:
        self._consents = consents
        self._connection = connection

    @property
    def matters(self) -> bool:
        return self._consents.matters

    def keys(self, user_data: Mapping[str, Any], journey: int | None) -> list[bytes]:
        return self._consents.keys(user_data, journey)

    async def objections(self, people: Sequence[Sequence[bytes]]) -> list[Objection | None]:
        return self._consents.objections_within(self._connection, people)


class HistoryWithin:
    """What was paid before. As `intake.receive.History`."""

    def __init__(self, payments: Payments, connection: Connection) -> None:
        self._payments = payments
        self._connection = connection

    async def __call__(self, journeys: Sequence[int]) -> Mapping[int, Sequence[Earlier]]:
        return self._payments.earlier_within(self._connection, journeys)
