"""The hot statements, spoken to the driver directly: a message arrives, a customer is looked up.

In words that both dialects understand. `+ 0` keeps SQLite from walking along all conversations for their order's sake.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from konversi.journeys.attribution import Known, Touch
from konversi.journeys.identity import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from konversi.database.port import Driver
    from konversi.journeys.port import Sighting, Visit

    Among: TypeAlias = Callable[[Sequence[bytes]], tuple[str, Sequence[Any]]]

_MOST_TOUCHES = 50  # of one conversation; the first and the last ones are kept
_LOOKED_UP_AT_ONCE = 900

_FIND = (
    "SELECT j.id, j.user_data FROM journey_keys k JOIN journeys j ON j.id = k.journey"
    " WHERE k.key IN ({}) AND j.channel = ? AND j.account = ? ORDER BY j.id + 0 LIMIT 1"
)
_VISITED = (
    "UPDATE journeys SET messages = messages + 1, line = CASE WHEN ? >= last_at THEN ? ELSE line END,"
    " last_at = CASE WHEN ? > last_at THEN ? ELSE last_at END,"
    " opened_at = CASE WHEN ? < opened_at THEN ? ELSE opened_at END WHERE id = ?"
)
_DROP_TOUCHES = (  # the oldest ones after the first
    "DELETE FROM touches WHERE id IN (SELECT id FROM touches WHERE journey = ? ORDER BY at, id LIMIT ? OFFSET 1)"
)
_STIR = "INSERT INTO stirred (journey) VALUES (?)"  # its standing is looked at again
_SEEN_BY_META = "SELECT DISTINCT journey, event_name FROM automatic WHERE journey IN ({})"
_KNOWN = (
    "SELECT k.key, j.id, j.channel, j.account, j.line, j.last_at, j.user_data,"
    " t.id, t.at, t.account, t.line, t.click_id, t.ad_id"
    " FROM journey_keys k JOIN journeys j ON j.id = k.journey LEFT JOIN touches t ON t.journey = j.id"
    " WHERE k.key {} ORDER BY j.id + 0, t.at, t.id"
)


def arrive(driver: Driver, visits: Sequence[Visit], now: float) -> int:
    """Keep messages, each once. Returns how many were new."""
    new = 0
    for visit in visits:
        if driver.execute("SELECT 1 FROM messages WHERE key = ?", (visit.message,)).fetchone():
            continue
        journey = _visited(driver, visit)
        driver.execute("INSERT INTO messages (key, at, journey) VALUES (?, ?, ?)", (visit.message, now, journey))
        if visit.referral is not None and _touch(driver, journey, visit):
            driver.execute(_STIR, (journey,))
        new += 1
    return new


def _visited(driver: Driver, visit: Visit) -> int:
    """The conversation that the message belongs to: the person's own id says more than a phone, which changes hands."""
    found = _found(driver, visit, visit.own)
    if found is None:
        found = _found(driver, visit, visit.phones)
        if found is not None and _is_another_person(found[1], visit):
            _take_away_phone(driver, found, visit)
            found = None
    if found is None:
        return _opened(driver, visit)
    journey, before = found
    driver.execute(
        _VISITED,
        (visit.at, visit.line, visit.at, visit.at, visit.at, visit.at, journey),
    )
    together = merged(before, visit.user_data)
    if together != before:
        _describe(driver, journey, together)
    if together != before or visit.linked:
        _name(driver, journey, (*visit.own, *visit.phones))
    return journey


def _found(driver: Driver, visit: Visit, keys: Sequence[bytes]) -> tuple[int, dict[str, Any]] | None:
    if not keys:
        return None
    row = driver.execute(_find(len(keys)), (*keys, visit.channel, visit.account)).fetchone()
    return (int(row[0]), orjson.loads(row[1])) if row else None


@lru_cache(maxsize=32)
def _find(keys: int) -> str:
    return _FIND.format(_places(keys))


def _is_another_person(known: dict[str, Any], visit: Visit) -> bool:
    theirs, ours = _own_ids(known), _own_ids(visit.user_data)
    return bool(theirs and ours) and theirs.isdisjoint(ours)


def _own_ids(user_data: Mapping[str, Any]) -> set[str]:
    """Of the person, not of the phone, which stands in where no id was told."""
    return set(user_data.get("external_id", ())).difference(user_data.get("ph", ()))


def _take_away_phone(driver: Driver, found: tuple[int, dict[str, Any]], visit: Visit) -> None:
    """Another person has the number now."""
    journey, known = found
    for key in visit.phones:
        driver.execute("DELETE FROM journey_keys WHERE key = ? AND journey = ?", (key, journey))
    phones = visit.user_data.get("ph", ())
    left = {name: [one for one in known.get(name, ()) if one not in phones] for name in ("ph", "external_id")}
    _describe(driver, journey, {name: value for name, value in {**known, **left}.items() if value})


def _opened(driver: Driver, visit: Visit) -> int:
    said = orjson.dumps(visit.user_data).decode()
    (journey,) = driver.execute(
        "INSERT INTO journeys (channel, account, line, opened_at, last_at, messages, tail, user_data)"
        " VALUES (?, ?, ?, ?, ?, 1, ?, ?) RETURNING id",
        (visit.channel, visit.account, visit.line, visit.at, visit.at, visit.tail, said),
    ).fetchone()
    _name(driver, journey, (*visit.own, *visit.phones))
    driver.execute(_STIR, (journey,))
    return int(journey)


def _describe(driver: Driver, journey: int, user_data: dict[str, Any]) -> None:
    driver.execute("UPDATE journeys SET user_data = ? WHERE id = ?", (orjson.dumps(user_data).decode(), journey))


def _name(driver: Driver, journey: int, keys: Sequence[bytes]) -> None:
    for key in keys:
        driver.execute("INSERT INTO journey_keys (key, journey) VALUES (?, ?) ON CONFLICT DO NOTHING", (key, journey))


def _touch(driver: Driver, journey: int, visit: Visit) -> bool:
    """A click is kept once, as it first came. Whether it is new."""
    referral = visit.referral
    if referral is None:
        return False
    if referral.click_id is not None:
        known = driver.execute(
            "SELECT 1 FROM touches WHERE journey = ? AND click_id = ?", (journey, referral.click_id)
        ).fetchone()
        if known:
            return False
        _name(driver, journey, [visit.click] if visit.click else [])
    driver.execute(
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
    (number,) = driver.execute("SELECT count(*) FROM touches WHERE journey = ?", (journey,)).fetchone()
    if number > _MOST_TOUCHES:
        driver.execute(_DROP_TOUCHES, (journey, number - _MOST_TOUCHES))
    return True


def sight(driver: Driver, sightings: Sequence[Sighting]) -> int:
    """Keep what Meta saw, each once, with the conversation it saw it in. Returns how many were new."""
    new = 0
    for sighting in sightings:
        found = driver.execute(
            "SELECT journey FROM messages WHERE key = ? UNION ALL SELECT journey FROM journey_keys WHERE key = ?",
            (sighting.message, sighting.click),
        ).fetchone()
        new += driver.execute(
            "INSERT INTO automatic (key, journey, event_name, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (sighting.key, found[0] if found else None, sighting.event_name, sighting.at),
        ).rowcount
    return new


def of_keys(driver: Driver, keys: Sequence[bytes]) -> dict[bytes, int]:
    """The newest conversation of each key."""
    marks = ",".join("?" * len(keys))
    rows = driver.execute(f"SELECT key, journey FROM journey_keys WHERE key IN ({marks}) ORDER BY journey", keys)  # noqa: S608 - ours
    return {bytes(key): journey for key, journey in rows.fetchall()}


def known(driver: Driver, keys: Sequence[bytes], among: Among) -> dict[bytes, list[Known]]:
    """The conversations that each key finds. `among` is the database's."""
    found: dict[bytes, list[Known]] = {}
    read: dict[int, Known] = {}
    for start in range(0, len(keys), _LOOKED_UP_AT_ONCE):
        condition, values = among(keys[start : start + _LOOKED_UP_AT_ONCE])
        rows = driver.execute(_KNOWN.format(condition), values).fetchall()
        seen = _seen_by_meta(driver, list({row[1] for row in rows}))
        for key, id_, channel, account, line, last_at, user_data, touch_id, *touch in rows:
            one = read.get(id_)
            if one is None:
                names = tuple(seen.get(id_, ()))
                one = read[id_] = Known(id_, channel, account, line, last_at, orjson.loads(user_data), [], names)
            entered = found.setdefault(key, [])
            if one not in entered:
                entered.append(one)
            if touch_id is not None and all(known_touch.id != touch_id for known_touch in one.touches):
                one.touches.append(Touch(touch_id, *touch))  # type: ignore[attr-defined]
    return found


def _seen_by_meta(driver: Driver, journeys: Sequence[int]) -> dict[int, list[str]]:
    """The names of the events that Meta itself saw in each conversation."""
    seen: dict[int, list[str]] = {}
    if journeys:
        for journey, name in driver.execute(_SEEN_BY_META.format(_places(len(journeys))), journeys).fetchall():
            seen.setdefault(journey, []).append(name)
    return seen


@lru_cache(maxsize=32)
def _places(number: int) -> str:
    return ",".join("?" * number)
