"""Conversations by ad, time, stage and click, a page at a time, in bounded time however long the history is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, or_, select, tuple_

from konversi.insight.funnel_tables import standings
from konversi.insight.standing import Stage, Standing
from konversi.journeys.port import Journey, journey_of
from konversi.journeys.tables import journeys, tool_uses
from konversi.outbox.port import event_of
from konversi.outbox.tables import events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

_NEAR = 1_000  # looked at first
_WINDOW = 10_000  # conversations that one page looks at where no index leads to its own
_CALLS = 20_000  # of tools: the newest ones
_MOST_FOUND = 500  # conversations that one search word leads to
FROM_ANY_AD, FROM_NO_AD = "any", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which conversations. Times are those of the first click, in Unix seconds."""

    channel: str | None = None
    ad: str | None = None  # an id, "any" or "none"
    since: float | None = None
    until: float | None = None
    stage: Stage | None = None  # came at least so far
    click: str | None = None  # matched, over, no_click_id or no_click
    counts_after: float = 0  # clicks from then on are credited; before it, they are over
    unfounded: bool = False
    found_only: bool = False
    tool: str | None = None  # the agent called it, since and until these times
    error: str | None = None  # how that call failed: the kind of error, or the outcome where none was told
    word: str | None = None  # a journey, booking id, event id or receipt, in full


class Row(NamedTuple):
    """A conversation in a list."""

    journey: Journey
    standing: Standing


class Found(NamedTuple):
    """A page, the newest first click first. `next` is the cursor of what follows."""

    rows: Sequence[Row]
    next: int | None
    upto: float | None = None  # Unix seconds, where it looked no further back


_JOURNEY = tuple(journeys.c[name] for name in Journey._fields)
_STANDING = tuple(standings.c[name] for name in Standing._fields)


def search(connection: Connection, wanted: Wanted, before: int | None, limit: int) -> Found:
    """The page of at most `limit` conversations that come after `before`, a journey."""
    lead = _leading(connection, wanted, before)
    asked = _following(standings.c, wanted)
    for window in (_NEAR, _WINDOW) if asked else (limit + 1,):
        found = _page(connection, lead, wanted, window, limit)
        if len(found.rows) == limit or found.next is None:
            break
    return found


def _page(
    connection: Connection, lead: Sequence[ColumnElement[bool]], wanted: Wanted, window: int, limit: int
) -> Found:
    """Of the first so many that are led to, those that are asked for."""
    newest = standings.c.at.desc(), standings.c.journey.desc()
    near = select(standings.c.journey).where(*lead).order_by(*newest).limit(window)
    rows = select(*_JOURNEY, *_STANDING).join_from(standings, journeys, journeys.c.id == standings.c.journey)
    rows = rows.where(standings.c.journey.in_(select(near.subquery().c.journey)), *_following(standings.c, wanted))
    found = connection.execute(rows.order_by(*newest).limit(limit + 1)).all()
    width = len(_JOURNEY)
    shown = [Row(Journey(*row[:width]), Standing(*row[width:])) for row in found[:limit]]
    if len(found) > limit:
        return Found(shown, shown[-1].standing.journey)
    end = select(standings.c.at, standings.c.journey).where(*lead).order_by(*newest).offset(window - 1).limit(1)
    last = connection.execute(end).one_or_none()
    return Found(shown, None) if last is None else Found(shown, last.journey, last.at)


def _leading(connection: Connection, wanted: Wanted, before: int | None) -> list[ColumnElement[bool]]:
    """What an index leads along."""
    of, conditions = standings.c, []
    if wanted.ad == FROM_ANY_AD:
        conditions.append(of.ad != "")
    elif wanted.ad is not None:
        conditions.append(of.ad == ("" if wanted.ad == FROM_NO_AD else wanted.ad))
    if wanted.tool is not None:
        conditions.append(of.journey.in_(_that_called(wanted)))
    elif wanted.since is not None:
        conditions.append(of.at >= int(wanted.since))
    if wanted.tool is None and wanted.until is not None:
        conditions.append(of.at < int(wanted.until))
    if wanted.unfounded:
        conditions.append(of.unfounded)
    if wanted.word is not None:
        conditions.append(of.journey.in_(_led_to(connection, wanted.word)))
    if before is not None:
        at = select(of.at).where(of.journey == before).scalar_subquery()
        conditions.append(tuple_(of.at, of.journey) < tuple_(at, before))
    return conditions


def _following(of: Any, wanted: Wanted) -> list[ColumnElement[bool]]:
    """What is asked of each that was led to."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.channel is not None:
        conditions.append(of.channel == wanted.channel)
    if wanted.stage is not None:
        conditions.append(of.stage >= int(wanted.stage))
    if wanted.found_only:
        conditions += [of.found_slots, of.stage < int(Stage.SUCCEEDED)]
    if wanted.click == "over":
        conditions += [of.click == "matched", of.clicked_at < int(wanted.counts_after)]
    elif wanted.click == "matched":
        conditions += [of.click == "matched", of.clicked_at >= int(wanted.counts_after)]
    elif wanted.click is not None:
        conditions.append(of.click == wanted.click)
    return conditions


def _that_called(wanted: Wanted) -> Select[tuple[int]]:
    """Those in which the tool was called, of the newest calls of all tools."""
    newest = select(tool_uses.c.journey, tool_uses.c.tool, tool_uses.c.error_kind, tool_uses.c.outcome)
    if wanted.since is not None:
        newest = newest.where(tool_uses.c.at >= wanted.since)
    if wanted.until is not None:
        newest = newest.where(tool_uses.c.at < wanted.until)
    of = newest.order_by(tool_uses.c.at.desc()).limit(_CALLS).subquery().c
    conditions = [of.tool == wanted.tool, of.journey.is_not(None)]
    if wanted.error is not None:
        conditions.append(func.coalesce(of.error_kind, of.outcome) == wanted.error)
        conditions.append(of.outcome.not_in(("succeeded", "cached")))
    return select(of.journey).where(*conditions)


def _led_to(connection: Connection, word: str) -> list[int]:
    """The conversations that a word means."""
    if (journey := journey_of(word)) is not None:
        return [journey]
    named = or_(events.c.event_id == word, events.c.booking_id == word)
    if (event := event_of(word)) is not None:
        named = events.c.id == event
    found = select(events.c.journey).where(named, events.c.journey.is_not(None)).distinct().limit(_MOST_FOUND)
    return list(connection.execute(found).scalars())
