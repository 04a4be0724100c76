"""Under which keys a person is known to consent and to erasure: keyed hashes, as conversations have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.journeys.identity import keyed

if TYPE_CHECKING:
    from collections.abc import Mapping

HASHED = ("ph", "em", "external_id")  # one value may be any of them: a phone is often the customer number as well
GIVEN_BY_META = ("page_scoped_user_id", "ig_sid", "lead_id")


def keys_of(user_data: Mapping[str, Any], secret: bytes, journey: int | None = None) -> list[bytes]:
    """The keys of a person with these match keys, of whom this conversation is.

    No key stands in any other table, so that nothing here can be joined to what is known of the person elsewhere.
    """
    values = dict.fromkeys(one for name in HASHED for one in user_data.get(name, ()))
    found = [keyed("person", one, secret) for one in values]
    found += [keyed(f"person {name}", str(user_data[name]), secret) for name in GIVEN_BY_META if name in user_data]
    if journey is not None:
        found.append(keyed("person journey", str(journey), secret))
    return found


def is_named(user_data: Mapping[str, Any]) -> bool:
    """Whether these match keys tell who it is."""
    return any(user_data.get(name) for name in (*HASHED, *GIVEN_BY_META))
