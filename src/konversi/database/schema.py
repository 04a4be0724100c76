"""Brings a database to the schema that this version of Konversi needs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import Column, String, Table, Text, inspect, text

from konversi.database.metadata import metadata
from konversi.errors import InvalidSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0005"

_ALONE = 0x4B4F4E56_0003  # an advisory lock of PostgreSQL

installation = Table(
    "installation",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)


def revision(connection: Connection) -> str | None:
    """The revision that the database is at, or `None` where it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing. Raises `InvalidSettings` where a newer Konversi made the database."""
    found = revision(connection)
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise InvalidSettings(
            f"KONVERSI_DATABASE_URL: the database is at schema {found}, which is newer than this Konversi's {HEAD}."
        )
    from alembic import command  # noqa: PLC0415 - a fifth of a second, needed once in the life of a database
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("konversi.database") / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def prepare(connection: Connection) -> None:
    """Upgrade a PostgreSQL database, alone. Raises `InvalidSettings` where it can't hold every text."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise InvalidSettings(f"KONVERSI_DATABASE_URL: the database is in {encoding}; make one with ENCODING 'UTF8'.")
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _ALONE})
    try:
        upgrade(connection)
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _ALONE})
