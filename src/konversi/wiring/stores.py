"""The stores, over the database that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from konversi.access.entrance import Entrance, entrance
from konversi.alerts import tables as _alerts  # noqa: F401 - brings its tables
from konversi.clock import Clock, SystemClock
from konversi.consent.store import Consents
from konversi.database.metadata import metadata
from konversi.database.opening import open_database
from konversi.database.port import FULL
from konversi.database.schema import usable
from konversi.database.sealed import Seal
from konversi.database.secret import readings, the_one
from konversi.datasets.store import Datasets
from konversi.imports.store import Imports
from konversi.insight import funnel_tables as _funnel  # noqa: F401
from konversi.insight import tables as _sums  # noqa: F401
from konversi.insight import value_tables as _value  # noqa: F401
from konversi.journeys.forwards import Forwards
from konversi.journeys.store import Journeys
from konversi.outbox.store import SqlOutbox, open_outbox
from konversi.payments.store import Payments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection, Table

    from konversi.database.port import Database, Reach
    from konversi.outbox.port import Outbox
    from konversi.settings import Settings


@dataclass(frozen=True, slots=True)
class Stores:
    """All that is kept, over one database."""

    database: Database
    outbox: Outbox
    journeys: Journeys
    consents: Consents
    forwards: Forwards
    datasets: Datasets
    payments: Payments
    imports: Imports
    seal: Seal
    entrance: Entrance
    clock: Clock
    secret: bytes = field(repr=False)


class _SharedClock(SystemClock):
    """The time that all who share a database agree on."""

    def __init__(self, database: Database) -> None:
        self.now = database.now  # type: ignore[method-assign]


def all_tables() -> list[Table]:
    """Every table there is. The imports above bring them: each room has its own."""
    return metadata.sorted_tables


@asynccontextmanager
async def open_stores(
    settings: Settings, clock: Clock | None = None, outbox: Outbox | None = None, reach: Reach = FULL
) -> AsyncIterator[Stores]:
    """The stores in the database that KONVERSI_DATABASE_URL names, under the installation's secret.

    Raises as `open_database`, and `OtherSecret`, `DatabaseMoved` or `MoveUnfinished`.

    `outbox` stands in for its outbox, and `clock` for the machine's, or the server's where many share a database.
    """
    may_be = readings(settings)

    def entered(connection: Connection) -> bytes:
        usable(connection)
        return the_one(connection, may_be)

    async with AsyncExitStack() as stack:
        if outbox is not None:
            stack.push_async_callback(outbox.aclose)
            database = await open_database(settings.database)
            stack.push_async_callback(database.aclose)
        else:
            kept = await open_outbox(settings.database, reach)
            stack.push_async_callback(kept.aclose)
            outbox, database = kept, kept.database
        secret = await database.write(entered)
        clock = clock or _SharedClock(database)
        journeys = Journeys(
            database, secret, country=settings.default_country, now=clock.now, remembers=settings.customer_days > 0
        )
        await journeys.open()
        consents = Consents(
            database,
            secret,
            journeys,
            required=settings.consent == "required",
            country=settings.default_country,
            now=clock.now,
            deaf=database.shared and not reach.listens,
        )
        await consents.open()
        if isinstance(outbox, SqlOutbox):
            outbox.objections = consents.objections_to
        seal = Seal(secret)
        datasets = Datasets(database, seal, clock.now, default_id=settings.pixel_id)
        await datasets.load()
        door = entrance(database, may_be, clock.now)
        await door.keys.load()
        forwards, imports = Forwards(database, clock.now), Imports(database, seal, clock.now)
        payments = Payments(database, settings.part_payments, clock.now)
        yield Stores(
            database, outbox, journeys, consents, forwards, datasets, payments, imports, seal, door, clock, secret
        )
