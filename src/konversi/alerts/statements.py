"""What the alerts' store asks of a database: functions over a Core connection, the same for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import delete, func, insert, select, update

from konversi.alerts.tables import alerts, notices
from konversi.insight.describe import moment
from konversi.logs import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from konversi.alerts.rules import Finding

_CALM = 120.0  # seconds that a cause must stay away: a breaker that looks again is no end of the trouble
_REMIND = 86_400.0
_KEPT = 30 * 86_400.0
_MOST_WAITING = 1_000
_AT_ONCE = 2  # what can be told before the lease ends
_LONGEST = 86_400.0  # seconds after which a notice is old news
_PAUSES = (5.0, 30.0, 120.0, 600.0, 1_800.0)  # before each further try


class Notice(NamedTuple):
    """What is to be told over one channel."""

    id: int
    channel: str
    name: str
    body: str
    made_at: float
    tries: int


def note(connection: Connection, found: Sequence[Finding], channels: Sequence[str], now: float) -> list[str]:
    """Open, raise, remind of and resolve alerts, and put what is to be told on its way; what was told of, in words."""
    known = {row["cause"]: dict(row) for row in connection.execute(select(alerts)).mappings()}
    told: list[str] = []

    def tell(kind: str, row: dict[str, Any]) -> None:
        told.append(f"{kind} {row['cause']}")
        _put(connection, kind, row, channels, now)

    for finding in found:
        before = known.pop(finding.cause, None)
        row = {**finding._asdict(), "what": redact(finding.what), "cause": finding.cause, "seen_at": now}
        if before is None or before["resolved_at"] is not None:
            row |= {"opened_at": now, "told_at": now, "resolved_at": None}
            connection.execute(delete(alerts).where(alerts.c.cause == finding.cause))
            connection.execute(insert(alerts).values(row))
            tell("opened", row)
            continue
        row |= {"opened_at": before["opened_at"], "told_at": now, "resolved_at": None}
        row["stage"] = max(before["stage"], finding.stage)
        if finding.stage > before["stage"]:
            tell("raised", row)
        elif now - before["told_at"] >= _REMIND:
            tell("reminded", row)
        else:
            row["told_at"] = before["told_at"]
        connection.execute(update(alerts).where(alerts.c.cause == finding.cause).values(row))
    for row in known.values():
        if row["resolved_at"] is None and now - row["seen_at"] >= _CALM:
            connection.execute(update(alerts).where(alerts.c.cause == row["cause"]).values(resolved_at=now))
            tell("resolved", {**row, "resolved_at": now})
    connection.execute(delete(alerts).where(alerts.c.resolved_at < now - _KEPT))
    return told


def _put(connection: Connection, kind: str, row: dict[str, Any], channels: Sequence[str], now: float) -> None:
    waiting = connection.execute(select(func.count()).select_from(notices)).scalar_one()
    body = orjson.dumps(message(kind, row, now)).decode()
    for channel in channels if waiting < _MOST_WAITING else ():
        values = {"channel": channel, "name": "", "body": body, "made_at": now, "due_at": now, "tries": 0}
        made = connection.execute(insert(notices).values(values)).inserted_primary_key
        number = made[0] if made is not None else 0
        connection.execute(update(notices).where(notices.c.id == number).values(name=f"alert_{int(now)}_{number}"))


def message(kind: str, row: dict[str, Any], now: float) -> dict[str, Any]:
    """What a receiver gets: `type`, `timestamp` and `data`."""
    return {"type": f"alert.{kind}", "timestamp": moment(now), "data": described(row)}


def described(row: dict[str, Any]) -> dict[str, Any]:
    """An alert for programs and people."""
    return {
        **{name: row[name] for name in ("cause", "rule", "dataset", "severity", "what", "remedy")},
        "opened_at": moment(row["opened_at"]),
        "resolved_at": moment(row["resolved_at"]) if row["resolved_at"] else None,
    }


def standing(connection: Connection) -> list[dict[str, Any]]:
    """The alerts that are open, the oldest first."""
    rows = connection.execute(select(alerts).where(alerts.c.resolved_at.is_(None)).order_by(alerts.c.opened_at))
    return [described(dict(row)) for row in rows.mappings()]


def any_due(connection: Connection, now: float) -> bool:
    """Whether there is anything to tell."""
    return connection.execute(select(notices.c.id).where(notices.c.due_at <= now).limit(1)).first() is not None


def claim(connection: Connection, now: float, lease: float) -> list[Notice]:
    """The notices that are due, which nobody else is given for `lease` seconds; those too old are gone."""
    connection.execute(delete(notices).where(notices.c.made_at < now - _LONGEST))
    columns = [notices.c[name] for name in Notice._fields]
    due = select(*columns).where(notices.c.due_at <= now).order_by(notices.c.id).limit(_AT_ONCE)
    found = [Notice(*row) for row in connection.execute(due)]
    taken = update(notices).where(notices.c.id.in_([one.id for one in found]))
    connection.execute(taken.values(due_at=now + lease, tries=notices.c.tries + 1))
    return found


def done(connection: Connection, notice: int) -> None:
    """It was told."""
    connection.execute(delete(notices).where(notices.c.id == notice))


def put_off(connection: Connection, notice: Notice, now: float) -> None:
    """It could not be told: later."""
    pause = _PAUSES[min(notice.tries, len(_PAUSES) - 1)]
    connection.execute(update(notices).where(notices.c.id == notice.id).values(due_at=now + pause))
