"""Brings a database to the schema that this version of Konversi needs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from konversi.errors import InvalidSettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0002"


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
