"""SQLite as a durable store for one process: its settings, its connections and its lock.

Durable means WAL with `synchronous=FULL`: a commit returns after its fsync. Writes of many callers share one
transaction, and so one fsync. One connection writes and checkpoints, and readers only read, which also keeps clear of
the WAL-reset fault of SQLite releases before 3.51.3.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sqlalchemy import StaticPool, create_engine
from sqlalchemy.engine import make_url

from konversi.errors import StorageInUse, StorageUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

_BUSY_SECONDS = 5.0
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-16384",  # 16 MiB: what is not there the system has in its own
    "PRAGMA temp_store=MEMORY",
    "PRAGMA wal_autocheckpoint=4000",  # pages: 16 MiB between checkpoints
    "PRAGMA journal_size_limit=67108864",
    "PRAGMA busy_timeout=0",  # last: from here on `sqlite_driver` waits, where nobody is held up by it
)


def path_of(url: str) -> Path:
    """The file of an SQLite URL."""
    return Path(make_url(url).database or "konversi.db")


def beside(database: Path, ending: str) -> Path:
    """A file that belongs to a database: where SQLite has its own, by whichever name the database is opened."""
    real = database.resolve()
    return real.with_name(real.name + ending)


def writing_engine(path: Path) -> Engine:
    """An engine with one connection, in manual transaction mode."""

    def connect() -> sqlite3.Connection:
        with suppress(OSError):  # SQLite says better what is wrong
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # hashes of phones are nobody else's business
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS, cached_statements=256
        )
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool, isolation_level="AUTOCOMMIT")


def reading_engine(path: Path) -> Engine:
    """An engine with one connection that can't write, so that long reads never stand in the writer's way."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
        connection.execute("PRAGMA query_only=ON").close()
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


class OwnerLock:
    """Says that this process owns the database. The system drops it when the process ends, however it ends."""

    def __init__(self, database: Path) -> None:
        """Take the lock. Raises `StorageInUse`, or `StorageUnavailable` where the folder can't be written."""
        self._path = beside(database, ".lock")
        try:
            self._file: IO[bytes] = self._path.open("a+b")
        except OSError as error:
            raise StorageUnavailable(f"{self._path}: {error.strerror}.") from error
        try:
            _lock(self._file)
        except OSError as error:
            self._file.close()
            raise StorageInUse(f"{database}.") from error

    def release(self) -> None:
        """Let another process have the database."""
        self._file.close()


try:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

except ImportError:  # pragma: no cover - Windows
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
