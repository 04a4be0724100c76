"""Who a conversation is with, as keyed hashes: enough to find it again, useless for finding out a phone number."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.matching.match import match_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.journeys.arrival import Arrival, Referral

LINKED_ID = "lid"  # WhatsApp Web's own id of a person: finds the conversation, and means nothing to Meta
_LINKED_ID_END = "@lid"

# The match keys that stand for one person, and so find a conversation: hashed ones as lists, and Meta's before ours.
IDENTIFYING = ("ph", "external_id", "page_scoped_user_id", "ig_sid", "ctwa_clid", LINKED_ID)

# How a person is called on each channel: the customer's field for the user id, and the one for the account.
_OWN_ID = {
    "whatsapp": ("whatsapp_user_id", "whatsapp_business_account_id"),
    "messenger": ("page_scoped_user_id", "page_id"),
    "instagram": ("ig_sid", "ig_account_id"),
}
_DAY = 86_400
_TAIL = 4
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)
_LIKE_A_PHONE = re.compile(r"[0-9]{8}", re.ASCII)
_MOST_OF_A_KIND = 5  # values of one match key; whoever changes numbers more often is not one person


class Person(NamedTuple):
    """Who wrote a message, as it is kept."""

    user_data: dict[str, Any]  # match keys of the person, as Meta gets them
    known_by: dict[str, Any]  # all that the person is found by
    tail: str  # for people to tell conversations apart: the last characters only


def person_of(arrival: Arrival) -> Person:
    """Normalised and hashed."""
    user_field, _ = _OWN_ID[arrival.channel]
    phone, user_id = arrival.who.phone, arrival.who.user_id
    by_link = linked(user_id)
    given = {name: value for name, value in (("phone", phone), (user_field, None if by_link else user_id)) if value}
    matched = match_ids(given, country=None, day=arrival.at // _DAY)
    shown = phone or user_id or ""
    tail = f"…{shown.removesuffix(_LINKED_ID_END)[-_TAIL:]}" if len(shown) > _TAIL else "…"
    return Person(matched.user_data, {**matched.user_data, **by_link}, tail)


def linked(user_id: str | None) -> dict[str, str]:
    """What a user id is found by where it is WhatsApp Web's own, as `1234567890@lid`; nothing where it isn't."""
    bare = user_id.strip().lower() if user_id else ""
    return {LINKED_ID: bare} if bare.endswith(_LINKED_ID_END) else {}


def without_identities(referral: Referral) -> Referral:
    """Without what a link may tell of a person: an address keeps its path, and a `ref` has to look like a code."""
    url = referral.source_url
    ref = referral.ref
    return referral._replace(
        source_url=_QUERY.sub("", url) if url else None,
        ref=ref if ref and _CODE.fullmatch(ref) and not _LIKE_A_PHONE.search(ref) else None,
    )


def account_keys(channel: str, account: str | None) -> dict[str, str]:
    """The account's own part of `user_data`."""
    return {_OWN_ID[channel][1]: account} if account else {}


def keys_of(user_data: Mapping[str, Any], secret: bytes) -> list[bytes]:
    """The keys under which a conversation with this person is found."""
    found: list[bytes] = []
    phones = user_data.get("ph", ())
    for name in IDENTIFYING:
        if name in user_data:
            own = (one for one in _values(user_data, name) if name != "external_id" or one not in phones)
            found += [keyed(name, one, secret) for one in own]
    return found


def is_same_person(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both have a value in common that stands for one person."""
    return any(not set(_values(one, name)).isdisjoint(_values(other, name)) for name in IDENTIFYING)


def _values(user_data: Mapping[str, Any], name: str) -> Sequence[str]:
    value = user_data.get(name)
    return (value,) if isinstance(value, str) else value or ()


def keyed(kind: str, value: str, secret: bytes) -> bytes:
    """16 bytes that only this installation can make of a value."""
    return hashlib.blake2b(f"{kind}:{value}".encode(), digest_size=16, key=secret).digest()


def merged(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both: lists joined, each value once; of scalars the known one stays."""
    together = {**more, **known}
    for name, values in more.items():
        if isinstance(values, list) and name in known:
            together[name] = _joined(known[name], values)
    return together


def _joined(first: Iterable[str], then: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*first, *then]))[:_MOST_OF_A_KIND]
