"""Under which keys a person is known to consent and to erasure: keyed hashes, as conversations have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.journeys.identity import LINKED_ID, keyed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HASHED = ("ph", "em", "external_id")  # one value may be any of them: a phone is often the customer number as well
GIVEN_BY_META = ("page_scoped_user_id", "ig_sid", "lead_id")
_CLICK = "ctwa_clid"


def keys_of(user_data: Mapping[str, Any], secret: bytes, journey: int | None = None) -> list[bytes]:
    """The keys of a person with these match keys, of whom this conversation is.

    No key stands in any other table, so that nothing here can be joined to what is known of the person elsewhere.
    """
    values = dict.fromkeys(one for name in HASHED for one in user_data.get(name, ()))
    found = [keyed("person", one, secret) for one in values]
    found += [keyed(f"person {name}", str(user_data[name]), secret) for name in GIVEN_BY_META if name in user_data]
    if LINKED_ID in user_data:
        found += chat_keys([keyed(LINKED_ID, str(user_data[LINKED_ID]), secret)], secret)
    elif _CLICK in user_data and not found:  # nothing else tells who it is
        found += chat_keys([keyed(_CLICK, str(user_data[_CLICK]), secret)], secret)
    if journey is not None:
        found.append(keyed("person journey", str(journey), secret))
    return found


def chat_keys(keys: Iterable[bytes], secret: bytes) -> list[bytes]:
    """The keys of a person who is only known by what finds a conversation: these are its own keys.

    They are keyed once more, so that what found a conversation can be refused when that is gone.
    """
    return [keyed("person chat", key.hex(), secret) for key in keys]


def named_keys(conversation: str, secret: bytes) -> list[bytes]:
    """The keys of who is in a chat that the bot calls so."""
    return chat_keys([keyed("conversation", conversation, secret)], secret)


def is_named(user_data: Mapping[str, Any]) -> bool:
    """Whether these match keys tell who it is."""
    return any(user_data.get(name) for name in (*HASHED, *GIVEN_BY_META, LINKED_ID))
