"""Opens the database that a URL names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.database.port import FULL
from konversi.database.sqlite_database import SqliteDatabase

if TYPE_CHECKING:
    from konversi.database.port import Database, Reach


def is_sqlite(url: str) -> bool:
    """Whether the URL names a file of this machine, which one process owns."""
    return url.startswith("sqlite")


async def open_database(url: str, reach: Reach = FULL) -> Database:
    """The database, with its schema brought up to date. To be called inside a running event loop.

    `reach` is for a server; a file has one process.
    Raises `StorageInUse`, `StorageUnavailable`, `InvalidSettings` or `MissingExtra`.
    """
    if is_sqlite(url):
        return await SqliteDatabase.open(url)
    from konversi.database.postgres_database import PostgresDatabase  # noqa: PLC0415 - an extra

    return await PostgresDatabase.open(url, reach)
