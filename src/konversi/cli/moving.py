"""`konversi db move`: from SQLite to PostgreSQL, with a progress bar."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.database.direct import migrated, owning, transaction
from konversi.database.opening import is_sqlite
from konversi.database.sqlite import path_of
from konversi.errors import InvalidSettings, MoveRefused
from konversi.outbox.staging import put_in_place
from konversi.settings import load
from konversi.wiring.stores import all_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from konversi.database.moving import Compared
    from konversi.settings import Settings


def move(settings: Settings, to: str, from_: str | None, *, as_json: bool) -> int:
    """Carry everything over; exit status 1 where both sides are not equal at the end."""
    source = _source(from_ or settings.database)
    target = load(database_url=sys.stdin.readline().strip() if to == "-" else to).database
    if is_sqlite(target):
        raise InvalidSettings("--to: give a PostgreSQL database, as postgresql://USER:PASSWORD@HOST/NAME.")
    from konversi.database.moving import Move, alone  # noqa: PLC0415 - an extra

    with owning(source) as here, owning(target) as there:
        alone(there)
        migrated(here)
        with transaction(here):
            put_in_place(here, path_of(source))
        migrated(there)
        moved = Move(here, there, all_tables())
        if moved.ended_before:
            moved.end()
            words("Everything was moved there before, and gateways may have worked on it since: nothing is compared.")
            return 0
        with _bar(moved.number(), shown=not as_json) as arrived:
            moved.carry(arrived)
        compared = list(moved.compared())
        equal = all(one.equal for one in compared)
        if equal:
            moved.end()
    _show(compared, equal=equal, as_json=as_json)
    return 0 if equal else 1


def _source(url: str) -> str:
    if not is_sqlite(url):
        raise MoveRefused("--from: only an SQLite database can be moved. Name it as sqlite:///PATH.")
    if not path_of(url).exists():
        raise MoveRefused(f"There is no database at {path_of(url)}. Name it with --from sqlite:///PATH.")
    return url


@contextmanager
def _bar(number: tuple[int, int], *, shown: bool) -> Iterator[Callable[[int], None]]:
    rows, arrived = number
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not (shown and sys.stderr.isatty())) as progress:
        task = progress.add_task("rows", total=rows, completed=arrived)
        yield lambda number: progress.advance(task, number)


def _show(compared: list[Compared], *, equal: bool, as_json: bool) -> None:
    rows = [
        {
            "table": one.table,
            "rows_here": one.here.rows,
            "rows_there": one.there.rows,
            "digest": f"{one.here.high:016x}{one.here.low:016x}",
            "equal": one.equal,
        }
        for one in compared
    ]
    if as_json:
        print_json({"equal": equal, "tables": rows})
        return
    told = [{**row, "equal": "yes" if row["equal"] else "NO"} for row in rows]
    table(told, ("table", "rows_here", "rows_there", "digest", "equal"))
    if equal:
        words(
            "Both hold the same. Set KONVERSI_DATABASE_URL to the new database, with the same secret (KONVERSI_SECRET,"
            " or the file `secret` in KONVERSI_DATA_DIR), and start the gateway."
        )
    else:
        words(
            "They are not equal: one of them was written to since the move began. No gateway starts on the new one."
            " Make an empty database, and move into that."
        )
