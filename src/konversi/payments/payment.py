"""A payment as it stands, and how a notification changes it."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from konversi.journeys.identity import merged
from konversi.payments.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.payments.notice import Notice, Reversal

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_NO_MONEY = Decimal(0)
_LONGEST_NUMBER = 18  # digits: what a 64-bit id can have


class Payment(Struct, frozen=True):
    """One payment. `purchase` and what belongs to it are decided once, and then stand.

    A notification makes several of them: tuples take seven times as long to be replaced, and dataclasses thirty times.
    """

    provider: str
    payment_id: str
    id: int | None = None  # its number here
    other_id: str | None = None
    reference: str | None = None  # what the provider called the order
    booking_id: str | None = None  # of the booking that was found
    journey: int | None = None
    stage: Stage = Stage.PENDING
    amount: Decimal | None = None
    currency: str | None = None
    paid_at: int | None = None  # Unix seconds, by the provider's clock
    seen_at: float = 0.0
    changed_at: float = 0.0
    user_data: Mapping[str, Any] = _NOTHING  # hashed match keys of whoever paid
    purchase: str | None = None  # event id of the Purchase that it led to
    purchase_value: Decimal | None = None
    purchase_currency: str | None = None
    purchase_at: int | None = None
    event: int | None = None  # the event's number, once it was seen in the outbox
    touch: int | None = None  # the ad click that the event is credited to
    gone: Decimal = Decimal(0)  # what of the Purchase went back, as `policy.gone_of` has it
    due_at: float | None = None  # when to look at it again; None where all is done
    flag: str = ""  # why a person should look
    why: str = ""  # in plain words: how it was joined, why there is no Purchase
    reversals: Mapping[str, Reversal] = _NOTHING

    @property
    def reversed(self) -> Decimal:
        """What went back, never more than was paid."""
        if not self.reversals:
            return _NO_MONEY
        gone = sum((one.amount for one in self.reversals.values()), Decimal(0))
        return min(gone, self.amount) if self.amount is not None else gone

    @property
    def kept(self) -> Decimal:
        """What is left of it: nothing where it was never paid, or is no longer."""
        if not self.stage.paid or self.amount is None:
            return _NO_MONEY
        return self.amount - self.reversed if self.reversals else self.amount

    def seen_in_outbox(self, event: int, journey: int | None, touch: int | None) -> Payment:
        """Its Purchase is there."""
        journey = journey if self.journey is None else self.journey
        return replace(self, event=event, journey=journey, touch=touch, due_at=None)

    def refused(self, why: str) -> Payment:
        """Its Purchase could not be sent."""
        if (self.flag, self.why, self.due_at) == ("refused", why, None):
            return self
        return replace(self, flag="refused", why=why, due_at=None)


def begun(notice: Notice, now: float) -> Payment:
    """A payment of which nothing is known yet but its name."""
    return Payment(provider=notice.provider, payment_id=notice.payment_id, seen_at=now, changed_at=now)


def told(known: Payment, notice: Notice, user_data: Mapping[str, Any], now: float) -> Payment:
    """The payment after a notification, in whatever order they come; the same object where it told nothing new."""
    said: dict[str, Any] = {
        **_sum_told(known, notice),
        "stage": known.stage if notice.stage is None else max(known.stage, notice.stage),
        "paid_at": _paid_at(known, notice),
        "other_id": known.other_id or _other(known, notice),
        "reference": known.reference or (notice.references[0] if notice.references else None),
    }
    if user_data and (together := merged(known.user_data, user_data)) != known.user_data:
        said["user_data"] = together
    if notice.reversals:
        said["reversals"] = _reversed(known.reversals, notice)
    after = replace(known, **said)
    return known if after == known else replace(after, changed_at=now)


def _sum_told(known: Payment, notice: Notice) -> dict[str, Any]:
    """What was paid: as the notification of the highest stage says; of two at one stage, the larger."""
    if notice.stage is None:
        return {}
    if known.amount is not None and (notice.stage, notice.amount) <= (known.stage, known.amount):
        return {}
    return {"amount": notice.amount, "currency": notice.currency}


def _paid_at(known: Payment, notice: Notice) -> int | None:
    """When it was first paid."""
    if notice.stage is None or not notice.stage.paid:
        return known.paid_at
    return notice.at if known.paid_at is None else min(known.paid_at, notice.at)


def _other(known: Payment, notice: Notice) -> str | None:
    if notice.payment_id != known.payment_id:
        return notice.payment_id
    return notice.other_id


def _reversed(known: Mapping[str, Reversal], notice: Notice) -> Mapping[str, Reversal]:
    together = dict(known)
    for one in notice.reversals:
        before = together.get(one.key, one)
        latest = max(before, one, key=lambda told: (told.rank, told.amount))
        together[one.key] = latest._replace(at=min(before.at, one.at))
    return together


def payment_id(number: int) -> str:
    """A payment's id as people see it."""
    return f"pm_{number:09d}"


def payment_of(text: str) -> int | None:
    """The payment that an id stands for, or `None` where the text is no such id."""
    digits = text[3:]
    if not text.startswith("pm_") or not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_NUMBER:
        return None
    return int(digits)
