"""The custom data that is the business's own: what it says besides Meta's fields, without anything that tells who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.events.faults import Note
from konversi.matching.guard import tells_who, text_tells_who
from konversi.matching.language import language

if TYPE_CHECKING:
    from konversi.events.conversion import Conversion, Customer

_NAMELESS = "service"
_WHY = (
    "It holds an e-mail address or a phone number, so it is left out: this data is not hashed. Send it in `customer`."
)
_NO_LANGUAGE = "No language is called so, so it is left out. Send its ISO 639 code: id."


def own_data(conversion: Conversion, country: str | None, notes: list[Note]) -> dict[str, Any]:
    """What goes to Meta as it is; what tells who somebody is stays out, each with a note.

    `country` is the ISO alpha-2 code in which phone numbers without a country code are read.
    """
    data: dict[str, Any] = {}
    custom, customer, source = conversion.custom, conversion.customer, conversion.source
    for name, value in custom.items() if custom else ():
        if not tells_who(name, value, country):
            data[name] = value
        else:
            _left_out(notes, "custom" if tells_who(name, None, country) else f"custom.{name}")
    if customer.language is not None or customer.preferences:
        for name, value in _of(customer, country, notes).items():
            data.setdefault(name, value)
    if source:
        if text_tells_who(source, country):
            _left_out(notes, "source")
        else:
            data["source"] = source
    return data


def _of(customer: Customer, country: str | None, notes: list[Note]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if customer.language is not None and customer.language.strip():
        code = language(customer.language)
        if code is not None:
            data["language"] = code
        else:
            notes.append(Note("customer.language", "language_unknown", _NO_LANGUAGE))
    for name, value in (customer.preferences or {}).items():
        if tells_who(name, value, country):
            _left_out(notes, "customer.preferences")
        else:
            data[f"preference_{name}"] = ", ".join(value) if isinstance(value, list) else value
    return data


def title(name: str, country: str | None, notes: list[Note]) -> str:
    """A service's name as Meta gets it."""
    if text_tells_who(name, country):
        _left_out(notes, "services")
        return _NAMELESS
    return name


def category(kind: str, country: str | None, notes: list[Note]) -> str | None:
    """A service's category as Meta gets it, if it is told at all."""
    if text_tells_who(kind, country):
        _left_out(notes, "services")
        return None
    return kind


def _left_out(notes: list[Note], about: str) -> None:
    notes.append(Note(about, "custom_tells_who", _WHY))
