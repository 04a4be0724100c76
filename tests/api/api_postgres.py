"""Lets the gateways of a module of tests keep everything in PostgreSQL instead of a file."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg

from postgres import server

if TYPE_CHECKING:
    from pathlib import Path

    from konversi.settings import Settings

_TABLES = (
    "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename != 'alembic_version'"
)


class Databases:
    """A database for each folder. Those of a test that has ended are emptied and given to the next."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._spare: list[str] = []
        self._of: dict[Path, str] = {}

    def instead(self, settings: Settings) -> Settings:
        """The same settings, with the database that belongs to their folder."""
        url = self._of.get(settings.data_dir) or self._take()
        self._of[settings.data_dir] = url
        kept_there = settings.model_copy(update={"database_url": url})
        for known in ("database", "shared"):
            kept_there.__dict__.pop(known, None)
        return kept_there

    def _take(self) -> str:
        return self._spare.pop() if self._spare else self._stack.enter_context(server().database())

    def folders(self) -> set[Path]:
        return set(self._of)

    def release(self, but: set[Path]) -> None:
        """Take back all databases but those of these folders."""
        for folder in self.folders() - but:
            url = self._of.pop(folder)
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
                (tables,) = connection.execute(_TABLES).fetchone() or ("",)
                connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
            self._spare.append(url)

    def close(self) -> None:
        self._stack.close()
