"""The commands of the database."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from konversi.cli.options import Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

db = App(name="db", help="Migrate, check and move the database.", help_format="plaintext")


@db.command
def migrate(*, json: Json = False) -> int:
    """Bring the database of KONVERSI_DATABASE_URL to this version's schema. A starting gateway does the same."""
    from konversi.cli import databases

    return databases.migrate(load(), as_json=json)


@db.command
def check(*, json: Json = False) -> int:
    """Check the database: reachable, durable, its schema, its rows (exit status 1 where there is a fault).

    It visits every row: on a large SQLite database that takes a while.
    """
    from konversi.cli import databases

    return databases.check(load(), as_json=json)


@db.command
def move(
    *,
    to: Annotated[str, Parameter(allow_leading_hyphen=True)],
    from_: Annotated[str | None, Parameter(name="--from", negative="")] = None,
    json: Json = False,
) -> int:
    """Carry everything from an SQLite database to an empty PostgreSQL database, and prove that both are equal.

    Stop the gateway first. A move that was broken off goes on where it stopped. Take the installation's secret along.

    Example: konversi db move --to postgresql://konversi@db.example/konversi

    Parameters
    ----------
    to:
        The PostgreSQL database; `-` reads the URL from standard input, where no list of processes shows a password.
    from_:
        The SQLite database (that of the settings).
    json:
        Print JSON for programs.
    """
    from konversi.cli import moving

    return moving.move(load(), to, from_, as_json=json)


@db.command
def accept_secret(*, json: Json = False) -> int:
    """Go on with another secret, where the old one is lost for good. Stop all gateways first.

    What the old one encrypted stays unreadable: add the datasets' tokens again. Customers are no longer recognised in
    earlier chats, and a repeat of an earlier event can't be told from a conflict.
    """
    from konversi.cli import databases

    return databases.accept_secret(load(), as_json=json)
