"""What a rule looks at: a conversion's worth and services, as they stand in the event for Meta."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.value.rules import stage_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Line(NamedTuple):
    """One service. `price` is for one piece."""

    id: str
    name: str
    category: str
    price: Decimal | None
    quantity: int

    @property
    def total(self) -> Decimal | None:
        """For all pieces."""
        return None if self.price is None else self.price * self.quantity


class Sale(NamedTuple):
    """A conversion before the rules."""

    names: tuple[str, ...]  # of the event, the conversion's own first, as stages are called
    value: Decimal | None
    currency: str
    lines: tuple[Line, ...]
    ad: str  # that it is credited to; empty where none is known
    said: frozenset[str]  # names in the custom data: what the caller says itself is left alone

    @property
    def service(self) -> str:
        """The one service's key; empty where there are several or none."""
        return service_key(self.lines[0].id) if len(self.lines) == 1 else ""


def service_key(text: str) -> str:
    """One spelling for the same service."""
    return " ".join(text.split()).casefold()[:200]


def sale_of(names: Iterable[str | None], custom: Mapping[str, Any], default_currency: str, ad: str | None) -> Sale:
    """A sale from an event's names and custom data."""
    lines = tuple(
        Line(
            str(one["id"]),
            str(one.get("title", one["id"])),
            str(one.get("category", "")),
            _decimal(one.get("item_price")),
            one["quantity"],
        )
        for one in custom.get("contents", ())
    )
    known = tuple(dict.fromkeys(stage_name(name) for name in names if name))
    currency = custom.get("currency", default_currency)
    return Sale(known, _decimal(custom.get("value")), currency, lines, ad or "", frozenset(custom))


def _decimal(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(repr(number))
