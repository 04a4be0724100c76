"""From a conversion to what Meta is told of its worth, with the reason in plain words.

A rule that can't be applied changes nothing, and says why: nobody is told a value that nobody knows.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.events.faults import Note
from konversi.events.money import exact
from konversi.value.choosing import LTV, RATES
from konversi.value.learned import NOTHING_LEARNED
from konversi.value.lifetime import LARGEST, Forecast, lifetime
from konversi.value.worth import ONE, UnusableError, priced, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.value.choosing import Picker
    from konversi.value.learned import Learned
    from konversi.value.lifetime import Paid
    from konversi.value.rules import ValueRules
    from konversi.value.sale import Sale
    from konversi.value.worth import Priced

_LONGEST = 1_000  # characters of a note


class Appraisal(NamedTuple):
    """What changes in the event's custom data, and why."""

    told: dict[str, Any]  # by name: value, currency, net_revenue, predicted_ltv
    prices: tuple[int | float | None, ...] | None  # of the services, where another currency is told
    rules: tuple[str, ...]  # names of those that spoke
    notes: tuple[Note, ...]


def appraise(
    sale: Sale,
    rules: ValueRules,
    home: str,
    picker: Picker,
    learned: Learned = NOTHING_LEARNED,
    paid: Sequence[Paid] = (),
) -> Appraisal | None:
    """What the rules make of it; nothing where none is about it.

    `home` is the currency of the rules' amounts, `picker` finds one of them, `learned` is what past bookings say, and
    `paid` what the customer paid before.
    """
    try:
        found = priced(sale, rules, home, learned, picker)
        appraisal = _told(sale, found) if found.speaks else None
        currency, own = found.currency, _sum(part.worth for part in found.parts)
    except UnusableError as error:
        note = Note("value", "value_rule_unusable", f"The value rules changed nothing: {error}")
        appraisal, currency, own = Appraisal({}, None, (), (note,)), sale.currency, sale.value
    forecast = None if "predicted_ltv" in sale.said else lifetime(rules, home, currency, own, paid)
    if forecast is None:
        return appraisal
    before = appraisal or Appraisal({}, None, (), ())
    if not isinstance(forecast, Forecast):
        return before._replace(notes=(*before.notes, forecast))
    told = {"currency": currency, **before.told, "predicted_ltv": forecast.value}
    return before._replace(told=told, rules=(*before.rules, LTV), notes=(*before.notes, forecast.note))


def _told(sale: Sale, found: Priced) -> Appraisal | None:
    currency = found.currency
    value = _sum(part.expected for part in found.parts)
    if value is None and not any(part.rule or part.by for part in found.parts):
        return None  # nothing is known of its worth, and no rule is about it in particular
    if value is None:
        raise UnusableError("what was booked has no price, and no rule says what it is worth.")
    if value > LARGEST:
        raise UnusableError("they make it worth more than Konversi takes.")
    told: dict[str, Any] = {"value": exact(value, currency), "currency": currency}
    notes = _reason(sale, found, told["value"])
    margin = None if "net_revenue" in sale.said else _net_revenue(found)
    if isinstance(margin, Note):
        notes.append(margin)
    elif margin is not None:
        told["net_revenue"] = exact(margin, currency)
        notes.append(Note("value", "net_revenue", f"net_revenue is {currency} {told['net_revenue']}, by its margin."))
    prices = None
    if found.rate != ONE:
        converted = [None if one.price is None else one.price * found.rate for one in sale.lines]
        if any(price is not None and price > LARGEST for price in converted):
            raise UnusableError("a service's price is more than Konversi takes, once it is converted.")
        prices = tuple(None if price is None else exact(price, currency) for price in converted)
    return Appraisal(told, prices, _names(found), tuple(notes))


def _sum(amounts: Any) -> Decimal | None:
    known = list(amounts)
    return None if None in known else sum(known, Decimal(0))


def _net_revenue(found: Priced) -> Decimal | Note | None:
    """The margins of all parts; without one for each the sum would say less than there is."""
    margins = [None if part.rule is None else part.rule.margin for part in found.parts]
    if all(one is None for one in margins):
        return None
    if None in margins:
        return Note("value", "net_revenue_unknown", "No net_revenue is told: not every service in it has a margin.")
    return _sum((part.expected or 0) * (margin or 0) for part, margin in zip(found.parts, margins, strict=True))


def _names(found: Priced) -> tuple[str, ...]:
    names = [RATES] if found.rate != ONE else []
    for part in found.parts:
        margin = part.rule.name if part.rule is not None and part.rule.margin is not None else ""
        names += [part.by, part.chance.by if part.chance is not None else "", margin]
    return tuple(dict.fromkeys(name for name in names if name))


def _reason(sale: Sale, found: Priced, value: float) -> list[Note]:
    given = None if sale.value is None else f"{sale.currency} {exact(sale.value, sale.currency)}"
    now = f"{found.currency} {value}"
    reasons = [f"1 {sale.currency} is {found.currency} {found.rate}"] if found.rate != ONE else []
    reasons += [part.how for part in found.parts if part.how]
    chances = [part.chance for part in found.parts if part.chance is not None]
    reasons += [f"{rounded(chance.probability)} of them are paid in the end ({chance.source})" for chance in chances]
    if not reasons:
        return []
    instead = "" if given is None or given == now else f" instead of {given}"
    because = "; ".join(dict.fromkeys(reasons))[:_LONGEST]
    return [Note("value", "value_by_rule", f"Meta is told {now}{instead}: {because}.")]
