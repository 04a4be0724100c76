"""Events of chats that an ad opened (Meta, Conversions API for business messaging; WhatsApp outcomes as measured)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.sandbox.errors import BAD_MESSAGING_NAME, NO_ACCOUNT, NO_PAGE, NO_WABA, Refusal
from konversi.sandbox.rules.scene import Event, Scene, invalid, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from konversi.sandbox.datasets import Dataset

NAMES = frozenset({
    "Purchase", "LeadSubmitted", "InitiateCheckout", "AddToCart", "ViewContent", "OrderCreated", "OrderShipped",
    "OrderDelivered", "OrderCanceled", "OrderReturned", "CartAbandoned", "QualifiedLead", "RatingProvided",
    "ReviewProvided",
})  # fmt: skip

_INSTAGRAM_ACCOUNT = ("ig_account_id", "instagram_business_account_id")  # Meta's pages name either


def messaging(event: Event, scene: Scene) -> Refusal | None:
    if event["action_source"] != "business_messaging":
        return None
    channel = event.get("messaging_channel")
    if channel is None:
        return missing("messaging_channel")
    judge = _CHANNELS.get(channel) if isinstance(channel, str) else None
    if judge is None:
        return invalid("messaging_channel")
    if event["event_name"] not in NAMES:
        return Refusal(BAD_MESSAGING_NAME, ("event_name",))
    return judge(event["user_data"], scene.dataset)


def _whatsapp(people: Mapping[str, Any], dataset: Dataset) -> Refusal | None:
    account, page = people.get("whatsapp_business_account_id"), people.get("page_id")
    if not account and not page:
        return Refusal(NO_ACCOUNT, ("user_data",))
    if account and not dataset.links_waba(str(account)):
        return Refusal(NO_WABA, ("user_data", "whatsapp_business_account_id"))
    if not account and (dataset.open or not dataset.links_page(str(page))):
        return Refusal(NO_PAGE, ("user_data", "page_id"))
    return None if people.get("ctwa_clid") else missing("user_data", "ctwa_clid")


def _messenger(people: Mapping[str, Any], dataset: Dataset) -> Refusal | None:
    page = people.get("page_id")
    if not page:
        return Refusal(NO_ACCOUNT, ("user_data",))
    if not dataset.links_page(str(page)):
        return Refusal(NO_PAGE, ("user_data", "page_id"))
    return None if people.get("page_scoped_user_id") else missing("user_data", "page_scoped_user_id")


def _instagram(people: Mapping[str, Any], dataset: Dataset) -> Refusal | None:
    """No subcode is known for an account that isn't linked."""
    given = [key for key in _INSTAGRAM_ACCOUNT if people.get(key)]
    if not given:
        return missing("user_data", _INSTAGRAM_ACCOUNT[0])
    for key in given:
        if not dataset.links_instagram(str(people[key])):
            return invalid("user_data", key)
    return None if people.get("ig_sid") else missing("user_data", "ig_sid")


_CHANNELS: Mapping[str, Callable[[Mapping[str, Any], Dataset], Refusal | None]] = {
    "whatsapp": _whatsapp,
    "messenger": _messenger,
    "instagram": _instagram,
}
