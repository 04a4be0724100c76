"""What a batch of notifications makes of the payments that are known, and which Purchases are due. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from konversi.payments.payment import Payment, begun, told
from konversi.payments.policy import TOO_LITTLE, Due, flag_of, gone_of, purchase_of
from konversi.payments.references import candidates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.events.conversion import Conversion
    from konversi.payments.notice import Notice
    from konversi.payments.policy import Booking, PartPayments
    from konversi.payments.reporting import Reported

_DAY = 86_400
_UNREPORTED = 30.0  # seconds after which somebody makes sure that a Purchase reached the outbox
_PATIENCE = 60.0  # seconds in which another notification may name the booking
_WINDOW = 7 * _DAY  # in which Meta takes a Purchase, and a late booking is waited for
_SOON, _SELDOM = 60.0, 3_600.0  # seconds between two looks for a booking
_NEWEST = 2**63  # in place of the number of a payment that has none yet; those come in their order
_NONE: Mapping[tuple[str, str], Payment] = {}
IDENTIFYING = frozenset({"em", "ph"})  # what a payment by itself can be joined by


class Told(NamedTuple):
    """A notification, with whoever paid hashed."""

    notice: Notice
    user_data: Mapping[str, Any]
    identified: bool = False  # the caller names the customer well enough itself
    own: Conversion | None = None  # what the caller says of it, where it is one who reports conversions

    @property
    def names(self) -> list[str]:
        """What nobody else may work on meanwhile."""
        notice = self.notice
        own = [notice.payment_id] if notice.other_id is None else [notice.payment_id, notice.other_id]
        return [*own, *candidates(notice.references)]


class Outcome(Struct, frozen=True):
    """A payment after a notification."""

    payment: Payment
    news: bool  # the notification told something new
    booking: Booking | None
    own: Conversion | None = None  # as it was told
    reported: Reported | None = None  # what became of its Purchase, where that was handed over with it

    @property
    def is_due(self) -> bool:
        """Whether its Purchase is handed over: also again, to whoever reports it again and has to be answered."""
        return self.payment.purchase is not None and (self.payment.event is None or self.own is not None)

    @property
    def to_report(self) -> bool:
        """Whether its Purchase may not be in the outbox yet, and has to be handed over afterwards."""
        return self.is_due and self.reported is None


class Known:
    """The payments and bookings that a batch is about, changed as it goes along."""

    def __init__(self, payments: Iterable[Payment], bookings: Mapping[str, Booking]) -> None:
        self.bookings = dict(bookings)
        self._payments: dict[tuple[str, str], Payment] = {}
        self._also_called: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        self._of_booking: defaultdict[str, dict[tuple[str, str], Payment]] = defaultdict(dict)
        self.changed: dict[tuple[str, str], Payment] = {}
        for one in payments:
            self._file(one)

    def learn(self, payments: Iterable[Payment], bookings: Mapping[str, Booking]) -> None:
        """Bookings that were not known before, with what was paid for them."""
        self.bookings |= bookings
        for one in payments:
            if (one.provider, one.payment_id) not in self._payments:
                self._file(one)

    def find(self, notice: Notice) -> Payment | None:
        """The payment that a notification is about."""
        found = self._called(notice.provider, notice.payment_id)
        if found is None and notice.other_id is not None:
            found = self._called(notice.provider, notice.other_id)
        return found

    def _called(self, provider: str, name: str) -> Payment | None:
        """By its own id, or else by its other one: where several have that, the oldest."""
        found = self._payments.get((provider, name))
        if found is not None or (provider, name) not in self._also_called:
            return found
        several = [one for key, one in self._payments.items() if key in self._also_called[provider, name]]
        return min(several, key=lambda one: _NEWEST if one.id is None else one.id)

    def others(self, payment: Payment) -> list[Payment]:
        """The other payments for its booking."""
        if payment.booking_id is None:
            return []
        own = (payment.provider, payment.payment_id)
        return [one for key, one in self._of_booking.get(payment.booking_id, _NONE).items() if key != own]

    def keep(self, payment: Payment) -> None:
        """It stands like this from now on."""
        self._file(payment)
        self.changed[payment.provider, payment.payment_id] = payment

    def _file(self, payment: Payment) -> None:
        key = (payment.provider, payment.payment_id)
        self._payments[key] = payment
        if payment.other_id is not None:
            self._also_called[payment.provider, payment.other_id].add(key)
        if payment.booking_id is not None:
            self._of_booking[payment.booking_id][key] = payment


def taken(known: Known, one: Told, policy: PartPayments, now: float) -> Outcome:
    """Take one notification."""
    before = known.find(one.notice)
    after = told(before or begun(one.notice, now), one.notice, one.user_data, now)
    after = joined(known, after, candidates(one.notice.references))
    after = decided(known, after, policy, now, identified=one.identified, patient=one.notice.booking_may_follow)
    if before is not None and replace(after, due_at=before.due_at) == before:
        after = before  # it told nothing new
    else:
        known.keep(after)
        _others_follow(known, after)
    return Outcome(after, after is not before, known.bookings.get(after.booking_id or ""), one.own)


def _others_follow(known: Known, payment: Payment) -> None:
    """What goes back of one payment may go back of the Purchase that another one led to for both.

    And a deposit is no longer too little once the rest is paid.
    """
    for other in known.others(payment):
        after = other
        if other.purchase is not None:
            after = replace(other, gone=gone_of(other, known.others(other)))
        if other.flag == TOO_LITTLE:
            booking = known.bookings.get(other.booking_id or "")
            is_still = flag_of(other, known.others(other), booking) == TOO_LITTLE
            after = replace(after, flag=TOO_LITTLE if is_still else "")
        if after != other:
            known.keep(after)


def noted(known: Known, outcome: Outcome, reported: Reported) -> Outcome:
    """The outcome once its Purchase was handed over."""
    after = reported.on(outcome.payment)
    if after is not outcome.payment:
        known.keep(after)
    return replace(outcome, payment=after, reported=reported)


def looked_again(known: Known, payment: Payment, policy: PartPayments, now: float) -> Outcome:
    """Take up a payment that something was left to do for."""
    after = joined(known, payment, candidates([payment.reference] if payment.reference else []))
    after = decided(known, after, policy, now, identified=False, patient=False)
    if after.purchase is None and after.due_at is not None and (after.paid_at or 0) + _WINDOW < now:
        after = replace(after, due_at=None)
    known.keep(after)
    return Outcome(after, after != payment, known.bookings.get(after.booking_id or ""))


def joined(known: Known, payment: Payment, references: Sequence[str]) -> Payment:
    """With the booking that one of the references means, where that is known."""
    if payment.booking_id is not None:
        return payment
    found = next((known.bookings[one] for one in references if one in known.bookings), None)
    return payment if found is None else replace(payment, booking_id=found.booking_id, journey=found.journey)


def decided(
    known: Known, payment: Payment, policy: PartPayments, now: float, *, identified: bool, patient: bool
) -> Payment:
    """With what it leads to: a Purchase once, which then stands."""
    booking = known.bookings.get(payment.booking_id or "")
    others = known.others(payment)
    if payment.purchase is not None:
        return _after_purchase(payment, booking, others)
    found = purchase_of(policy, payment, others, booking)
    if not isinstance(found, Due):
        return replace(payment, why=found.why, due_at=None, flag=flag_of(payment, others, booking))
    if booking is None and not identified and (patient or IDENTIFYING.isdisjoint(payment.user_data)):
        wait = _PATIENCE if patient else _SOON if now - payment.seen_at < _SELDOM else _SELDOM
        return replace(payment, why=_UNJOINED, due_at=now + wait, flag="" if patient else "unjoined")
    why = f"{_how(payment, booking)} {found.why}"
    due = replace(
        payment,
        purchase=found.event_id,
        purchase_value=found.value,
        purchase_currency=found.currency,
        purchase_at=found.at,
        due_at=now + _UNREPORTED,
        why=why,
    )
    return _after_purchase(due, booking, others)  # a part may have gone back before it was told that it was paid


_UNJOINED = (
    "No booking is known under what the provider calls the order, and no phone or e-mail came with it: Meta was not "
    "told. It is tried again for seven days."
)
_NOT_TOLD = "Of what went back Meta was not told: it takes no refund, so its own figures keep the Purchase."


def _how(payment: Payment, booking: Booking | None) -> str:
    if booking is None:
        return "Joined by phone or e-mail: no booking is known under what the provider calls the order."
    exact = payment.reference == booking.booking_id or payment.reference is None
    how = "Joined by its booking id" if exact else "Joined by the booking id that its order id begins with"
    chat = "with its conversation" if booking.journey is not None else "for which no conversation is known"
    return f"{how}, {chat}."


def _after_purchase(payment: Payment, booking: Booking | None, others: Sequence[Payment]) -> Payment:
    gone = payment.reversed > 0 or not payment.stage.paid
    why = payment.why if not gone or _NOT_TOLD in payment.why else f"{payment.why} {_NOT_TOLD}"
    flag = payment.flag if payment.flag == "refused" else flag_of(payment, others, booking)
    back = gone_of(payment, others)
    if (why, flag, back) == (payment.why, payment.flag, payment.gone):
        return payment
    return replace(payment, why=why, flag=flag, gone=back)
