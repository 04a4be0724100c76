"""One connection to a database for a command, without threads and without taking part in what gateways do."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from konversi.database.opening import is_sqlite
from konversi.database.schema import prepare, upgrade
from konversi.database.sqlite import OwnerLock, path_of, reading_engine, writing_engine
from konversi.database.sqlite_driver import cause_of
from konversi.database.sqlite_driver import transaction as sqlite_transaction
from konversi.errors import DatabaseUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """A connection that can't write.

    Raises `DatabaseUnreachable`, also for what goes wrong while it is used, `InvalidSettings` or `MissingExtra`.
    """
    if is_sqlite(url):
        with _connected(reading_engine(path_of(url)), "SQLite") as connection:
            yield connection
        return
    with patient(url) as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")
        yield connection


@contextmanager
def owning(url: str) -> Iterator[Connection]:
    """A connection that writes. An SQLite database is this process's alone meanwhile, or `StorageInUse` is raised.

    Raises as `reading`. What is written goes into `transaction`.
    """
    if not is_sqlite(url):
        with patient(url) as connection:
            yield connection
        return
    path = path_of(url)
    if not path.parent.is_dir():
        raise DatabaseUnreachable(f"{path.parent} is not there.")
    lock = OwnerLock(path)
    try:
        with _connected(writing_engine(path), "SQLite") as connection:
            yield connection
    finally:
        lock.release()


@contextmanager
def patient(url: str) -> Iterator[Connection]:
    """A connection to PostgreSQL whose statements may take as long as they need. Raises as `reading`."""
    from konversi.database.postgres import CommitUnknown, DriverError, engine_of, first_line  # noqa: PLC0415 - an extra

    with _connected(engine_of(url), "PostgreSQL") as connection:
        try:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
            yield connection
        except (DriverError, CommitUnknown) as error:
            raise DatabaseUnreachable(f"PostgreSQL: {first_line(error)}.") from None


def transaction(connection: Connection) -> AbstractContextManager[None]:
    """BEGIN and COMMIT, in either dialect."""
    if connection.dialect.name == "sqlite":
        return sqlite_transaction(connection)
    from konversi.database.postgres import transaction as postgres_transaction  # noqa: PLC0415 - an extra

    return postgres_transaction(connection)


def migrated(connection: Connection) -> str | None:
    """Bring the schema up to date, all or nothing; the revision that was found, `None` where the database was new."""
    with transaction(connection):
        return upgrade(connection) if connection.dialect.name == "sqlite" else prepare(connection)


@contextmanager
def _connected(engine: Engine, name: str) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise DatabaseUnreachable(f"{name}: {_words(error)}.") from None
    except sqlite3.Error as error:
        raise DatabaseUnreachable(f"{name}: {error}.") from None
    finally:
        engine.dispose()


def _words(error: DBAPIError) -> str:
    """The driver's first line: the statement and its values, which may be a customer's, stay out."""
    lines = str(cause_of(error)).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
