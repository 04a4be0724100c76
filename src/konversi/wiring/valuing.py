"""The value rules: from the file that the settings name."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from konversi.insight.valuing import Valuing
from konversi.meta.channels import MESSAGING_NAMES
from konversi.value.in_effect import InEffect, Values
from konversi.value.rules import LONGEST, ValueRulesInvalid, read
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from konversi.settings import Settings
    from konversi.value.rules import ValueRules
    from konversi.wiring.stores import Stores

VALUE = "value"  # what processes tell each other where rules were kept, or something was learned


def text_in(path: Path) -> str:
    """A file's text. Raises `ValueRulesInvalid`."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.read(LONGEST + 1)
    except UnicodeDecodeError:
        raise ValueRulesInvalid(f"{path} is not UTF-8.") from None
    except OSError as error:
        raise ValueRulesInvalid(f"{path} can't be read: {error.strerror}.") from None


def rules_in(path: Path, retention_days: int) -> ValueRules:
    """The rules in a file. Raises `ValueRulesInvalid`."""
    try:
        rules = read(text_in(path))
    except ValueRulesInvalid as error:
        told = error.detail if str(path) in error.detail else f"{path}: {error.detail}"
        raise ValueRulesInvalid(told) from None
    check(rules, retention_days)
    return rules


def check(rules: ValueRules, retention_days: int) -> None:
    """Raises `ValueRulesInvalid` where the settings don't bear the rules."""
    days = rules.learned.after_days
    if rules.learned.use and days >= retention_days:
        raise ValueRulesInvalid(
            f"learned.after_days is {days}, but finished events are forgotten after {retention_days}"
            " (KONVERSI_RETENTION_DAYS): nothing could be learned of them."
        )


def values_of(settings: Settings) -> Values:
    """What is in effect at the start. Raises `ValueRulesInvalid`."""
    values = Values(settings.default_currency)
    if settings.value_rules is not None:
        values.now = InEffect(rules_in(settings.value_rules, settings.retention_days), source=str(settings.value_rules))
    return values


def valuing_of(settings: Settings, stores: Stores, values: Values, tell: Callable[[], None]) -> Valuing:
    """What keeps these values up to date."""
    return Valuing(
        stores.database,
        values,
        messaging_names={**MESSAGING_NAMES, **settings.messaging_names},
        check=partial(check, retention_days=settings.retention_days),
        now=stores.clock.now,
        tell=tell,
        hours=settings.value_learn_hours,
    )


@asynccontextmanager
async def open_valuing(settings: Settings) -> AsyncIterator[Valuing]:
    """For a command. Raises as `open_gateway`."""
    async with open_stores(settings) as stores:
        valuing = valuing_of(settings, stores, values_of(settings), lambda: stores.database.tell(VALUE))
        await valuing.load()
        yield valuing
