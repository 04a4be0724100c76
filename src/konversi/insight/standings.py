"""Keeps where conversations stand, and the sums of it and of the agent's work.

What happens in a conversation stirs it (`journeys`); here its standing is worked out anew from its rows, and the
difference to the one before is added to the sums. So each counts once in each stage, in whatever order things came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from konversi.insight.funnel_tables import funnel_parts, funnel_totals, standings, tool_parts, tool_times
from konversi.insight.standing import Happened, Standing, standing
from konversi.insight.tables import HOUR
from konversi.insight.waits import bucket_of
from konversi.insight.walking import Found, grouped, mark_of
from konversi.journeys.tables import journeys, stirred, told, tool_uses, touches, turns
from konversi.outbox.tables import events, queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from konversi.insight.walking import Sums

_AT_ONCE = 1_000  # rows that tell of something new
_STANDING = select(*(standings.c[name] for name in Standing._fields))


def stirred_journeys(connection: Connection) -> Found | None:
    """Conversations in which something happened, with their standing as it is now."""
    before = mark_of(connection, "journeys")  # first: where somebody writes meanwhile, this look is left unwritten
    rows = connection.execute(select(stirred.c.id, stirred.c.journey).order_by(stirred.c.id).limit(_AT_ONCE)).all()
    if not rows:
        return None
    ids = sorted({row.journey for row in rows})
    known = {row.journey: Standing(*row) for row in connection.execute(_STANDING.where(standings.c.journey.in_(ids)))}
    now = {journey: standing(journey, past, known.get(journey)) for journey, past in _happened(connection, ids)}
    changes = [(known.get(journey), one) for journey, one in now.items() if known.get(journey) != one]
    also = partial(
        _write,
        new=[one for _, one in changes],
        gone=[*(one.journey for _, one in changes), *(journey for journey in ids if journey not in now)],
        done=(stirred, [row.id for row in rows]),
    )
    more = len(rows) == _AT_ONCE
    return Found(before, before._replace(upto=before.upto + 1), list(_difference(changes)), also, more)


def told_uses(connection: Connection) -> Found | None:
    """Tool calls and answers of the agent that are not in the sums yet."""
    before = mark_of(connection, "told")
    rows = connection.execute(select(told).order_by(told.c.id).limit(_AT_ONCE)).all()
    if not rows:
        return None
    uses: Counter[tuple[int, str, str, str]] = Counter()
    times: Counter[tuple[int, str, int]] = Counter()
    for row in rows:
        hour = int(row.at // HOUR) * HOUR
        uses[hour, row.tool, row.outcome, row.error_kind or ""] += row.number
        if row.seconds is not None:
            times[hour, row.tool, bucket_of(row.seconds)] += row.number
    sums = [
        (table, grouped(((hour // every * every, *key), (n,)) for (hour, *key), n in numbers.items()))
        for tables, numbers in ((tool_parts, uses), (tool_times, times))
        for every, table in tables.items()
    ]
    done = partial(_write, new=[], gone=[], done=(told, [row.id for row in rows]))
    return Found(before, before._replace(upto=before.upto + 1), sums, done, len(rows) == _AT_ONCE)


def _happened(connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, Happened]]:
    wanted = select(journeys.c.id, journeys.c.channel, journeys.c.opened_at).where(journeys.c.id.in_(ids))
    of_events = select(events.c.journey, events.c.event_name, queue.c.state)
    of_events = of_events.join_from(events, queue, events.c.id == queue.c.id)
    clicks = _grouped(connection, touches, ("at", "click_id", "ad_id"), ids)
    uses = _grouped(connection, tool_uses, ("tool", "outcome"), ids)
    answers = _grouped(connection, turns, ("at", "booked", "claimed"), ids)
    outcomes = _by_journey(connection.execute(of_events.where(events.c.journey.in_(ids))))
    for id_, channel, opened_at in connection.execute(wanted):
        yield id_, Happened(channel, opened_at, clicks[id_], uses[id_], answers[id_], outcomes[id_])


def _grouped(connection: Connection, table: Table, names: Iterable[str], ids: Sequence[int]) -> Mapping[int, list[Any]]:
    columns = [table.c[name] for name in ("journey", *names)]
    wanted = select(*columns).where(table.c.journey.in_(ids)).order_by(table.c.at, table.c.id)
    return _by_journey(connection.execute(wanted))


def _by_journey(rows: Iterable[Any]) -> Mapping[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.journey].append(row)
    return found


def _difference(changes: Iterable[tuple[Standing | None, Standing]]) -> Iterator[tuple[Table, Sums]]:
    """What the changes add to the sums; what a conversation added before is taken out."""
    added = grouped(
        ((one.at // HOUR * HOUR, one.ad), tuple(sign * number for number in one.counts))
        for before, after in changes
        for one, sign in ((before, -1), (after, 1))
        if one is not None
    )
    changed = {place: numbers for place, numbers in added.items() if any(numbers)}
    yield funnel_totals, grouped(((hour, int(ad != "")), numbers) for (hour, ad), numbers in changed.items())
    for every, table in funnel_parts.items():
        yield table, grouped(((hour // every * every, ad), numbers) for (hour, ad), numbers in changed.items())


def _write(
    connection: Connection, *, new: Sequence[Standing], gone: Sequence[int], done: tuple[Table, Sequence[int]]
) -> None:
    if gone:
        connection.execute(delete(standings).where(standings.c.journey.in_(gone)))
    if new:
        connection.execute(insert(standings), [one._asdict() for one in new])
    table, ids = done
    connection.execute(delete(table).where(table.c.id.in_(ids)))
