"""What is said to Python's own driver of SQLite: where a transaction begins and ends, and what went wrong."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from konversi.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_BUSY_SECONDS = 5.0
_BUSY_LOOK_SECONDS = 0.01


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """BEGIN and COMMIT spoken to the driver: SQLAlchemy's own cost a quarter of a single event's commit."""
    driver = driver_of(connection)
    if not driver.in_transaction:
        begin(driver)
    try:
        yield
        driver.execute("COMMIT")
    except BaseException:
        driver.rollback()
        raise


def begin(driver: sqlite3.Connection, patience: float | None = None) -> None:
    """Wait for a stranger's lock (somebody looks into the file by hand) here and not in SQLite, which can't be told."""
    until = monotonic() + (_BUSY_SECONDS if patience is None else patience)
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() >= until:
                raise
            time.sleep(_BUSY_LOOK_SECONDS)
        else:
            return


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The connection of Python's own driver."""
    driver: Any = connection.connection.driver_connection
    return driver  # type: ignore[no-any-return]


def cause_of(error: Exception) -> BaseException:
    """SQLite's own error under that of SQLAlchemy."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
