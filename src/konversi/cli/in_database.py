"""The database of a gateway that doesn't run, as the commands see it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from konversi.alerts.statements import standing
from konversi.clock import now
from konversi.database.direct import owning, reading, transaction
from konversi.database.sqlite import path_of
from konversi.database.sqlite_driver import driver_of as sqlite_driver_of
from konversi.errors import (
    DatabaseUnreachable,
    JourneyUnknown,
    NotFound,
    PaymentUnknown,
    StorageInUse,
    StorageUnavailable,
)
from konversi.events.names import PURCHASE
from konversi.insight import funnel, return_days, returns
from konversi.insight.describe import event, event_in_full, summary
from konversi.insight.payments import payment, payment_in_full
from konversi.insight.periods import last_days
from konversi.insight.timeline import journey, journey_in_full
from konversi.journeys import statements as conversations
from konversi.journeys.port import Search as JourneySearch
from konversi.journeys.port import journey_id, journey_of
from konversi.outbox import looking
from konversi.outbox.port import Search, event_of, receipt
from konversi.outbox.staging import left_staged, put_in_place
from konversi.outbox.states import State
from konversi.payments import rows
from konversi.payments.payment import payment_id, payment_of
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from konversi.database.port import Driver
    from konversi.settings import Settings


class InDatabase:
    """The database of a gateway that doesn't run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database
        if not settings.shared:
            _put_in_place(self._url)

    def status(self) -> dict[str, Any]:
        with reading(self._url) as connection:
            counts, _ = looking.counts(connection)
        known = {"ready": False, "environment": self._settings.environment, "configured": self._settings.configured}
        return {**known, **summary(counts, now()), "lanes": []}

    def alerts(self) -> dict[str, Any]:
        with reading(self._url) as connection:
            return {"alerts": standing(connection)}

    def events(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        limit = int(wanted.get("limit") or 50)
        state = wanted.get("state")
        search = Search(
            state=State(state) if state else None,
            event_id=wanted.get("event_id"),
            booking_id=wanted.get("booking_id"),
            dataset=DEFAULT_DATASET if wanted.get("dataset") == self._settings.pixel_id else wanted.get("dataset"),
            limit=limit,
        )
        with reading(self._url) as connection:
            found = looking.search(connection, search)
        following = receipt(found[-1].id) if len(found) == limit else None
        return {"events": [event(stored) for stored in found], "next": following}

    def event(self, receipt: str) -> dict[str, Any]:
        number = event_of(receipt)
        with reading(self._url) as connection:
            stored = None if number is None else looking.find(connection, number)
            if stored is None:
                raise NotFound
            return event_in_full(stored, looking.attempts_of(connection, stored.attempts))

    def journeys(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        limit = int(wanted.get("limit") or 50)
        search = JourneySearch(wanted.get("channel"), wanted.get("ad_id"), limit=limit)
        with reading(self._url) as connection:
            found = conversations.search(connection, search)
            ads = conversations.clicks_of(connection, [one.id for one in found])
        following = journey_id(found[-1].id) if len(found) == limit else None
        return {"journeys": [journey(one, ads.get(one.id)) for one in found], "next": following}

    def journey(self, journey: str) -> dict[str, Any]:
        number = journey_of(journey)
        with reading(self._url) as connection:
            found = None if number is None else conversations.find(connection, number)
            if found is None:
                raise JourneyUnknown
            events = looking.search(connection, Search(journey=found.id, limit=200))
            purchases = [stored.event_id for stored in events if stored.event_name == PURCHASE]
            paid = rows.of_journey(_driver(connection), found.id, purchases)
            return journey_in_full(found, conversations.past(connection, found.id), events, paid)

    def payments(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        limit = int(wanted.get("limit") or 50)
        search = rows.Search(wanted.get("provider"), wanted.get("booking_id"), wanted.get("flag"), limit=limit)
        with reading(self._url) as connection:
            found = rows.search(_driver(connection), search)
        following = payment_id(found[-1].id or 0) if len(found) == limit else None
        return {"payments": [payment(one) for one in found], "next": following}

    def payment(self, payment: str) -> dict[str, Any]:
        number = payment_of(payment)
        with reading(self._url) as connection:
            found = [] if number is None else rows.numbered(_driver(connection), [number])
        if not found:
            raise PaymentUnknown
        return payment_in_full(found[0])

    def funnel(self, days: int) -> dict[str, Any]:
        period = last_days(days, now(), ZoneInfo("UTC"))
        with reading(self._url) as connection:
            return {**funnel.shape(funnel.read(period, connection), period), "complete": False}

    def returns(self, days: int, by: str) -> dict[str, Any]:
        with reading(self._url) as connection:
            return returns.report(return_days.since(days, now()), by, {}, connection)


def _put_in_place(url: str) -> None:
    """The events that a gateway left staged when it was killed; not where one runs, which does it itself."""
    path = path_of(url)
    with reading(url) as connection:
        if not left_staged(connection, path):
            return
    may_fail = suppress(StorageInUse, StorageUnavailable, DatabaseUnreachable)
    with may_fail, owning(url) as connection, transaction(connection):
        put_in_place(connection, path)


def _driver(connection: Connection) -> Driver:
    """The driver's own connection, whichever that is."""
    if connection.dialect.name == "sqlite":
        return sqlite_driver_of(connection)
    from konversi.database.postgres import PostgresDriver, driver_of  # noqa: PLC0415 - an extra

    return PostgresDriver(driver_of(connection))
