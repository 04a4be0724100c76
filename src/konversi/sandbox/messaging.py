"""What Meta demands of an event from a chat that an ad opened.

Source: Meta, Conversions API for Business Messaging: onboarding guide; the subcodes come from published measurements,
since Meta's pages don't list them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.sandbox.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.sandbox.datasets import Dataset

    User = dict[str, Any]

NAMES = frozenset(
    "Purchase LeadSubmitted InitiateCheckout AddToCart ViewContent OrderCreated OrderShipped OrderDelivered "
    "OrderCanceled OrderReturned CartAbandoned QualifiedLead RatingProvided ReviewProvided".split()
)


def account(event: dict[str, Any], dataset: Dataset) -> Problem | None:
    """Why Meta refuses the event for its name, its channel or its accounts; None also for all other events."""
    if event["action_source"] != "business_messaging":
        return None
    if event["event_name"] not in NAMES:
        return Problem("messaging_name", "event_name")
    channel = event.get("messaging_channel")
    rule = _CHANNELS.get(channel) if isinstance(channel, str) else None
    return rule(event["user_data"], dataset) if rule else Problem("invalid_parameter", "messaging_channel")


def _whatsapp(user: User, dataset: Dataset) -> Problem | None:
    waba, page = user.get("whatsapp_business_account_id"), user.get("page_id")
    if not waba and not page:
        return Problem("no_account", "user_data.whatsapp_business_account_id")
    if waba and not dataset.has_waba(str(waba)):
        return Problem("no_waba", "user_data.whatsapp_business_account_id")
    if not waba and not dataset.has_page(str(page)):
        return Problem("no_page", "user_data.page_id")
    return _missing(user, "ctwa_clid")


def _messenger(user: User, dataset: Dataset) -> Problem | None:
    missing = _missing(user, "page_id") or _missing(user, "page_scoped_user_id")
    if missing or dataset.open or dataset.has_page(str(user["page_id"])):
        return missing
    return Problem("no_page", "user_data.page_id")


def _instagram(user: User, _: Dataset) -> Problem | None:
    """Meta's pages name the account's key in two ways; either will do."""
    missing = _missing(user, "ig_account_id") and _missing(user, "instagram_business_account_id")
    return missing or _missing(user, "ig_sid")


def _missing(user: User, key: str) -> Problem | None:
    return None if user.get(key) else Problem("invalid_parameter", f"user_data.{key}")


_CHANNELS: dict[str, Callable[[User, Dataset], Problem | None]] = {
    "whatsapp": _whatsapp,
    "messenger": _messenger,
    "instagram": _instagram,
}
