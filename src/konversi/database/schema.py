"""Brings a database to the schema that this version of Konversi needs.

`docs/decisions/0021-migrations-expand-first.md` says what a migration may do while older processes run.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from konversi.database import installation
from konversi.errors import DatabaseMoved, InvalidSettings, MoveUnfinished, SchemaBehind

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0028"
SERVES = "0003"  # processes of this schema and newer ones can work with HEAD
SERVES_ON_SQLITE = "0028"  # older ones would not see what a killed one left staged, and give its events' ids again

_ALONE = 0x4B4F4E56_0003  # an advisory lock of PostgreSQL
# A migration waits for others that migrate; for a table it waits briefly, since all who need that wait behind it.
_PATIENT = "SET LOCAL statement_timeout = 0", "SET LOCAL lock_timeout = 0"
_BRIEF = "SET LOCAL lock_timeout = '5s'"


def revision(connection: Connection) -> str | None:
    """The revision that the database is at, or `None` where it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def serves(connection: Connection, found: str) -> bool:
    """Whether this version can work with the schema found: its own, or a newer one that only adds to it."""
    if found <= HEAD:
        return found == HEAD
    oldest = installation.fact(connection, installation.SERVES)
    return oldest is not None and oldest <= HEAD


def readable(connection: Connection) -> bool:
    """Whether there is anything to read. Raises `SchemaBehind`, or `InvalidSettings` for what a newer version made."""
    found = revision(connection)
    if found is None:
        return False
    if found < HEAD:
        raise SchemaBehind(f"It is at {found}, this Konversi's is {HEAD}.")
    if not serves(connection, found):
        raise _too_new(found)
    return True


def upgrade(connection: Connection) -> str | None:
    """Run the migrations that are missing; the revision that was found.

    Raises `InvalidSettings` where a newer Konversi made the database, and this one can't work with it.
    """
    found = revision(connection)
    if found is not None and found >= HEAD:
        if not serves(connection, found):
            raise _too_new(found)
        return found
    from alembic import command  # noqa: PLC0415 - a fifth of a second, needed once in the life of a database
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("konversi.database") / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    serves_from = SERVES_ON_SQLITE if connection.dialect.name == "sqlite" else SERVES
    installation.keep(connection, installation.SERVES, serves_from)
    return found


def _too_new(found: str) -> InvalidSettings:
    return InvalidSettings(
        f"KONVERSI_DATABASE_URL: the database is at schema {found}, which is newer than this Konversi's {HEAD}."
        " Install the version that made it."
    )


def usable(connection: Connection) -> None:
    """Raises `DatabaseMoved` or `MoveUnfinished` where no gateway may start on the database."""
    if installation.fact(connection, installation.MOVED) is not None:
        raise DatabaseMoved
    if (installation.fact(connection, installation.MOVE) or "done") != "done":
        raise MoveUnfinished


def prepare(connection: Connection) -> str | None:
    """Upgrade a PostgreSQL database, alone: within a transaction, to whose end others wait; the revision found.

    Raises `InvalidSettings` where the database can't hold every text.
    """
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise InvalidSettings(f"KONVERSI_DATABASE_URL: the database is in {encoding}; make one with ENCODING 'UTF8'.")
    found = revision(connection)
    if found is not None and found >= HEAD:  # nobody has to wait for anybody
        return upgrade(connection)
    for patient in _PATIENT:
        connection.execute(text(patient))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ALONE})
    connection.execute(text(_BRIEF))
    return upgrade(connection)
