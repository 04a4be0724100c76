"""What each part of a conversion is worth by the rules, and how likely it is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from konversi.value.choosing import LEARNED, STAGE, Chance, amounts_of, chance_of, stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.value.choosing import Picker
    from konversi.value.learned import Figure, Learned
    from konversi.value.rules import Rule, Stage, ValueRules
    from konversi.value.sale import Sale

# The events whose outcome is learned: bookings.
BOOKINGS = frozenset({"LeadSubmitted", "Schedule"})
ONE = Decimal(1)


class UnusableError(Exception):
    """Why a rule can't be applied, in plain words."""


class Part(NamedTuple):
    """One service, or the whole conversion."""

    rule: Rule | None
    worth: Decimal | None  # in the currency told; nothing where it isn't known
    how: str  # it came to that, in plain words; empty where it is as it was given
    chance: Chance | None
    by: str = ""  # who says what it is worth, as `Chance` has it

    @property
    def expected(self) -> Decimal | None:
        """What it is worth, times the probability that it is paid."""
        return self.worth if self.worth is None or self.chance is None else self.worth * self.chance.probability


class Priced(NamedTuple):
    """A conversion in parts."""

    parts: Sequence[Part]
    currency: str  # that is told
    rate: Decimal  # of one unit of the sale's own in it

    @property
    def speaks(self) -> bool:
        """Whether any rule is about it."""
        return self.rate != ONE or any(
            part.how or part.chance or (part.rule is not None and part.rule.margin is not None) for part in self.parts
        )


def priced(sale: Sale, rules: ValueRules, home: str, learned: Learned, picker: Picker) -> Priced:
    """The conversion as the rules see it; `home` is the currency of their amounts. Raises `UnusableError`."""
    picked = [picker.rule_of(line, sale) for line in sale.lines] or [picker.rule_of(None, sale)]
    stage = _fixed_stage(sale, rules, picked)
    uses_fixed = stage is not None or any(amounts_of(rule, sale)[0] is not None for rule in picked)
    rate, currency = _rate(sale, rules, home, uses_fixed=uses_fixed)
    if stage is not None:
        name, fixed = stage
        only = picked[0] if len({id(rule) for rule in picked}) == 1 else None
        parts = [Part(only, fixed, f"stage {name} is worth that", chance_of(None, sale, rules), STAGE)]
    else:
        amounts = [None if one is None else one * rate for one in _amounts(sale, picked)]
        parts = [_by_rule(place, amount, picked[place], sale, rules) for place, amount in enumerate(amounts)]
        if _learns("value", sale, rules, picked):
            parts = _as_paid_before(parts, amounts, sale, currency, learned)
    if _learns("show_up", sale, rules, picked):
        figure = learned.show_up(sale.service, sale.ad)
        if figure is not None:
            chance = Chance(figure.number, LEARNED, f"learned from {_bookings(figure, 'bookings')}")
            parts = [part._replace(chance=chance) for part in parts]
    return Priced(parts, currency, rate)


def _fixed_stage(sale: Sale, rules: ValueRules, picked: Sequence[Rule | None]) -> tuple[str, Decimal] | None:
    """What the event is worth whatever the service, unless a rule is about this very event."""
    found: tuple[str, Stage] | None = stage_of(sale, rules)
    if found is None or found[1].fixed is None:
        return None
    nearer = any(rule and rule.event and (rule.fixed is not None or rule.share is not None) for rule in picked)
    return None if nearer else (found[0], found[1].fixed)


def _rate(sale: Sale, rules: ValueRules, home: str, *, uses_fixed: bool) -> tuple[Decimal, str]:
    if sale.currency == home:
        return ONE, home
    rate = rules.rates.get(sale.currency)
    if rate is not None:
        return rate, home
    nothing_to_convert = sale.value is None and all(line.price is None for line in sale.lines)
    if nothing_to_convert:
        return ONE, home
    if rules.rates or uses_fixed:
        raise UnusableError(f"no rate is known from {sale.currency} to {home}; add it under [rates].")
    return ONE, sale.currency


def _amounts(sale: Sale, picked: Sequence[Rule | None]) -> list[Decimal | None]:
    """What was given for each service: a total given for several is shared out by their prices."""
    totals = [line.total for line in sale.lines]
    if len(totals) <= 1:
        return [sale.value if sale.value is not None else totals[0] if totals else None]
    if sale.value is None:
        return totals
    known = [one for one in totals if one is not None]
    together = sum(known, Decimal(0))
    if len(known) == len(totals) and together:
        return [sale.value * one / together for one in known]
    if len({id(rule) for rule in picked}) == 1:
        return [sale.value, *(Decimal(0) for _ in totals[1:])]
    return [None] * len(totals)


def _by_rule(place: int, amount: Decimal | None, rule: Rule | None, sale: Sale, rules: ValueRules) -> Part:
    chance = chance_of(rule, sale, rules)
    fixed, share = amounts_of(rule, sale)
    name = "" if rule is None else rule.name
    if fixed is not None:
        pieces = sale.lines[place].quantity if sale.lines else 1
        return Part(rule, fixed * pieces, f"rule {name}: fixed", chance, name)
    if share is not None:
        worth = None if amount is None else amount * share
        return Part(rule, worth, f"rule {name}: {rounded(share)} of the price", chance, name)
    return Part(rule, amount, "", chance)


def _learns(what: str, sale: Sale, rules: ValueRules, picked: Sequence[Rule | None]) -> bool:
    booking = not BOOKINGS.isdisjoint(sale.names)
    return booking and what in rules.learned.use and all(rule is None or rule.learned for rule in picked)


def _as_paid_before(
    parts: Sequence[Part], amounts: Sequence[Decimal | None], sale: Sale, currency: str, learned: Learned
) -> list[Part]:
    """As much as was paid for such bookings; the rules' own figures where too little is known."""
    given = [one for one in amounts if one is not None]
    if len(given) == len(amounts):
        figure = learned.paid_share(sale.service, sale.ad)
        if figure is None:
            return list(parts)
        how = f"{rounded(figure.number)} of the price, learned from {_bookings(figure, 'payments')}"
        return [
            part._replace(worth=amount * figure.number, how=how, by=LEARNED)
            for part, amount in zip(parts, given, strict=True)
        ]
    figure = learned.paid(sale.service, sale.ad, currency) if len(parts) == 1 else None
    if figure is None:
        return list(parts)
    how = f"as much as is paid for it, learned from {_bookings(figure, 'payments')}"
    return [parts[0]._replace(worth=figure.number, how=how, by=LEARNED)]


def _bookings(figure: Figure, what: str) -> str:
    more = f", {figure.of_the_ad} of them of the same ad" if figure.of_the_ad else ""
    return f"{figure.seen} {what} of the same service{more}"


def rounded(number: Decimal) -> str:
    """A share or a probability, for people."""
    return f"{number:.3f}".rstrip("0").rstrip(".")
