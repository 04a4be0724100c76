"""Deleting so that nothing is left: in the database's pages, and in the file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from konversi.database.sqlite_driver import driver_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection

_BLOCK = 4_194_304  # bytes read at a time


@contextmanager
def overwriting(connection: Connection) -> Iterator[None]:
    """While the block runs, SQLite writes zeros over what it deletes. PostgreSQL does as it does: see the docs."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = driver_of(connection)
    driver.execute("PRAGMA secure_delete=ON").close()
    try:
        yield
    finally:
        driver.execute("PRAGMA secure_delete=OFF").close()


def put_together(driver: sqlite3.Connection) -> None:
    """Let the write-ahead log's pages go to the database's file, and empty it."""
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def written_anew(driver: sqlite3.Connection) -> None:
    """Without what was freed. Nobody else may write meanwhile."""
    driver.execute("VACUUM").close()
    put_together(driver)


def contains(path: Path, needles: Iterable[bytes]) -> bool:
    """Whether any of them is anywhere in the file."""
    wanted = [one for one in needles if one]
    longest = max(map(len, wanted), default=0)
    if not wanted or not path.exists():
        return False
    with path.open("rb") as file:
        kept = b""
        while block := file.read(_BLOCK):
            seen = kept + block
            if any(one in seen for one in wanted):
                return True
            kept = seen[-longest:]
    return False
