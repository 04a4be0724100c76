"""Limited Data Use: what Meta may do with events of customers in states of the USA whose law limits it. Pure.

Source: Meta, Marketing API: data processing options. `0` asks Meta to find out where the customer is, by the customer's
own IP address.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from konversi.events.faults import Fault, Note
from konversi.matching.country import country as country_rule
from konversi.matching.letters import letters
from konversi.matching.reading import Setting
from konversi.matching.us_states import US_STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.events.conversion import Conversion

Wish: TypeAlias = Literal["off", "usa", "all"]

USA: Final = 1
FIND_OUT: Final = 0
STATES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "ca": 1000, "co": 1001, "ct": 1002, "fl": 1003, "or": 1004, "tx": 1005, "mt": 1006, "de": 1007, "ne": 1008,
        "nh": 1009, "nj": 1010, "mn": 1011, "md": 1012, "ri": 1013,
    }
)  # fmt: skip
_UNKNOWN_STATE = Fault(
    "limited_data_use",
    "unknown_state",
    "is no state of the USA.",
    "Send true, false, or the two letters of a state, such as CA.",
)
_NOWHERE = Note(
    "limited_data_use",
    "place_unknown",
    "Meta is asked to find out where the customer is, and has no IP address to find it by: send customer.region.",
)
_NO_SUCH_LAW = Note(
    "limited_data_use",
    "no_such_law",
    "Meta knows no limit for this state, so the event is not limited.",
)


def limited(conversion: Conversion, wish: Wish) -> tuple[dict[str, Any], tuple[Note, ...]] | Fault:
    """What goes into the event for it, and why; nothing where it is not limited.

    What the conversion says of itself goes before the setting `wish`: `usa` limits what customers in the USA did, as
    far as their country is given; `all` limits every event. Where the state is given it is told, else Meta finds out.
    """
    own = conversion.limited_data_use
    if own is None and wish == "off":  # nearly all: this is asked for every event
        return {}, ()
    state = _state_of(own if isinstance(own, str) else conversion.customer.region)
    if isinstance(own, str) and state is None:
        return _UNKNOWN_STATE
    if own is False or (own is None and not _wanted(conversion, wish)):
        return {}, ()
    if state is not None and state not in STATES and (isinstance(own, str) or _in_usa(conversion)):
        return {}, (_NO_SUCH_LAW,)
    if state is not None and (isinstance(own, str) or _in_usa(conversion)):
        return _options(USA, STATES[state]), ()
    has_ip = conversion.client is not None and conversion.client.ip is not None
    return _options(FIND_OUT, FIND_OUT), () if has_ip else (_NOWHERE,)


def _wanted(conversion: Conversion, wish: Wish) -> bool:
    return wish == "all" or (wish == "usa" and _in_usa(conversion))


def _in_usa(conversion: Conversion) -> bool:
    given = conversion.customer.country
    return given is not None and country_rule(given, Setting()) == "us"


def _state_of(region: str | None) -> str | None:
    """Two letters, lower-case; nothing where it is no state of the USA."""
    folded = letters(region or "")
    code = US_STATES.get(folded, folded)
    return code if code in US_STATES.values() else None


def _options(country: int, state: int) -> dict[str, Any]:
    return {
        "data_processing_options": ["LDU"],
        "data_processing_options_country": country,
        "data_processing_options_state": state,
    }
