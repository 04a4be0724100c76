"""Keeps what ads cost: functions over a Core connection, for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, insert, select, text, update

from konversi.insight.spend_tables import ad_spend, spend_pulls

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection

    from konversi.meta.ad_insights import AdDay

_ROWS_AT_ONCE = 500
_BEGIN = (
    "INSERT INTO spend_pulls (account, currency, pulled_at, tried_at, claimed_until, since, fault)"
    " VALUES (:account, '', 0, 0, 0, '', '') ON CONFLICT (account) DO NOTHING"
)


class Pull(NamedTuple):
    """How an account's last pull went."""

    account: str
    currency: str
    pulled_at: float  # Unix seconds; 0 where it never succeeded
    tried_at: float
    claimed_until: float
    since: str
    fault: str


def pulls(connection: Connection) -> list[Pull]:
    """Of every account that was ever asked about."""
    return [Pull(*row) for row in connection.execute(select(spend_pulls).order_by(spend_pulls.c.account))]


def claim(connection: Connection, account: str, now: float, until: float, unless_after: float) -> bool:
    """Whether the caller is the one who pulls; nobody is while another does, or did so after `unless_after`."""
    mine = spend_pulls.c.account == account
    connection.execute(text(_BEGIN), {"account": account})
    free = update(spend_pulls).where(mine, spend_pulls.c.claimed_until <= now, spend_pulls.c.tried_at <= unless_after)
    return connection.execute(free.values(claimed_until=until, tried_at=now)).rowcount == 1


def replace(
    connection: Connection, account: str, currency: str, since: date, until: date, rows: Sequence[AdDay], now: float
) -> None:
    """Put these days in the place of what was known of them, so that no pull counts twice and what left is gone."""
    day = ad_spend.c.day
    between = day.between(since.isoformat(), until.isoformat())
    connection.execute(delete(ad_spend).where(ad_spend.c.account == account, between))
    values = [{"account": account, **row._asdict()} for row in rows]
    for start in range(0, len(values), _ROWS_AT_ONCE):
        connection.execute(insert(ad_spend), values[start : start + _ROWS_AT_ONCE])
    told = {"currency": currency, "pulled_at": now, "claimed_until": 0.0, "since": since.isoformat(), "fault": ""}
    connection.execute(update(spend_pulls).where(spend_pulls.c.account == account).values(told))


def failed(connection: Connection, account: str, fault: str) -> None:
    """Keep why a pull failed; what was known stays."""
    mine = spend_pulls.c.account == account
    connection.execute(update(spend_pulls).where(mine).values(claimed_until=0.0, fault=fault))
