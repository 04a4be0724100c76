"""What `konversi db check` and `konversi doctor` look at: the server or file first, then its schema, then its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from konversi.cli.findings import Finding, Mark
from konversi.clock import now
from konversi.database import installation
from konversi.database.direct import reading
from konversi.database.opening import is_sqlite
from konversi.database.schema import HEAD, readable, revision, usable
from konversi.database.secret import fingerprint, readings
from konversi.database.sqlite import OwnerLock, path_of
from konversi.errors import InvalidSettings, KonversiError, OtherSecret, StorageInUse
from konversi.insight.soundness import contradictions, counted
from konversi.outbox.staging import left_staged
from konversi.wiring.stores import all_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from konversi.settings import Settings

_OLDEST_SERVER = 140_000
_MOST_SKEW = 5.0  # seconds
_OF_A_PROCESS = 7  # connections: 4 that write, 2 that read, 1 that listens
_DURABLE = {
    "fsync": (("on",), "Set fsync = on: without it, what was acknowledged is lost with the power."),
    "full_page_writes": (("on",), "Set full_page_writes = on: without it, a crash can break pages."),
    "synchronous_commit": (
        ("on", "remote_apply", "remote_write", "local"),
        "Set synchronous_commit = on: without it, an acknowledged event can be lost in a crash.",
    ),
}
_FREE = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
"""
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"


def findings_of(settings: Settings) -> Iterator[Finding]:
    """All checks of the settings' database."""
    url = settings.database
    if is_sqlite(url) and not path_of(url).exists():
        yield Finding("database", Mark.WARNING, f"{path_of(url)} is not there yet", "The first start makes it.")
        return
    try:
        with reading(url) as connection:
            yield from _sqlite(connection, path_of(url)) if is_sqlite(url) else server(connection)
            yield from schema(connection)
            if readable(connection):
                yield from secret(connection, settings)
                yield from _rows(connection)
                if is_sqlite(url):
                    yield Finding("rows", Mark.OK, f"staged events: {len(left_staged(connection, path_of(url)))}")
    except KonversiError as error:
        yield unusable(error)


def unusable(error: KonversiError) -> Finding:
    """That the database can't be used at all."""
    return Finding("database", Mark.FAULT, f"{error.title()} {error.detail}".strip(), error.remedy())


def server(connection: Connection) -> Iterator[Finding]:
    """What has to be so of a PostgreSQL server."""

    def setting(name: str) -> str:
        return str(connection.execute(text(f"SHOW {name}")).scalar_one())

    version = int(setting("server_version_num"))
    found = f"PostgreSQL {setting('server_version')}"
    if version < _OLDEST_SERVER:
        yield Finding("database", Mark.FAULT, found, "Use PostgreSQL 14 or newer.")
    else:
        yield Finding("database", Mark.OK, found)
    encoding = setting("server_encoding")
    mark, remedy = (Mark.OK, "") if encoding == "UTF8" else (Mark.FAULT, "Make a database with ENCODING 'UTF8'.")
    yield Finding("encoding", mark, encoding, remedy)
    for name, (good, remedy) in _DURABLE.items():
        value = setting(name)
        sound = value in good
        yield Finding("durability", Mark.OK if sound else Mark.FAULT, f"{name} is {value}", "" if sound else remedy)
    before = now()
    ahead = float(connection.execute(text(_CLOCK)).scalar_one()) - (before + now()) / 2
    yield _clock(ahead)
    most, used = connection.execute(text(_FREE)).one()
    yield _connections(most, used)


def _clock(ahead: float) -> Finding:
    if abs(ahead) <= _MOST_SKEW:
        return Finding("server's clock", Mark.OK, "agrees with this machine's")
    which = "ahead of" if ahead > 0 else "behind"
    return Finding(
        "server's clock",
        Mark.WARNING,
        f"is {abs(ahead):.0f} s {which} this machine's; all gateways go by the server's",
        "Switch on time synchronisation (NTP) on both.",
    )


def _connections(most: int, used: int) -> Finding:
    found = f"{used} of {most} are taken; a gateway process takes {_OF_A_PROCESS}"
    if most - used >= _OF_A_PROCESS:
        return Finding("connections", Mark.OK, found)
    return Finding("connections", Mark.WARNING, found, "Raise max_connections, or run fewer processes.")


def _sqlite(connection: Connection, path: Path) -> Iterator[Finding]:
    said = connection.execute(text("PRAGMA integrity_check(1)")).scalar_one()
    sound = said == "ok"
    remedy = "" if sound else "Stop the gateway and restore a backup; keep the file for `sqlite3 .recover`."
    yield Finding("database", Mark.OK if sound else Mark.FAULT, f"{path}: {'whole' if sound else said}", remedy)
    mode = str(connection.execute(text("PRAGMA journal_mode")).scalar_one())
    mark = Mark.OK if mode == "wal" else Mark.WARNING
    yield Finding("journal", mark, mode, "" if mode == "wal" else "The next start sets it to wal.")
    try:
        OwnerLock(path).release()
        yield Finding("owner", Mark.OK, "no process has it")
    except StorageInUse:
        yield Finding("owner", Mark.OK, "a process has it")


def schema(connection: Connection) -> Iterator[Finding]:
    """Whether a gateway of this version can start on it."""
    found = revision(connection)
    try:
        if not readable(connection):
            yield Finding("schema", Mark.WARNING, "there is none yet", "konversi db migrate, or start the gateway.")
            return
        usable(connection)
    except InvalidSettings as error:
        yield Finding("schema", Mark.FAULT, f"{error.title()} {error.detail}".strip(), error.remedy())
        return
    newer = f", newer than this version's {HEAD}, which can work with it" if found != HEAD else ""
    yield Finding("schema", Mark.OK, f"{found}{newer}")


def secret(connection: Connection, settings: Settings) -> Iterator[Finding]:
    """Whether the settings' secret is the one of the database."""
    known = installation.fact(connection, installation.SECRET)
    if known is None:
        yield Finding("secret", Mark.OK, "none is known yet: that of the first gateway that starts will be")
        return
    if known in map(fingerprint, readings(settings, make=False)):
        yield Finding("secret", Mark.OK, "is that of the database")
    else:
        yield Finding("secret", Mark.FAULT, OtherSecret.title(), OtherSecret.remedy())


def _rows(connection: Connection) -> Iterator[Finding]:
    for name, number in counted(connection, all_tables()):
        yield Finding("rows", Mark.OK, f"{name}: {number}")
    found = list(contradictions(connection, all_tables(), now()))
    for what, remedy in found:
        yield Finding("consistency", Mark.FAULT, what, remedy)
    if not found:
        yield Finding("consistency", Mark.OK, "the tables agree with each other")
