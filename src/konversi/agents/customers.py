"""The customer, from what a bot has at hand: a phone number, WhatsApp's own user id, a customer, or fields of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.detection.forgiving import build
from konversi.detection.paths import layers_of, read
from konversi.detection.plain import fields, fold
from konversi.events.conversion import Customer

if TYPE_CHECKING:
    from konversi.agents.observer import Finished

# Meta, WhatsApp business-scoped user ids: a country, a dot and up to 128 characters; ENT where businesses share it.
_WHATSAPP_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}\Z")


class Person(NamedTuple):
    """A customer, and the names of parts that were given but can't be used."""

    customer: Customer | None
    dropped: tuple[str, ...] = ()


def person(given: Any) -> Person:
    """The customer that was meant; None where nothing of it can be used. Raises nothing."""
    if given is None:
        return Person(None)
    if isinstance(given, Customer):
        return Person(given if given.model_fields_set else None)
    text = _text(given)
    if isinstance(text, str) and fields(text) is None:
        return _built({_name_of(text): text})
    own = fields(given)
    if own is None:
        return Person(None, ("customer",))
    named = {name: _text(own.get(fold(name))) for name in Customer.model_fields}
    named["phone"] = named["phone"] or _text(own.get("phonenumber"))
    return _built({name: value for name, value in named.items() if value is not None})


def found_at(path: str, call: Finished) -> Any | None:
    """What stands at the path: in the run's context, else in the tool's result, else in its arguments."""
    context = fields(call.context)
    found = read((context,), path) if context is not None else None
    if found is None:
        found = read(layers_of(call.result), path)
    return read(layers_of(call.arguments), path) if found is None else found


def _name_of(text: str) -> str:
    return "whatsapp_user_id" if _WHATSAPP_USER_ID.match(text) else "phone"


def _text(value: Any) -> Any:
    """Phone numbers come as numbers too, and text with white space around it."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _built(data: dict[str, Any]) -> Person:
    customer, dropped = build(Customer, data)
    usable = customer is not None and customer.model_fields_set
    return Person(customer if usable else None, tuple(f"customer.{part}" for part in dropped))
