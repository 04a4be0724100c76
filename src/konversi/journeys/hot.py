"""The hot statements, spoken to the driver directly: a customer is looked up, and what Meta saw is kept.

In words that both dialects understand. `+ 0` keeps SQLite from walking along all conversations for their order's sake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from konversi.database.many_rows import lists
from konversi.journeys.attribution import Known, Touch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from konversi.database.port import Driver
    from konversi.journeys.port import Sighting

    Among: TypeAlias = Callable[[Sequence[bytes]], tuple[str, Sequence[Any]]]

_LOOKED_UP_AT_ONCE = 900

_SEEN_BY_META = "SELECT DISTINCT journey, event_name FROM automatic WHERE journey IN ({})"
# What Meta saw is counted: of `EXISTS` PostgreSQL would make a table of all that it ever saw.
_KNOWN = (
    "SELECT k.key, j.id, j.channel, j.account, j.line, j.last_at, j.user_data,"
    " (SELECT count(*) FROM automatic a WHERE a.journey = j.id),"
    " t.id, t.at, t.account, t.line, t.click_id, t.ad_id"
    " FROM journey_keys k JOIN journeys j ON j.id = k.journey LEFT JOIN touches t ON t.journey = j.id"
    " WHERE k.key {} ORDER BY j.id + 0, t.at, t.id"
)


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
    found: dict[bytes, int] = {}
    for places, some in lists(keys):
        rows = driver.execute(f"SELECT key, journey FROM journey_keys WHERE key IN ({places}) ORDER BY journey", some)  # noqa: S608 - ours
        found |= {bytes(key): journey for key, journey in rows.fetchall()}
    return found


def known(driver: Driver, keys: Sequence[bytes], among: Among) -> dict[bytes, list[Known]]:
    """The conversations that each key finds. `among` is the database's.

    One statement, but for those in which Meta itself saw something: for all others a second one would find nothing.
    """
    found: dict[bytes, list[Known]] = {}
    read: dict[int, Known] = {}
    for start in range(0, len(keys), _LOOKED_UP_AT_ONCE):
        condition, values = among(keys[start : start + _LOOKED_UP_AT_ONCE])
        rows = driver.execute(_KNOWN.format(condition), values).fetchall()
        seen = _seen_by_meta(driver, list({row[1] for row in rows if row[7]}))
        for key, id_, channel, account, line, last_at, user_data, _, touch_id, *touch in rows:
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
    for places, some in lists(journeys):
        for journey, name in driver.execute(_SEEN_BY_META.format(places), some).fetchall():
            seen.setdefault(journey, []).append(name)
    return seen
