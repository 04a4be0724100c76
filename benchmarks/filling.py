"""Databases with a long history, a backlog or much trouble in them, made by the database itself: ten million events take
minutes. Events are spread over 28 days, 30 datasets, four names and two channels; four of them make a conversation."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from konversi.database.opening import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = 28
_HOUR, _DAY = 3_600, 86_400
_NAME = "CASE n % 4 WHEN 0 THEN 'Lead' WHEN 1 THEN 'Purchase' WHEN 2 THEN 'Schedule' ELSE 'InitiateCheckout' END"
_CHANNEL = "CASE n % 2 WHEN 0 THEN 'chat' ELSE 'website' END"
_BODY = '{"event_name":"Lead","user_data":{"ph":["' + "a" * 64 + '"],"external_id":["' + "b" * 64 + '"]},"x":"'
_BODY += "c" * 330 + '"}'
_BOOKED = "CASE WHEN n % 3 = 0 THEN 'succeeded' ELSE 'failed' END"
_STAGE = "CASE WHEN n % 1000 = 0 THEN 4 WHEN n % 3 = 0 THEN 3 ELSE 1 END"


class Size(NamedTuple):
    """How many events of each kind."""

    delivered: int = 10_000
    waiting: int = 1_000
    dead: int = 100

    @property
    def events(self) -> int:
        return sum(self)


def fill(path: Path, size: Size, now: float) -> None:
    """A new SQLite database at `path`, in which the newest event came at `now`."""

    async def made() -> None:
        await (await open_database(f"sqlite:///{path}")).aclose()

    asyncio.run(made())
    with closing(sqlite3.connect(path)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        for number, table, columns, values in _rows(size, now):
            every = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number})"
            connection.execute(f"INSERT INTO {table} ({columns}) {every} SELECT {values} FROM s")
        for statement in _sums():
            connection.execute(statement)
        connection.commit()


def _rows(size: Size, now: float) -> Iterator[tuple[int, str, str, str]]:
    """How many rows of which table, its columns, and what they are of the row's number `n`."""
    history, chats, start = size.delivered + size.dead, max(1, size.events // 4), now - DAYS * _DAY
    at = f"CASE WHEN n <= {history} THEN {start} + n * {(DAYS * _DAY - 2.0 * _HOUR) / history}"
    at = f"{at} ELSE {now - _HOUR} + (n - {history}) * {_HOUR / max(1, size.waiting)} END"
    chat_at = f"CAST({start} + n * {(DAYS * _DAY - _HOUR) / chats} AS INT)"
    is_dead = f"n <= {history} AND n % {history // size.dead} = 0" if size.dead else "n < 0"
    state = f"CASE WHEN n > {history} THEN 'waiting' WHEN {is_dead} THEN 'dead' ELSE 'delivered' END"
    of_chat = "CASE WHEN n % 4 = 0 THEN n / 4 END"
    yield (
        size.events,
        "events",
        (
            "id, dataset, event_name, event_id, booking_id, event_time, accepted_at, deadline, digest, body, notes,"
            " journey, touch"
        ),
        (
            f"n, 'ds' || (n % 30), {_NAME}, {_NAME} || ':' || (10000000 + n), 'BK' || (10000000 + n), CAST({at} AS INT),"
            f" {at}, CAST({at} AS INT) + 604800, '', '{_BODY}', '', {of_chat}, {of_chat}"
        ),
    )
    yield (
        size.events,
        "queue",
        "id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts, reason",
        (
            f"n, 'ds' || (n % 30) || '|live|' || {_CHANNEL}, {state}, {at}, CAST({at} AS INT) + 604800, 1000, 700, 1, 0,"
            f" '', CASE WHEN {is_dead} THEN 'Meta refused it: ' || (n % 7) ELSE '' END"
        ),
    )
    yield (
        max(1, size.delivered // 100),
        "attempts",
        "lane, started_at, lease_until, members, events, ended_at, verdict, reason, fbtrace_id",
        (
            f"'ds0|live|chat', {start}, {start}, (n * 100 - 99) || '-' || (n * 100), 100, {start}, 'delivered', '',"
            " 'trace' || n"
        ),
    )
    yield (
        chats,
        "journeys",
        "id, channel, account, opened_at, last_at, messages, tail, user_data",
        f"n, 'whatsapp', '1', {chat_at}, {chat_at}, 3, '89', '{{}}'",
    )
    yield (
        chats,
        "touches",
        "journey, at, account, click_id, ad_id, headline",
        f"n, {chat_at}, '1', 'click' || n, 'ad' || (n % 200), 'An ad'",
    )
    for tool, outcome in (("find_slots", "'succeeded'"), ("create_booking", _BOOKED)):
        yield (
            chats,
            "tool_uses",
            "journey, at, tool, outcome, error_kind, seconds",
            f"n, {chat_at}, '{tool}', {outcome}, CASE {outcome} WHEN 'failed' THEN 'SlotTaken' END, 0.7",
        )
    yield chats, "turns", "journey, at, tools, booked, claimed", f"n, {chat_at}, 1, n % 3 = 0, n % 40 = 0"
    yield (
        chats,
        "standings",
        "journey, at, ad, channel, clicks, stage, unfounded, found_slots, click, clicked_at",
        f"n, {chat_at}, 'ad' || (n % 200), 'whatsapp', 1, {_STAGE}, n % 40 = 1, 1, 'matched', {chat_at}",
    )
    yield (
        max(1, size.events // 10),
        "payments",
        (
            "provider, payment_id, booking_id, stage, amount, currency, paid_at, seen_at, changed_at, user_data, flag, why,"
            " reversals, event"
        ),
        (
            f"'midtrans', 'p' || n, 'BK' || (10000000 + n), 4, '150000', 'IDR', {chat_at}, {chat_at}, {chat_at}, '{{}}', '',"
            " '', '[]', n"
        ),
    )
    for step, number in (("accept", size.events), ("deliver", size.delivered), ("refuse", size.dead)):
        yield 1, "totals", "step, slot, events", f"'{step}', 0, {number}"


def _sums() -> Iterator[str]:
    """As the followers would have left them."""
    names = "start, dataset, event_name, channel"
    counted = "sum(stage >= 0), sum(stage >= 1), sum(stage >= 2), sum(stage >= 3), sum(stage >= 4), sum(unfounded), 0"
    yield (
        f"INSERT INTO hourly_parts SELECT CAST(accepted_at / {_HOUR} AS INT) * {_HOUR}, dataset, event_name,"
        " substr(lane, instr(lane, '|live|') + 6), count(*), sum(state = 'delivered')"
        " FROM events JOIN queue USING (id) GROUP BY 1, 2, 3, 4"
    )
    yield "INSERT INTO hourly_totals SELECT start, sum(accepted), sum(delivered) FROM hourly_parts GROUP BY 1"
    yield (
        f"INSERT INTO daily_parts SELECT start / {_DAY} * {_DAY}, dataset, event_name, channel, sum(accepted),"
        " sum(delivered) FROM hourly_parts GROUP BY 1, 2, 3, 4"
    )
    for every in ("hourly", "daily"):
        yield (
            f"INSERT INTO {every}_waits WITH RECURSIVE b(n) AS (SELECT 50 UNION ALL SELECT n + 1 FROM b WHERE n < 80)"
            f" SELECT DISTINCT start, n, 10 FROM {every}_parts, b"
        )
    yield (
        "INSERT INTO daily_keysets WITH b(k) AS (VALUES ('ph,external_id'), ('em,ph,fn,external_id'), ('em'),"
        f" ('ctwa_clid')) SELECT {names}, k, accepted FROM daily_parts, b"
    )
    yield (
        "INSERT INTO daily_delays WITH RECURSIVE b(n) AS (SELECT 50 UNION ALL SELECT n + 1 FROM b WHERE n < 60)"
        " SELECT start, dataset, event_name, n, sum(accepted) FROM daily_parts, b GROUP BY 1, 2, 3, 4"
    )
    for every, seconds in (("hourly", _HOUR), ("daily", _DAY)):
        start = f"at / {seconds} * {seconds}"
        yield f"INSERT INTO {every}_funnel SELECT {start}, ad, sum(clicks), {counted} FROM standings GROUP BY 1, 2"
        begun = f"CAST(at / {seconds} AS INT) * {seconds}"
        yield (
            f"INSERT INTO {every}_tools SELECT {begun}, tool, outcome, coalesce(error_kind, ''), count(*)"
            " FROM tool_uses GROUP BY 1, 2, 3, 4"
        )
        yield f"INSERT INTO {every}_tool_times SELECT {begun}, tool, 60, count(*) FROM tool_uses GROUP BY 1, 2, 3"
    yield (
        f"INSERT INTO funnel_totals SELECT at / {_HOUR} * {_HOUR}, 1, sum(clicks), {counted} FROM standings GROUP BY 1"
    )
    yield (
        "INSERT INTO ad_results WITH r(result, currency) AS (VALUES ('conversations', ''), ('bookings', 'IDR'),"
        " ('payments', 'IDR')) SELECT start, ad, result, currency, chats, 1500000000 FROM daily_funnel, r"
    )
    yield (
        "INSERT INTO ad_spend SELECT 'act_1', date(start, 'unixepoch'), ad, ad, 'set' || (chats % 9), 'Set', 'c1', 'C',"
        " 'IDR', 500000000, 1000, 20, chats, 0, 0, 0, 0 FROM daily_funnel"
    )
    yield "INSERT INTO spend_pulls SELECT 'act_1', 'IDR', 1, 1, 0, min(day), '' FROM ad_spend"
    yield (
        "INSERT INTO summed SELECT 'money_back', 1, coalesce(group_concat(id), '') FROM (SELECT id FROM queue"
        " JOIN events USING (id) WHERE state = 'dead' AND event_name <> 'InitiateCheckout' ORDER BY id)"
    )
    marks = {"events": "events", "keys": "events", "money": "events", "attempts": "attempts", "ad_chats": "touches"}
    for history, table in marks.items():
        yield f"INSERT INTO summed SELECT '{history}', max(id), '' FROM {table}"
