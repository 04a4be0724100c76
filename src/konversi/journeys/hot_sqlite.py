"""The hot statements on SQLite, spoken to the driver directly: a message arrives, a customer is looked up."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from konversi.journeys.attribution import Known, Touch
from konversi.journeys.identity import merged

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from konversi.journeys.port import Sighting, Visit

_MOST_TOUCHES = 50  # of one conversation; the first and the last ones are kept
_LOOKED_UP_AT_ONCE = 500

# CROSS and + keep SQLite from walking along all conversations for the sake of their order.
_FIND = (
    "SELECT j.id, j.user_data FROM journey_keys k CROSS JOIN journeys j ON j.id = k.journey"
    " WHERE k.key IN ({}) AND j.channel = ? AND j.account = ? ORDER BY +j.id LIMIT 1"
)
_DROP_TOUCHES = (  # the oldest ones after the first
    "DELETE FROM touches WHERE id IN (SELECT id FROM touches WHERE journey = ? ORDER BY at, id LIMIT ? OFFSET 1)"
)
_SEEN_BY_META = "SELECT DISTINCT event_name FROM automatic WHERE journey = ? LIMIT 10"
_KNOWN = (
    "SELECT k.key, j.id, j.channel, j.account, j.line, j.last_at, j.user_data,"
    " t.id, t.at, t.account, t.line, t.click_id, t.ad_id"
    " FROM journey_keys k CROSS JOIN journeys j ON j.id = k.journey LEFT JOIN touches t ON t.journey = j.id"
    " WHERE k.key IN ({}) ORDER BY +j.id, t.at, t.id"
)


def arrive(connection: sqlite3.Connection, visits: Sequence[Visit], now: float) -> int:
    """Keep messages, each once. Returns how many were new."""
    new = 0
    for visit in visits:
        if connection.execute("SELECT 1 FROM messages WHERE key = ?", (visit.message,)).fetchone():
            continue
        journey = _visited(connection, visit)
        connection.execute("INSERT INTO messages (key, at, journey) VALUES (?, ?, ?)", (visit.message, now, journey))
        if visit.referral is not None:
            _touch(connection, journey, visit)
        new += 1
    return new


def _visited(connection: sqlite3.Connection, visit: Visit) -> int:
    """The conversation that the message belongs to: the person's own id says more than a phone, which changes hands."""
    found = _found(connection, visit, visit.own)
    if found is None:
        found = _found(connection, visit, visit.phones)
        if found is not None and _is_another_person(found[1], visit):
            _take_away_phone(connection, found, visit)
            found = None
    if found is None:
        return _opened(connection, visit)
    journey, before = found
    connection.execute(
        "UPDATE journeys SET messages = messages + 1, line = CASE WHEN ?1 >= last_at THEN ?2 ELSE line END,"
        " last_at = max(last_at, ?1), opened_at = min(opened_at, ?1) WHERE id = ?3",
        (visit.at, visit.line, journey),
    )
    together = merged(before, visit.user_data)
    if together != before:
        _describe(connection, journey, together)
    if together != before or visit.linked:
        _name(connection, journey, (*visit.own, *visit.phones))
    return journey


def _found(connection: sqlite3.Connection, visit: Visit, keys: Sequence[bytes]) -> tuple[int, dict[str, Any]] | None:
    if not keys:
        return None
    row = connection.execute(_find(len(keys)), (*keys, visit.channel, visit.account)).fetchone()
    return (int(row[0]), orjson.loads(row[1])) if row else None


@lru_cache(maxsize=32)
def _find(keys: int) -> str:
    return _FIND.format(",".join("?" * keys))


def _is_another_person(known: dict[str, Any], visit: Visit) -> bool:
    theirs, ours = known.get("external_id"), visit.user_data.get("external_id")
    return bool(theirs and ours) and set(theirs or ()).isdisjoint(ours if isinstance(ours, list) else ())


def _take_away_phone(connection: sqlite3.Connection, found: tuple[int, dict[str, Any]], visit: Visit) -> None:
    """Another person has the number now."""
    journey, known = found
    connection.executemany(
        "DELETE FROM journey_keys WHERE key = ? AND journey = ?", [(key, journey) for key in visit.phones]
    )
    phones = visit.user_data.get("ph")
    left = [one for one in known.get("ph", ()) if not isinstance(phones, list) or one not in phones]
    _describe(connection, journey, {**known, "ph": left} if left else {k: v for k, v in known.items() if k != "ph"})


def _opened(connection: sqlite3.Connection, visit: Visit) -> int:
    opened = connection.execute(
        "INSERT INTO journeys (channel, account, line, opened_at, last_at, messages, tail, user_data)"
        " VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6)",
        (visit.channel, visit.account, visit.line, visit.at, visit.tail, orjson.dumps(visit.user_data).decode()),
    )
    journey = int(opened.lastrowid or 0)
    _name(connection, journey, (*visit.own, *visit.phones))
    return journey


def _describe(connection: sqlite3.Connection, journey: int, user_data: dict[str, Any]) -> None:
    connection.execute("UPDATE journeys SET user_data = ? WHERE id = ?", (orjson.dumps(user_data).decode(), journey))


def _name(connection: sqlite3.Connection, journey: int, keys: Sequence[bytes]) -> None:
    connection.executemany(
        "INSERT INTO journey_keys (key, journey) VALUES (?, ?) ON CONFLICT DO NOTHING", [(key, journey) for key in keys]
    )


def _touch(connection: sqlite3.Connection, journey: int, visit: Visit) -> None:
    """A click is kept once, as it first came."""
    referral = visit.referral
    if referral is None:
        return
    if referral.click_id is not None:
        known = connection.execute(
            "SELECT 1 FROM touches WHERE journey = ? AND click_id = ?", (journey, referral.click_id)
        ).fetchone()
        if known:
            return
        _name(connection, journey, [visit.click] if visit.click else [])
    connection.execute(
        "INSERT INTO touches (journey, at, account, line, click_id, ad_id, source_type, source_url, headline, ref)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            journey,
            visit.at,
            visit.account,
            visit.line,
            referral.click_id,
            referral.ad_id,
            referral.source_type,
            referral.source_url,
            referral.headline,
            referral.ref,
        ),
    )
    (number,) = connection.execute("SELECT count(*) FROM touches WHERE journey = ?", (journey,)).fetchone()
    if number > _MOST_TOUCHES:
        connection.execute(_DROP_TOUCHES, (journey, number - _MOST_TOUCHES))


def sight(connection: sqlite3.Connection, sightings: Sequence[Sighting]) -> int:
    """Keep what Meta saw, each once, with the conversation it saw it in. Returns how many were new."""
    new = 0
    for sighting in sightings:
        found = connection.execute(
            "SELECT journey FROM messages WHERE key = ?1 UNION ALL SELECT journey FROM journey_keys WHERE key = ?2",
            (sighting.message, sighting.click),
        ).fetchone()
        new += connection.execute(
            "INSERT INTO automatic (key, journey, event_name, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (sighting.key, found[0] if found else None, sighting.event_name, sighting.at),
        ).rowcount
    return new


def known(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, list[Known]]:
    """The conversations that each key finds."""
    found: dict[bytes, list[Known]] = {}
    read: dict[int, Known] = {}
    for start in range(0, len(keys), _LOOKED_UP_AT_ONCE):
        some = keys[start : start + _LOOKED_UP_AT_ONCE]
        rows = connection.execute(_KNOWN.format(",".join("?" * len(some))), some).fetchall()
        for key, id_, channel, account, line, last_at, user_data, touch_id, *touch in rows:
            one = read.get(id_)
            if one is None:
                names = tuple(name for (name,) in connection.execute(_SEEN_BY_META, (id_,)))
                one = read[id_] = Known(id_, channel, account, line, last_at, orjson.loads(user_data), [], names)
            entered = found.setdefault(key, [])
            if one not in entered:
                entered.append(one)
            if touch_id is not None and all(known_touch.id != touch_id for known_touch in one.touches):
                one.touches.append(Touch(touch_id, *touch))  # type: ignore[attr-defined]
    return found
