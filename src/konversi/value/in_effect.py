"""The rules that are in effect at this moment. They are replaced as a whole, while conversions are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from konversi.value.appraise import appraise
from konversi.value.choosing import Picker
from konversi.value.learned import NOTHING_LEARNED
from konversi.value.rules import NO_RULES
from konversi.value.sale import sale_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.events.faults import Note
    from konversi.value.learned import Learned
    from konversi.value.lifetime import Paid
    from konversi.value.rules import ValueRules


class InEffect(NamedTuple):
    """Rules, and what is known beside them."""

    rules: ValueRules = NO_RULES
    learned: Learned = NOTHING_LEARNED
    source: str = ""  # the file they are from, or who kept them; empty where there are none


class Applied(NamedTuple):
    """An event's custom data after the rules."""

    custom: dict[str, Any]
    notes: tuple[Note, ...]
    rules: tuple[str, ...]  # names of those that spoke
    given: str | None  # JSON of what stood there before, where the value, the currency or prices are others now


class Values:
    """Holds them. `currency` is the one of amounts that come without one."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._now = InEffect()
        self._picker = Picker(())

    @classmethod
    def of(cls, currency: str, now: InEffect | None) -> Values:
        """With these in effect; nothing stands for no rules."""
        values = cls(currency)
        if now is not None:
            values.now = now
        return values

    def __reduce__(self) -> tuple[Any, tuple[str, InEffect | None]]:
        """For another process: what says that there are no rules is one object, and another one there."""
        return Values.of, (self.currency, self._now if self.speak else None)

    @property
    def now(self) -> InEffect:
        """What is in effect."""
        return self._now

    @now.setter
    def now(self, other: InEffect) -> None:
        self._now, self._picker = other, Picker(other.rules.rules)

    @property
    def speak(self) -> bool:
        """Whether there are any rules."""
        return self._now.rules is not NO_RULES

    @property
    def wants_history(self) -> bool:
        """Whether it matters what a customer paid before."""
        return self._now.rules.predicted_ltv is not None

    def apply(
        self,
        custom: Mapping[str, Any],
        names: Sequence[str | None],
        *,
        currency: str | None = None,
        ad: str | None = None,
        paid: Sequence[Paid] = (),
    ) -> Applied | None:
        """What the rules make of an event's custom data; nothing where they leave it as it is."""
        rules, learned, _ = self._now
        sale = sale_of(names, custom, (currency or self.currency).strip().upper(), ad)
        found = appraise(sale, rules, rules.currency or self.currency, self._picker, learned, paid)
        if found is None:
            return None
        after = {**custom, **found.told}
        if found.prices is not None and "contents" in custom:
            after["contents"] = [
                one if price is None else {**one, "item_price": price}
                for one, price in zip(custom["contents"], found.prices, strict=True)
            ]
        return Applied(after, found.notes, found.rules, _given(custom, after))


def before_rules(custom: Mapping[str, Any], given: str | None) -> dict[str, Any]:
    """An event's custom data as they were before the rules; `predicted_ltv` and `net_revenue` were the rules' own."""
    if given is None:
        return dict(custom)
    was = orjson.loads(given)
    kept = {name: value for name, value in custom.items() if name not in was["added"]}
    kept |= {name: was[name] for name in ("value", "currency") if was[name] is not None}
    if "prices" in was:
        kept["contents"] = [
            one if price is None else {**one, "item_price": price}
            for one, price in zip(custom["contents"], was["prices"], strict=True)
        ]
    return kept


def _given(before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    if before == after:
        return None
    was: dict[str, Any] = {name: before.get(name) for name in ("value", "currency")}
    was["added"] = sorted(after.keys() - before.keys())
    if before.get("contents") != after.get("contents"):
        was["prices"] = [one.get("item_price") for one in before["contents"]]
    return orjson.dumps(was).decode()
