"""What a chat platform's webhook tells of one message, whatever its shape was there.

Parsers make these; no identity in them is stored in the clear.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

ChatChannel = Literal["whatsapp", "messenger", "instagram"]


class Referral(NamedTuple):
    """What brought the customer here: an ad, or a post. Every part may be missing; texts are cut to 300 characters."""

    click_id: str | None = None  # WhatsApp's ctwa_clid, exactly as received
    ad_id: str | None = None  # `source_id` of WhatsApp, `ad_id` of Messenger and Instagram
    source_type: str | None = None  # ad, post, or as received
    source_url: str | None = None
    headline: str | None = None
    ref: str | None = None  # the free text of an m.me or ig.me link


class Identities(NamedTuple):
    """Who wrote. A WhatsApp user with a username may come without a phone."""

    phone: str | None = None  # international, with its `+`
    user_id: str | None = None  # WhatsApp's business-scoped user id, Messenger's PSID or Instagram's IGSID
    name: str | None = None  # of the profile: free text


class Arrival(NamedTuple):
    """One message from a customer."""

    message: str  # the platform's own id, under which it may come again
    channel: ChatChannel
    account: str | None  # WhatsApp Business Account, Facebook Page or Instagram account; None where it isn't told
    line: str | None  # of the account: WhatsApp's phone_number_id, or the number itself with `+`
    at: int  # Unix seconds
    who: Identities
    kind: str  # text, image, button, reaction..., or what the platform called it; 40 characters at most
    referral: Referral | None = None
    word: str | None = None  # all that was written, where it is short: perhaps a keyword. It is never kept


class Automatic(NamedTuple):
    """An event that Meta itself saw in a chat (the `automatic_events` webhook)."""

    message: str  # id of the message that Meta saw it in
    account: str | None
    event_name: str  # LeadSubmitted or Purchase
    at: int  # Unix seconds
    click_id: str | None


class Heard(NamedTuple):
    """All that one webhook call told, and how many of its parts nobody here understands."""

    arrivals: tuple[Arrival, ...] = ()
    automatic: tuple[Automatic, ...] = ()
    others: int = 0  # statuses, echoes, fields that are none of ours
