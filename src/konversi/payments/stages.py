"""The states of a payment, and which notification moves it where.

Providers repeat notifications, and send them out of order. So a payment is always in the highest of the stages that it
was ever told to be in: whatever comes in whatever order and however often, the end is the same. The order follows the
provider's own tables of what may follow what (`docs/reference/payments.md`).
"""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """How far a payment has come. What is higher follows what is lower, and never the other way round."""

    PENDING = 0  # begun, authorised, challenged or awaiting the money: no payment yet
    FAILED = 1  # this try failed or ran out; a later try of the same payment may succeed
    CAPTURED = 2  # paid, but may still be voided
    CANCELLED = 3  # given up, or voided before it was settled
    SETTLED = 4  # paid
    DENIED = 5  # taken back by the provider, though it had settled

    @property
    def paid(self) -> bool:
        """Whether the customer's money is there."""
        return self in _PAID

    @property
    def word(self) -> str:
        """For people and programs."""
        return "paid" if self.paid else self.name.lower()


_PAID = (Stage.CAPTURED, Stage.SETTLED)
WORDS = tuple(dict.fromkeys(stage.word for stage in Stage))
