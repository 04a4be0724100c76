"""What is in effect of the value rules, kept up with the file or the dashboard, and with what past bookings teach."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, select

from konversi.errors import StorageUnavailable
from konversi.insight import value_past, value_sums
from konversi.insight.describe import moment
from konversi.insight.value_tables import value_rules
from konversi.insight.walking import Follower
from konversi.logs import logger
from konversi.value.dry_run import DryRun
from konversi.value.in_effect import InEffect, Values
from konversi.value.learned import NOTHING_LEARNED
from konversi.value.model import Model
from konversi.value.rules import NO_RULES, ValueRulesInvalid, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from konversi.database.port import Database
    from konversi.value.rules import ValueRules

_DAY = 86_400
_MOST_KEPT = 50  # versions of the rules
_FIRST_LOOK = 5.0  # seconds after the start
MOST_SEEN = 1_000_000  # events in a dry run


class Kept(NamedTuple):
    """Rules that somebody kept on the dashboard."""

    text: str
    at: float  # Unix seconds
    by: str


class Valuing:
    """Holds `values` up to date. All raise `StorageUnavailable`."""

    def __init__(
        self,
        database: Database,
        values: Values,
        *,
        messaging_names: Mapping[str, str],
        check: Callable[[ValueRules], None],
        now: Callable[[], float],
        tell: Callable[[], None],
        hours: int,
    ) -> None:
        """`check` raises where the settings don't bear rules, `tell` tells others, `hours` lie between two lessons."""
        self.values = values
        self.from_file = values.now.source
        self._file = values.now.rules
        self._database = database
        self._names = messaging_names
        self._check = check
        self._now = now
        self._tell = tell
        self._hours = hours

    async def load(self) -> None:
        """Take what is kept and what was learned into effect."""
        rules, source = self._file, self.from_file
        if not source:
            kept = await self.kept()
            if kept is not None and kept.text:
                try:
                    rules, source = read(kept.text), kept.by
                except ValueRulesInvalid as error:  # another version wrote words that this one does not know
                    logger().error("value_rules_not_understood", cause=error.detail)
        learned = await self.learned(rules) if rules.learned.use else NOTHING_LEARNED
        self.values.now = InEffect(rules, learned, source)

    async def kept(self) -> Kept | None:
        """The rules that the dashboard kept last."""
        return await self._database.read(_kept)

    async def keep(self, text: str, by: str) -> None:
        """Let these be the rules, at once and everywhere. Raises `ValueRulesInvalid`."""
        self._check(read(text))
        row = {"kept_at": self._now(), "kept_by": by[:60], "text": text}
        await self._database.write(partial(_keep, row=row))
        await self.load()
        self._tell()

    async def learned(self, rules: ValueRules) -> Model:
        """What past bookings teach, as far as they were counted."""
        since = self._now() - rules.learned.months * value_sums.SLOT
        sums = await self._database.read(partial(value_sums.read, since=since))
        return await asyncio.to_thread(Model, sums, rules.learned.at_least)

    async def learn(self) -> int:
        """Count the bookings that are old enough by now; how many looks it took."""
        rules = self.values.now.rules.learned
        look = partial(value_sums.bookings, self._now(), rules.after_days)
        follower, looks = Follower(self._database, (look,)), 0
        while await follower.follow():
            looks += 1
            await asyncio.sleep(0)
        before = self._now() - rules.months * value_sums.SLOT
        await self._database.write(partial(value_sums.forget, before=before))
        await self.load()
        return looks

    async def lesson(self) -> None:
        """Learn, where the rules use it."""
        if self.values.now.rules.learned.use:
            await self.learn()

    async def run(self, *, counts: bool) -> None:
        """Learn now and then, for ever; a process that doesn't count takes what others counted."""
        await asyncio.sleep(_FIRST_LOOK)
        while self._hours:
            try:
                await (self.lesson() if counts else self.load())
            except StorageUnavailable as error:
                logger().error("value_waits_for_storage", cause=error.detail)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with learning, events are taken and sent
                logger().error("value_learning_failed", fault=repr(error))
            await asyncio.sleep(self._hours * 3_600.0)

    async def dry_run(self, text: str | None, days: int, most: int = MOST_SEEN) -> dict[str, Any]:
        """What these rules, or those in effect, would have told of the last days. Raises `ValueRulesInvalid`."""
        trial = Values(self.values.currency)
        trial.now = self.values.now
        if text is not None:
            rules = read(text)
            self._check(rules)
            trial.now = InEffect(rules, await self.learned(rules) if rules.learned.use else NOTHING_LEARNED, "given")
        run = DryRun(trial, self._names)
        since = self._now() - days * _DAY
        seen, before = 0, None
        while seen < most:
            part = partial(self._part, before=before, with_history=trial.wants_history)
            some = await self._database.read(part)
            seen += len(some)
            before = await asyncio.to_thread(value_past.show, run, some, since)  # in nobody's way
            if before is None:
                break
        return {
            "source": trial.now.source or None,
            "since": moment(since),
            "days": days,
            "complete": before is None,
            **run.report(),
        }

    def _part(self, connection: Connection, *, before: int | None, with_history: bool) -> list[value_past.Past]:
        driver = self._database.driver(connection)
        return value_past.newest(connection, driver, before, with_history=with_history)

    async def lessons(self) -> dict[str, Any]:
        """What past bookings teach, whether or not the rules use it."""
        rules = self.values.now.rules.learned
        model = await self.learned(self.values.now.rules)
        return {
            "used_for": list(rules.use),
            "at_least": rules.at_least,
            "after_days": rules.after_days,
            "bookings": model.all.bookings,
            "paid": model.all.shown,
            "imagined_for_a_service": round(model.of_services, 1),
            "imagined_for_an_ad": round(model.of_ads, 1),
            "services": model.shown(),
        }

    def shown(self) -> dict[str, Any]:
        """The rules in effect, and what was learned."""
        rules, learned, source = self.values.now
        return {
            "rules_from": "file" if self.from_file else "dashboard" if rules is not NO_RULES else None,
            "source": source or None,
            "currency": rules.currency or self.values.currency,
            "rules": rules.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
            "learned": learned.shown() if isinstance(learned, Model) else [],
        }


def _kept(connection: Connection) -> Kept | None:
    of = value_rules.c
    asked = select(of.text, of.kept_at, of.kept_by).order_by(of.id.desc()).limit(1)
    row = connection.execute(asked).one_or_none()
    return None if row is None else Kept(*row)


def _keep(connection: Connection, row: Mapping[str, Any]) -> None:
    connection.execute(insert(value_rules).values(**row))
    newest = select(value_rules.c.id).order_by(value_rules.c.id.desc()).limit(_MOST_KEPT)
    connection.execute(delete(value_rules).where(value_rules.c.id.not_in(newest)))
