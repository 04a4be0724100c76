"""How Meta hears of a conversion on each channel: tables.

Source: Meta, Conversions API for business messaging; server event parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.events.conversion import Channel

# `action_source` by channel, where no ad opened a chat.
ACTION_SOURCES: Mapping[Channel, str] = {
    "whatsapp": "chat",
    "messenger": "chat",
    "instagram": "chat",
    "website": "website",
    "store": "physical_store",
    "phone": "phone_call",
    "crm": "system_generated",
    "app": "app",
}
DEFAULT_ACTION_SOURCE = "chat"
BUSINESS_MESSAGING = "business_messaging"
PHYSICAL_STORE = "physical_store"
WEBSITE = "website"

# The identifiers without which Meta takes no `business_messaging` event on the channel.
MESSAGING_KEYS: Mapping[str, tuple[str, str]] = {
    "whatsapp": ("whatsapp_business_account_id", "ctwa_clid"),
    "messenger": ("page_id", "page_scoped_user_id"),
    "instagram": ("ig_account_id", "ig_sid"),
}

# What says that an ad opened the chat, so that a missing partner of it is worth a note.
CLICK_KEYS: Mapping[Channel, str] = {"whatsapp": "ctwa_clid", "messenger": "page_scoped_user_id", "instagram": "ig_sid"}

# Browser keys that don't belong into a chat.
NOT_IN_MESSAGING = frozenset({"client_ip_address", "client_user_agent", "fbc", "fbp"})

# Keys that only mean something in `business_messaging`.
ONLY_IN_MESSAGING = frozenset(
    {"ctwa_clid", "whatsapp_business_account_id", "page_id", "page_scoped_user_id", "ig_account_id", "ig_sid"}
)

# Names in `business_messaging`, by name of the conversion. A name that isn't here is refused there (2804066).
MESSAGING_NAMES: Mapping[str, str] = {
    "Lead": "LeadSubmitted",
    "Schedule": "LeadSubmitted",
    "Contact": "LeadSubmitted",
    "CompleteRegistration": "LeadSubmitted",
    "SubmitApplication": "LeadSubmitted",
    **{
        name: name
        for name in (
            "AddToCart", "CartAbandoned", "InitiateCheckout", "LeadSubmitted", "OrderCanceled", "OrderCreated",
            "OrderDelivered", "OrderReturned", "OrderShipped", "Purchase", "QualifiedLead", "RatingProvided",
            "ReviewProvided", "ViewContent",
        )
    },
}  # fmt: skip

# Names that only exist in `business_messaging`, and what they are called elsewhere.
ELSEWHERE_NAMES: Mapping[str, str] = {"LeadSubmitted": "Lead"}


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables in effect: Meta's own, with what the settings say otherwise."""

    messaging_names: Mapping[str, str] = field(default_factory=lambda: MESSAGING_NAMES)
    ig_account_key: str = "ig_account_id"  # Meta's pages disagree: some say instagram_business_account_id
