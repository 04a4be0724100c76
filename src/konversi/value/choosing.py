"""Which rule counts for a service, and which probability for a booking."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from konversi.value.rules import PAID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from konversi.value.rules import Rule, Stage, ValueRules
    from konversi.value.sale import Line, Sale

# What a general `show_up` is about: bookings, and what comes before their payment.
UNPAID = frozenset({"LeadSubmitted", "QualifiedLead", "Schedule", "InitiateCheckout"})


_MOST_REMEMBERED = 5_000


class Chance(NamedTuple):
    """That it is paid in the end, and who says so."""

    probability: Decimal
    by: str  # the rule's name, or one of those below
    source: str  # the same in plain words


STAGE, GENERAL, RATES, LEARNED, LTV = "(stage)", "(all)", "(rates)", "(learned)", "(predicted_ltv)"
"""What stands for a rule's name where no rule of a service spoke."""


def stage_of(sale: Sale, rules: ValueRules) -> tuple[str, Stage] | None:
    """The event's own stage."""
    return next(((name, rules.stages[name]) for name in sale.names if name in rules.stages), None)


class Picker:
    """Finds the rule for a service, and remembers it: a business has few services, and may have hundreds of rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._found: dict[tuple[str, ...], Rule | None] = {}

    def rule_of(self, line: Line | None, sale: Sale) -> Rule | None:
        """The first rule that fits the service; without one, that fits a conversion that names none."""
        place = sale.names if line is None else (line.id, line.name, line.category, *sale.names)
        if place not in self._found:
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            fitting = (rule for rule in self._rules if _is_of(sale, rule) and _fits(line, rule))
            self._found[place] = next(fitting, None)
        return self._found[place]


def chance_of(rule: Rule | None, sale: Sale, rules: ValueRules) -> Chance | None:
    """The nearest thing said: a rule about this very event, the event's stage, the rule, all rules together."""
    if not PAID.isdisjoint(sale.names):
        return None
    stage = stage_of(sale, rules)
    if rule is not None and rule.event is not None and rule.show_up is not None:
        return Chance(rule.show_up, rule.name, f"rule {rule.name}")
    if stage is not None and (stage[1].show_up is not None or stage[1].fixed is not None):
        return None if stage[1].show_up is None else Chance(stage[1].show_up, STAGE, f"stage {stage[0]}")
    if UNPAID.isdisjoint(sale.names):
        return None
    if rule is not None and rule.show_up is not None:
        return Chance(rule.show_up, rule.name, f"rule {rule.name}")
    return None if rules.show_up is None else Chance(rules.show_up, GENERAL, "all bookings")


def amounts_of(rule: Rule | None, sale: Sale) -> tuple[Decimal | None, Decimal | None]:
    """The rule's `fixed` and `share`. What was paid is told as it was paid, unless a rule names the event."""
    if rule is None or (rule.event is None and not PAID.isdisjoint(sale.names)):
        return None, None
    return rule.fixed, rule.share


def _is_of(sale: Sale, rule: Rule) -> bool:
    return rule.event is None or not set(rule.event).isdisjoint(sale.names)


def _fits(line: Line | None, rule: Rule) -> bool:
    wanted = ((rule.service, "name"), (rule.id, "id"), (rule.category, "category"))
    asked = [(patterns, name) for patterns, name in wanted if patterns is not None]
    if line is None:
        return not asked
    return all(_any(patterns, getattr(line, name)) for patterns, name in asked)


def _any(patterns: Iterable[str], text: str) -> bool:
    folded = " ".join(text.split()).casefold()
    return any(_matcher(pattern)(folded) for pattern in patterns)


@lru_cache(maxsize=16_384)
def _matcher(pattern: str) -> Callable[[str], object]:
    """Only `*` has a meaning."""
    plain = " ".join(pattern.split()).casefold().replace("[", "[[]").replace("?", "[?]")
    return re.compile(translate(plain)).match
