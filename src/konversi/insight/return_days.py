"""Of which days costs can be told: those of which both the spend and the conversations are known.

Spend is pulled for weeks before an installation sees its first chat. To divide all of it by the chats of a few days
would make every booking look dear, and to divide the spend of four weeks by the bookings of three months cheap.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from konversi.insight.spend_tables import ad_results, ad_spend, spend_pulls
from konversi.insight.tables import DAY
from konversi.meta.ad_insights import amount

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Days(NamedTuple):
    """The first days, as ISO 8601 writes them."""

    asked: str
    conversations: str | None  # with a conversation that an ad opened; nothing where there was none yet
    spend: str | None  # of which the spend of every account is known; nothing where none was pulled

    @property
    def first(self) -> str:
        """From when on things are counted."""
        return max(day for day in self if day is not None)


def since(days: int, now: float) -> float:
    """When the last whole days began, of which today is one."""
    return now - (days - 1) * DAY


def read(began: float, connection: Connection) -> Days:
    """For a period that begins at this moment."""
    chats = ad_results.c.result == "conversations"
    first = connection.execute(select(ad_results.c.start).where(chats).order_by(ad_results.c.start).limit(1)).scalar()
    pulled = spend_pulls.c
    accounts = connection.execute(select(pulled.account, pulled.since).where(pulled.since != "")).all()
    spend = [_first_of(connection, account, last_pull) for account, last_pull in accounts]
    return Days(day_of(began), None if first is None else day_of(first), max(spend, default=None))


def _first_of(connection: Connection, account: str, last_pull: str) -> str:
    """Pulls leave what is older than they ask for."""
    oldest = select(func.min(ad_spend.c.day)).where(ad_spend.c.account == account)
    return min(last_pull, connection.execute(oldest).scalar() or last_pull)


def left_out(days: Days, connection: Connection) -> list[dict[str, Any]]:
    """What was spent in the period before things are counted."""
    of = ad_spend.c
    before = select(of.currency, func.sum(of.spend)).where(of.day >= days.asked, of.day < days.first)
    spent = connection.execute(before.group_by(of.currency).order_by(of.currency))
    return [{"currency": currency, "spend": amount(int(spend))} for currency, spend in spent if spend]


def day_of(moment: float) -> str:
    """In UTC."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def begin_of(day: str) -> int:
    """Unix seconds."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) // DAY * DAY
