"""Names of conversions: Meta's standard ones, the setup guide's words for them, and custom ones."""

from __future__ import annotations

import re

from konversi.events.faults import Fault

LEAD = "Lead"
PURCHASE = "Purchase"
INITIATE_CHECKOUT = "InitiateCheckout"

# Meta's standard events (reference: Conversions API, parameters/server-event).
STANDARD = frozenset(
    {
        "AddPaymentInfo", "AddToCart", "AddToWishlist", "CompleteRegistration", "Contact", "CustomizeProduct", "Donate",
        "FindLocation", INITIATE_CHECKOUT, LEAD, "PageView", PURCHASE, "Schedule", "Search", "StartTrial",
        "SubmitApplication", "Subscribe", "ViewContent",
    }
)  # fmt: skip

# Events that Meta knows only inside a chat that an ad opened (reference: business-messaging).
MESSAGING = frozenset(
    {
        "AddToCart", "CartAbandoned", INITIATE_CHECKOUT, "LeadSubmitted", "OrderCanceled", "OrderCreated",
        "OrderDelivered", "OrderReturned", "OrderShipped", PURCHASE, "QualifiedLead", "RatingProvided",
        "ReviewProvided", "ViewContent",
    }
)  # fmt: skip

GUIDE_TYPES = {"booking": LEAD, "payment": PURCHASE, "checkout": INITIATE_CHECKOUT, "completed": "OrderDelivered"}

_BY_LOWER = {name.lower(): name for name in STANDARD | MESSAGING}
_CUSTOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,49}\Z")


def event_name(given: str) -> str | Fault:
    """The name Meta knows for what was given: Meta tells `purchase` from `Purchase`, so a slip of case is mended."""
    standard = given if given in STANDARD else _BY_LOWER.get(given.lower()) or GUIDE_TYPES.get(given.lower())
    if standard:
        return standard
    if _CUSTOM.match(given):
        return given
    return Fault(
        "event",
        "bad_event_name",
        "is neither a standard event nor a usable custom name.",
        "Use Lead, Purchase, InitiateCheckout or another name of letters, digits, spaces, _ and - (50 at most).",
    )
