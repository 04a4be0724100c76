"""What past bookings teach: a rate and two means, each drawn towards what is usual where little was seen.

A service's show-up is its own rate, as if some bookings of the usual kind had been seen beside its own; an ad's is that
of the service, in the same way. How many such bookings comes of the numbers themselves: where services differ no more
than chance lets them, many; where they differ a lot, few. This is the beta-binomial model with its strength taken from
an analysis of variance. `docs/explanation/value.md` says it with an example.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.events.money import exact
from konversi.value.learned import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Final

WEAKEST: Final = 5.0  # usual bookings that are always imagined beside a group's own
STRONGEST: Final = 500.0
PAYMENTS: Final = 10  # of the usual kind, imagined beside an ad's own: amounts differ too much to say more
_PLACES = Decimal("0.0001")


class Sum(NamedTuple):
    """What came of the bookings of one service, from one ad, in one currency."""

    service: str  # as `service_key` spells it; empty: none was named, or several
    ad: str  # empty: none is known
    currency: str  # empty: none is known
    bookings: int
    shown: int  # of them that were paid
    payments: int  # of those whose payment is in the currency
    paid: Decimal  # the sum of these, in major units
    priced: int  # of these whose price is known
    price: Decimal  # the sum of those prices
    price_paid: Decimal  # and of what was paid for them


@dataclass(slots=True)
class _Group:
    bookings: int = 0
    shown: int = 0
    payments: int = 0
    paid: Decimal = Decimal(0)
    priced: int = 0
    price: Decimal = Decimal(0)
    price_paid: Decimal = Decimal(0)

    def add(self, one: Sum) -> None:
        for name in ("bookings", "shown", "payments", "paid", "priced", "price", "price_paid"):
            setattr(self, name, getattr(self, name) + getattr(one, name))


_NONE = _Group()


class Model:
    """As `konversi.value.learned.Learned` says."""

    def __init__(self, sums: Iterable[Sum], at_least: int) -> None:
        """`at_least` are the bookings, or payments, without which nothing is said of a service."""
        self._at_least = at_least
        self.all = _Group()
        self.services: dict[str, _Group] = defaultdict(_Group)
        self._ads: dict[tuple[str, str], _Group] = defaultdict(_Group)
        self._paid: dict[tuple[str, str], _Group] = defaultdict(_Group)  # by service and currency
        self._paid_by_ad: dict[tuple[str, str, str], _Group] = defaultdict(_Group)
        for one in sums:
            for group in (self.all, self.services[one.service], self._paid[one.service, one.currency]):
                group.add(one)
            if one.ad:
                self._ads[one.service, one.ad].add(one)
                self._paid_by_ad[one.service, one.ad, one.currency].add(one)
        self.of_services = strength([list(self.services.values())])
        families: dict[str, list[_Group]] = defaultdict(list)
        for (service, _), group in self._ads.items():
            families[service].append(group)
        self.of_ads = strength(list(families.values()))

    def show_up(self, service: str, ad: str) -> Figure | None:
        """The probability that a booking is paid in the end."""
        own = self.services.get(service, _NONE)
        if own.bookings < self._at_least:
            return None
        usual = (self.all.shown + 1) / (self.all.bookings + 2)
        of_service = (own.shown + self.of_services * usual) / (own.bookings + self.of_services)
        of_ad = self._ads.get((service, ad), _NONE)
        rate = (of_ad.shown + self.of_ads * of_service) / (of_ad.bookings + self.of_ads)
        return Figure(Decimal(rate).quantize(_PLACES), own.bookings, of_ad.bookings)

    def paid_share(self, service: str, ad: str) -> Figure | None:
        """What is paid of a booking's own value, where it is paid."""
        own = self.services.get(service, _NONE)
        if own.priced < self._at_least or not own.price or not self.all.price:
            return None
        of_service = _drawn(own, self.all.price_paid / self.all.price, own.price / own.priced)
        of_ad = self._ads.get((service, ad), _NONE)
        share = _drawn(of_ad, of_service, own.price / own.priced)
        return Figure(share.quantize(_PLACES), own.priced, of_ad.priced)

    def paid(self, service: str, ad: str, currency: str) -> Figure | None:
        """What is paid for a booking, where it is paid, in major units: a service's own, since no other costs that."""
        own = self._paid.get((service, currency), _NONE)
        if own.payments < self._at_least:
            return None
        mean = own.paid / own.payments
        of_ad = self._paid_by_ad.get((service, ad, currency), _NONE)
        drawn = (of_ad.paid + PAYMENTS * mean) / (of_ad.payments + PAYMENTS)
        return Figure(drawn, own.payments, of_ad.payments)

    def shown(self, most: int = 50) -> list[dict[str, Any]]:
        """The services of which most is known, for people and programs."""
        ordered = sorted(self.services.items(), key=lambda item: (-item[1].bookings, item[0]))
        return [self._line(service, group) for service, group in ordered[:most]]

    def _line(self, service: str, group: _Group) -> dict[str, Any]:
        rate, share = self.show_up(service, ""), self.paid_share(service, "")
        found = {
            currency: self.paid(service, "", currency) for of, currency in self._paid if of == service and currency
        }
        return {
            "service": service or None,
            "bookings": group.bookings,
            "paid": group.shown,
            "seen_rate": round(group.shown / group.bookings, 4) if group.bookings else None,
            "show_up": float(rate.number) if rate else None,
            "paid_share": float(share.number) if share else None,
            "payment": [
                {"currency": currency, "value": exact(figure.number, currency)}
                for currency, figure in sorted(found.items())
                if figure is not None
            ],
            "ads": sum(1 for of, _ in self._ads if of == service),
        }


def _drawn(group: _Group, usual: Decimal, price: Decimal) -> Decimal:
    """A share of prices, as if some bookings of `price` had been paid to the usual share beside the group's own."""
    return (group.price_paid + PAYMENTS * price * usual) / (group.price + PAYMENTS * price)


def strength(families: Sequence[Sequence[_Group]]) -> float:
    """How many usual bookings to imagine beside a group's own, from how much the groups of each family differ.

    The analysis-of-variance estimate of the intraclass correlation r of yes and no, as (1 - r) / r; within bounds.
    """
    groups = [[group for group in family if group.bookings] for family in families]
    groups = [family for family in groups if len(family) > 1]
    of_groups = sum(len(family) - 1 for family in groups)
    total = sum(group.bookings for family in groups for group in family)
    of_bookings = total - sum(map(len, groups))
    if of_groups < 2 or of_bookings < 1:  # noqa: PLR2004 - two groups say nothing of how groups differ
        return STRONGEST
    between = within = spread = 0.0
    for family in groups:
        number = sum(group.bookings for group in family)
        rate = sum(group.shown for group in family) / number
        for group in family:
            own = group.shown / group.bookings
            between += group.bookings * (own - rate) ** 2
            within += group.bookings * own * (1 - own)
        spread += number - sum(group.bookings**2 for group in family) / number
    between, within, size = between / of_groups, within / of_bookings, spread / of_groups
    correlation = (between - within) / (between + (size - 1) * within) if between > 0 else 0.0
    if correlation <= 0:
        return STRONGEST
    return min(STRONGEST, max(WEAKEST, (1 - correlation) / correlation))
