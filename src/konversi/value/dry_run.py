"""What rules would have told Meta of past events, beside what was told: sums, and a few examples. Nothing is sent."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from konversi.events.money import exact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.value.in_effect import Values
    from konversi.value.lifetime import Paid

_MOST_EXAMPLES = 20
_MOST_NAMES = 200  # of events, which callers choose
_OTHERS = "(others)"
TOLD = ("value", "currency", "net_revenue", "predicted_ltv")


@dataclass(slots=True)
class _Sums:
    """Of some events, in each currency."""

    events: int = 0
    given: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    sent: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    would: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, given: Mapping[str, Any], sent: Mapping[str, Any], would: Mapping[str, Any]) -> None:
        self.events += 1
        for sums, custom in ((self.given, given), (self.sent, sent), (self.would, would)):
            if custom.get("value") is not None and custom.get("currency") is not None:
                sums[custom["currency"].upper()] += Decimal(repr(custom["value"]))

    def shown(self) -> dict[str, Any]:
        return {
            "events": self.events,
            **{name: _amounts(getattr(self, name)) for name in ("given", "sent", "would")},
        }


def _amounts(sums: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    return [{"currency": currency, "value": exact(sums[currency], currency)} for currency in sorted(sums)]


class DryRun:
    """Takes past events one by one. Its memory does not depend on how many."""

    def __init__(self, values: Values, messaging_names: Mapping[str, str]) -> None:
        """`messaging_names` are the names that events have in chats that an ad opened."""
        self._values = values
        self._names = messaging_names
        self._all = _Sums()
        self._changed = self._unusable = 0
        self._by_event: dict[str, _Sums] = defaultdict(_Sums)
        self._by_rule: dict[str, _Sums] = defaultdict(_Sums)
        self._notes: Counter[str] = Counter()
        self._examples: list[dict[str, Any]] = []

    def take(
        self,
        label: Mapping[str, Any],
        names: Sequence[str],
        *,
        given: Mapping[str, Any],
        sent: Mapping[str, Any],
        ad: str | None,
        paid: Sequence[Paid],
    ) -> None:
        """One event: its own name and what Meta heard, its custom data before the rules then and as they were sent."""
        name = names[0]
        applied = self._values.apply(given, (*names, self._names.get(name)), ad=ad, paid=paid)
        would, notes, rules = (given, (), ()) if applied is None else (applied.custom, applied.notes, applied.rules)
        place = name if name in self._by_event or len(self._by_event) < _MOST_NAMES else _OTHERS
        for sums in (self._all, self._by_event[place], *(self._by_rule[rule] for rule in rules)):
            sums.add(given, sent, would)
        self._unusable += any(note.code == "value_rule_unusable" for note in notes)
        self._notes.update({note.code for note in notes})
        if any(sent.get(key) != would.get(key) for key in TOLD):
            self._changed += 1
            if len(self._examples) < _MOST_EXAMPLES:
                self._examples.append(
                    {**label, "event": name, "given": _told(given), "sent": _told(sent), "would": _told(would)}
                    | {"because": [note.text for note in notes]}
                )

    def report(self) -> dict[str, Any]:
        """As people and programs read it."""
        return {
            **self._all.shown(),
            "changed": self._changed,
            "unusable": self._unusable,
            "by_event": [{"event": name, **sums.shown()} for name, sums in _most(self._by_event)],
            "by_rule": [{"rule": name, **sums.shown()} for name, sums in _most(self._by_rule)],
            "notes": dict(sorted(self._notes.items())),
            "examples": self._examples,
        }


def _most(sums: Mapping[str, _Sums]) -> list[tuple[str, _Sums]]:
    return sorted(sums.items(), key=lambda item: (-item[1].events, item[0]))


def _told(custom: Mapping[str, Any]) -> dict[str, Any]:
    return {name: custom[name] for name in TOLD if name in custom}
