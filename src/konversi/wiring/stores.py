"""The stores, over the database that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from konversi.database.sealed import Seal
from konversi.database.sqlite_database import SqliteDatabase
from konversi.datasets.store import Datasets
from konversi.journeys.forwards import Forwards
from konversi.journeys.store import Journeys
from konversi.outbox.sqlite import SqliteOutbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from konversi.clock import Clock
    from konversi.outbox.port import Outbox
    from konversi.settings import Settings


@dataclass(frozen=True, slots=True)
class Stores:
    """All that is kept, over one database."""

    outbox: Outbox
    journeys: Journeys
    forwards: Forwards
    datasets: Datasets
    seal: Seal


@asynccontextmanager
async def open_stores(
    settings: Settings, secret: bytes, clock: Clock, outbox: Outbox | None = None
) -> AsyncIterator[Stores]:
    """The stores in the database that KONVERSI_DATABASE_URL names; `outbox` stands in for its outbox."""
    async with AsyncExitStack() as stack:
        if outbox is not None:
            stack.push_async_callback(outbox.aclose)
            database = await SqliteDatabase.open(settings.database)
            stack.push_async_callback(database.aclose)
        else:
            outbox = await SqliteOutbox.open(settings.database)
            stack.push_async_callback(outbox.aclose)
            database = outbox.database
        journeys = Journeys(database, secret, country=settings.default_country, now=clock.now)
        await journeys.open()
        seal = Seal(secret)
        datasets = Datasets(database, seal, clock.now, default_id=settings.pixel_id)
        await datasets.load()
        yield Stores(outbox, journeys, Forwards(database, clock.now), datasets, seal)
