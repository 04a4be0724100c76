"""The one MetaData that all tables hang on, so that migrations and code can be compared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, String, text

Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def key(length: int) -> String:
    """Text that is compared and ordered byte by byte: quicker, and the same whatever language the server speaks."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def only(condition: str) -> dict[str, Any]:
    """Arguments of a partial index."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
