"""The ad in a message of the Baileys family: `externalAdReply`, wherever the library and the message type put it.

Only what the customer sent is searched, never what they quote: that may hold somebody else's ad. A link preview has the
same shape as an ad, so an id, a click id or Meta's own word that it was an ad must be there. `ctwaPayload` and
`conversionData` are encrypted, and no click ids.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from konversi.intake.loose import click_id, identifier, words
from konversi.journeys.arrival import Referral

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADS = ("externaladreply", "ctwacontext", "referral")
_QUOTED = ("quotedmessage", "quotedmsg", "quotedstanza", "replyto", "contextquoted")
_ENTRY_POINTS = ("entrypointconversionsource", "conversionsource")
_AD_WORDS = ("ctwa_ad", "fb_ads", "ig_ads")
_OBJECTS_AT_MOST = 300
_MEMBERS_AT_MOST = 80


def referral(message: Any) -> Referral | None:
    """What brought the customer; None where no ad is told of. Work is bounded whatever the message holds."""
    came_by_ad = False
    for members in _objects(message):
        for name in _ADS:
            found = _told(members.get(name))
            if found:
                return found
        came_by_ad = came_by_ad or any(_word(members.get(name)) in _AD_WORDS for name in _ENTRY_POINTS)
    return Referral(source_type="ad") if came_by_ad else None  # which one, WhatsApp encrypted


def _objects(message: Any) -> Iterator[dict[str, Any]]:
    """The objects in a message with their names folded, outer ones first, without what is quoted."""
    waiting = deque([message])
    for _ in range(_OBJECTS_AT_MOST):
        if not waiting:
            return
        members = _folded(waiting.popleft())
        yield members
        inner = (value for name, value in members.items() if name not in _QUOTED)
        waiting.extend(value for value in inner if isinstance(value, dict))


def _folded(value: Any) -> dict[str, Any]:
    """`sourceId`, `sourceID` and `source_id` are one name: engines write it in the three ways."""
    if not isinstance(value, dict):
        return {}
    return {name[:60].replace("_", "").lower(): member for name, member in islice(value.items(), _MEMBERS_AT_MOST)}


def _told(given: Any) -> Referral | None:
    members = _folded(given)
    found = Referral(
        click_id=click_id(members.get("ctwaclid")),
        ad_id=identifier(members.get("sourceid")),
        source_type=words(members.get("sourcetype"), 40),
        source_url=words(members.get("sourceurl")),
        headline=words(members.get("title")) or words(members.get("headline")),
    )
    is_ad = found.click_id or found.ad_id or _word(found.source_type) in {"ad", "post"}
    marked = any(_word(members.get(name)) in _AD_WORDS for name in _ENTRY_POINTS)
    return found if is_ad or marked else None


def _word(value: Any) -> str:
    return (words(value, 40) or "").lower()
