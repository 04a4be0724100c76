"""Twilio's WhatsApp webhook: a form. It tells neither the WhatsApp Business Account nor the time.

Source: Twilio, Messaging: request to your incoming message webhook URL; changelog of July 2026 on user ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.intake.hearing import heard
from konversi.intake.loose import click_id, identifier, keyword, phone, words
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "whatsapp:"
_MESSAGE_IDS = ("MessageSid", "SmsMessageSid", "SmsSid")
_RECEIVED = ("", "received", "receiving")
_LONGEST_ADDRESS = 200
_MEDIA = {"image": "image", "video": "video", "audio": "audio", "text": "document", "application": "document"}


def hear(form: Mapping[str, str], now: float) -> Heard:
    """What one call told: one message, that came `now` (Unix seconds), or nothing of ours."""
    return heard([_arrival(form, now) or 1])


def _arrival(form: Mapping[str, str], now: float) -> Arrival | None:
    message_id = next((found for name in _MESSAGE_IDS if (found := identifier(form.get(name)))), None)
    sender = identifier(form.get("From"), _LONGEST_ADDRESS) or ""
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    if message_id is None or not sender.startswith(_PREFIX) or status not in _RECEIVED:
        return None
    who = _who(form, sender.removeprefix(_PREFIX))
    if who is None:
        return None
    return Arrival(
        message=message_id,
        channel="whatsapp",
        account=None,
        line=phone((identifier(form.get("To"), _LONGEST_ADDRESS) or "").removeprefix(_PREFIX)),
        at=int(now),
        who=who,
        kind=_kind(form),
        referral=_referral(form),
        word=keyword(form.get("Body")) or keyword(form.get("ButtonText")),
    )


def _who(form: Mapping[str, str], sender: str) -> Identities | None:
    number = phone(sender) or phone(form.get("WaId"))
    told = (identifier(form.get("ExternalUserIdentifier"), _LONGEST_ADDRESS) or "").removeprefix(_PREFIX)
    user_id = next((one for one in (told, sender) if one and not phone(one)), None)
    return Identities(number, user_id, words(form.get("ProfileName"))) if number or user_id else None


def _kind(form: Mapping[str, str]) -> str:
    told = words(form.get("MessageType"), 40)
    if told:
        return told
    if (identifier(form.get("NumMedia")) or "0") == "0":
        return "text"
    family = (words(form.get("MediaContentType0")) or "").partition("/")[0]
    return _MEDIA.get(family, "unknown")


def _referral(form: Mapping[str, str]) -> Referral | None:
    found = Referral(
        click_id=click_id(form.get("ReferralCtwaClid")),
        ad_id=identifier(form.get("ReferralSourceId")),
        source_type=words(form.get("ReferralSourceType"), 40),
        source_url=words(form.get("ReferralSourceUrl")),
        headline=words(form.get("ReferralHeadline")),
    )
    return found if any(found) else None
