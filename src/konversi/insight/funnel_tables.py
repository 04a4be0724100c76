"""How far each conversation came, and sums of that by the hour and the day (of UTC) of its first ad click.

A conversation belongs for good to the hour and the ad of its first click, whenever it books or pays.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table

from konversi.database.metadata import key, metadata, only
from konversi.insight.tables import DAY, HOUR

standings = Table(
    "standings",
    metadata,
    Column("journey", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),  # Unix seconds of the first ad click; of the first message without one
    Column("ad", key(60), nullable=False),  # of that click; empty where no ad is known
    Column("channel", String(20), nullable=False),
    Column("clicks", Integer, nullable=False),  # on ads
    Column("stage", SmallInteger, nullable=False),  # see `standing.py`
    Column("unfounded", Boolean(create_constraint=False), nullable=False),  # the agent said "booked", and had not
    Column("found_slots", Boolean(create_constraint=False), nullable=False),  # a tool that looks for slots succeeded
    Column("click", String(12), nullable=False),  # matched, no_click_id or no_click
    Column("clicked_at", BigInteger),  # Unix seconds of the last click that Meta can credit
    Index("ix_standings_at", "at", "journey"),
    Index("ix_standings_ad", "ad", "at", "journey"),
    Index("ix_standings_unfounded", "at", **only("unfounded")),
)


def _counts() -> list[Column[int]]:
    names = ("clicks", "chats", "called", "succeeded", "delivered", "paid", "unfounded", "found_only")
    return [Column(name, BigInteger, nullable=False) for name in names]


def _start() -> Column[int]:
    return Column("start", BigInteger, primary_key=True, autoincrement=False)  # Unix seconds


def _by_ad(name: str) -> Table:
    return Table(name, metadata, _start(), Column("ad", key(60), primary_key=True), *_counts())


def _uses(name: str) -> Table:
    """`tool` is empty for the agent's answers, whose outcome is answered, booked or unfounded."""
    return Table(
        name,
        metadata,
        _start(),
        Column("tool", key(100), primary_key=True),
        Column("outcome", key(20), primary_key=True),
        Column("error_kind", key(100), primary_key=True),  # empty where there is none
        Column("uses", BigInteger, nullable=False),
    )


def _times(name: str) -> Table:
    return Table(
        name,
        metadata,
        _start(),
        Column("tool", key(100), primary_key=True),
        Column("bucket", Integer, primary_key=True, autoincrement=False),  # of seconds: see `waits.py`
        Column("uses", BigInteger, nullable=False),
    )


funnel_totals = Table(
    "funnel_totals",
    metadata,
    _start(),
    Column("of_ads", Integer, primary_key=True, autoincrement=False),  # 1: of conversations that an ad opened
    *_counts(),
)
funnel_parts = {HOUR: _by_ad("hourly_funnel"), DAY: _by_ad("daily_funnel")}
tool_parts = {HOUR: _uses("hourly_tools"), DAY: _uses("daily_tools")}
tool_times = {HOUR: _times("hourly_tool_times"), DAY: _times("daily_tool_times")}
