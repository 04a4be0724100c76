"""The value rules: from the file that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.value.in_effect import InEffect, Values
from konversi.value.rules import LONGEST, ValueRulesInvalid, read

if TYPE_CHECKING:
    from pathlib import Path

    from konversi.settings import Settings
    from konversi.value.rules import ValueRules


def rules_in(path: Path, retention_days: int) -> ValueRules:
    """The rules in a file. Raises `ValueRulesInvalid`."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST + 1)
        rules = read(text)
    except UnicodeDecodeError:
        raise ValueRulesInvalid(f"{path} is not UTF-8.") from None
    except OSError as error:
        raise ValueRulesInvalid(f"{path} can't be read: {error.strerror}.") from None
    except ValueRulesInvalid as error:
        raise ValueRulesInvalid(f"{path}: {error.detail}") from None
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
