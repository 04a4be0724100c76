"""What the store of datasets asks of a database: functions over a Core connection, the same for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select, update

from konversi.datasets.tables import accounts, datasets, lines, token_expiries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table


class Rows(NamedTuple):
    """All that is stored. Tokens are sealed."""

    datasets: list[dict[str, Any]]
    accounts: list[tuple[str, str, str]]  # channel, account, dataset
    lines: list[tuple[str, str]]  # line, account
    expiries: list[tuple[str, float | None, float]]  # dataset, expires_at, seen_at


def everything(connection: Connection) -> Rows:
    """All datasets, accounts and lines: dozens, not thousands."""
    return Rows(
        [dict(row) for row in connection.execute(select(datasets).order_by(datasets.c.added_at)).mappings()],
        [tuple(row) for row in connection.execute(select(accounts.c.channel, accounts.c.account, accounts.c.dataset))],
        [tuple(row) for row in connection.execute(select(lines.c.line, lines.c.account))],
        [tuple(row) for row in connection.execute(select(*token_expiries.c))],
    )


def add(connection: Connection, dataset: str, given: dict[str, Any], otherwise: dict[str, Any]) -> None:
    """Add a dataset, or change what is given of one that is there; a new one has the rest from `otherwise`."""
    fresh = {**given, "checked_at": None, "fault": None}
    if not connection.execute(update(datasets).where(datasets.c.id == dataset).values(fresh)).rowcount:
        connection.execute(insert(datasets).values(id=dataset, **{**otherwise, **fresh}))
    _forget_expiry(connection, dataset)


def remove(connection: Connection, dataset: str) -> None:
    """Forget a dataset, and whose chats belong to it."""
    of_dataset = select(accounts.c.account).where(accounts.c.dataset == dataset, accounts.c.channel == "whatsapp")
    connection.execute(delete(lines).where(lines.c.account.in_(of_dataset)))
    connection.execute(delete(accounts).where(accounts.c.dataset == dataset))
    connection.execute(delete(datasets).where(datasets.c.id == dataset))
    _forget_expiry(connection, dataset)


def _forget_expiry(connection: Connection, dataset: str) -> None:
    connection.execute(delete(token_expiries).where(token_expiries.c.dataset == dataset))


def link(
    connection: Connection, channel: str, account: str, dataset: str, numbers: Sequence[str], linked_at: float
) -> None:
    """An account's chats belong to this dataset from now on, and these numbers to the account."""
    put(connection, accounts, {"channel": channel, "account": account}, {"dataset": dataset, "linked_at": linked_at})
    for line in numbers:
        put(connection, lines, {"line": line}, {"account": account})


def put(connection: Connection, table: Table, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Write a row, whether or not there is one with this key."""
    found = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(update(table).where(*found).values(values)).rowcount:
        connection.execute(insert(table).values({**key, **values}))


def checked(connection: Connection, dataset: str, at: float, fault: str | None) -> None:
    """Keep what a check found."""
    connection.execute(update(datasets).where(datasets.c.id == dataset).values(checked_at=at, fault=fault))


def expires(connection: Connection, dataset: str, expires_at: float | None, seen_at: float) -> None:
    """Keep when its token expires."""
    put(connection, token_expiries, {"dataset": dataset}, {"expires_at": expires_at, "seen_at": seen_at})
