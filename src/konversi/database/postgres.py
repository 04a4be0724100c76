"""PostgreSQL: how it is reached, and what its errors mean.

A connection is in autocommit mode, and transactions are spoken to the driver, as with SQLite.
"""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from konversi.errors import InvalidSettings, MissingExtra

try:
    import psycopg
except ImportError as error:
    raise MissingExtra('pip install "konversi[postgres]"  (in a clone: pip install -e ".[postgres]")') from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import URL, Connection, Engine

    from konversi.database.port import Rows

DriverError = psycopg.Error
_CONNECT_SECONDS = 5
# A dead peer is noticed within about 20 seconds, and a statement that nobody waits for any more ends by itself.
_NETWORK: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}
_SESSION = (
    "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s"
    " -c default_transaction_isolation=read\\ committed"
)


def engine_of(url: str) -> Engine:
    """An engine that makes connections for whoever keeps them. Raises `InvalidSettings` for a URL that can't be one."""
    given = _read(url).set(drivername="postgresql+psycopg")
    options = given.query.get("options", "")
    if not isinstance(options, str):
        raise InvalidSettings("KONVERSI_DATABASE_URL: `options` stands in it twice.")
    unknown = sorted(given.query.keys() - _known_parameters())
    if unknown:
        raise InvalidSettings(f"KONVERSI_DATABASE_URL: PostgreSQL knows no parameter {', '.join(unknown)}.")
    return create_engine(
        given,
        connect_args={"application_name": "konversi", **_NETWORK, "options": f"{options} {_SESSION}".strip()},
        poolclass=NullPool,
        pool_reset_on_return=None,  # nobody gets it after us, and one that is lost would be reported with a trace
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        use_native_hstore=False,
    )


def _read(url: str) -> URL:
    """What the URL says. A complaint about it never shows it: there is a password in it."""
    try:
        given = make_url(url)
    except (ArgumentError, ValueError):
        raise InvalidSettings("KONVERSI_DATABASE_URL: write it as postgresql://USER:PASSWORD@HOST:PORT/NAME.") from None
    if "@" in (given.host or ""):
        raise InvalidSettings("KONVERSI_DATABASE_URL: write an @ in the password as %40.")
    return given


def _known_parameters() -> set[str]:
    """Those of a connection URL, as libpq has them."""
    return {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """The connection of psycopg."""
    driver: Any = connection.connection.driver_connection
    return driver  # type: ignore[no-any-return]


class PostgresDriver:
    """Takes SQL with `?`, as SQLite's driver does."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        return self._connection.execute(_translated(statement), values)


@lru_cache(maxsize=256)
def _translated(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """BEGIN and COMMIT. Raises `CommitUnknown` where the connection was lost while it committed."""
    driver = driver_of(connection)
    driver.execute("BEGIN")
    try:
        yield
    except BaseException:
        if not driver.closed:
            driver.rollback()
        raise
    try:
        driver.execute("COMMIT")
    except psycopg.Error as error:
        if meaning(error) is Meaning.AGAIN:  # refused, and rolled back
            raise
        raise CommitUnknown(str(error)) from error


class CommitUnknown(Exception):
    """The connection was lost during a COMMIT: nobody knows whether it happened."""


class Meaning(Enum):
    """What to do about an error."""

    AGAIN = "again"  # another transaction was in the way: the same job will succeed
    AWAY = "away"  # the server, or something that it needs, is not there
    ELSEWHERE = "elsewhere"  # this server only reads: perhaps the address leads to the one that writes by now
    MISTAKE = "mistake"  # the statement is wrong


_AGAIN = ("40", "23505", "23503")  # serialization, deadlock; a row that somebody else has just put in
_ELSEWHERE = ("25006",)
_AWAY = ("08", "25P03", "28", "3D", "53", "55P03", "57", "58")


def meaning(error: BaseException) -> Meaning:
    """By SQLSTATE (PostgreSQL, appendix A), never by text. Without one, the connection is gone."""
    cause = cause_of(error)
    if not isinstance(cause, psycopg.Error):
        return Meaning.MISTAKE
    state = cause.sqlstate
    if state is None:
        return Meaning.AWAY if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError) else Meaning.MISTAKE
    if state.startswith(_AGAIN):
        return Meaning.AGAIN
    if state.startswith(_ELSEWHERE):
        return Meaning.ELSEWHERE
    return Meaning.AWAY if state.startswith(_AWAY) else Meaning.MISTAKE


def state_of(error: BaseException) -> str | None:
    """The SQLSTATE, where the server said one."""
    cause = cause_of(error)
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None


def cause_of(error: BaseException) -> BaseException:
    """The driver's own error under that of SQLAlchemy."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def first_line(error: BaseException) -> str:
    """What happened, without the statement and its values."""
    return (str(cause_of(error)).strip().splitlines() or [type(error).__name__])[0]
