"""What past bookings say: how often such a booking is paid in the end, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from decimal import Decimal


class Figure(NamedTuple):
    """Something learned."""

    number: Decimal
    seen: int  # bookings, or payments, of the same service that it comes of
    of_the_ad: int  # those of them that the same ad brought


class Learned(Protocol):
    """All that was learned. Each answer is `None` where too little is known.

    Services are as `service_key` spells them.
    """

    def show_up(self, service: str, ad: str) -> Figure | None:
        """The probability that a booking is paid in the end."""
        ...

    def paid_share(self, service: str, ad: str) -> Figure | None:
        """What is paid of a booking's own value, where it is paid."""
        ...

    def paid(self, service: str, ad: str, currency: str) -> Figure | None:
        """What is paid for a booking, where it is paid, in major units."""
        ...


class _Nothing:
    def show_up(self, service: str, ad: str) -> Figure | None:  # noqa: ARG002 - as `Learned` says
        return None

    def paid_share(self, service: str, ad: str) -> Figure | None:  # noqa: ARG002
        return None

    def paid(self, service: str, ad: str, currency: str) -> Figure | None:  # noqa: ARG002
        return None


NOTHING_LEARNED: Learned = _Nothing()
