"""From a succeeded tool call to a conversion: which field becomes what."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from konversi.detection import words
from konversi.detection.amounts import money
from konversi.detection.forgiving import build
from konversi.detection.paths import Layers, first_step, layers_of, read
from konversi.detection.plain import entries, fields
from konversi.events.conversion import Channel, Conversion, Customer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Found = TypeVar("Found")

_MOST_SERVICES = 100
_RUPIAH = frozenset({"rp", "rp.", "rupiah"})
# Most results say nothing of the customer, and looking for each name in vain took most of the time.
_OF_THE_CUSTOMER = frozenset(first_step(name) for several in words.CUSTOMER.values() for name in chain(*several))
_ENOUGH_DIGITS = 8  # the end of a phone number, which is the same in its national and its international spelling


class Given(NamedTuple):
    """A part itself, instead of the path to it; `Given(None)` is a part that there is not."""

    part: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Where a conversion's parts come from: text is a path, and None means under the usual names."""

    event: str
    id: str | None = None
    value: str | Given | None = None  # in major units
    currency: str | None = None  # three capitals are the currency itself
    customer: str | Given | None = None  # a customer, fields of one, or a phone number
    services: str | Given | None = None
    channel: Channel | None = None
    source: str | None = None


class Reading(NamedTuple):
    """A conversion, and the names of parts that were given but can't be used."""

    conversion: Conversion | None
    dropped: tuple[str, ...] = ()


def compose(
    recipe: Recipe, result: Any, arguments: Any = None, *, event_id: str | None = None, strict: bool = False
) -> Reading:
    """What the call tells Meta: read from its result first, then from its arguments. Raises nothing.

    `event_id` is used where there is no booking id. `strict` takes only names that can't be mistaken
    (`customerName`, not `name`), for a result that speaks of more than the booking.
    """
    sources = (layers_of(result), layers_of(arguments))
    booking_id = booking_id_of(sources, recipe.id, bare=not strict)
    amount = _part(money, recipe.value, sources, words.VALUE)
    data: dict[str, Any] = {
        "event": recipe.event,
        "booking_id": booking_id,
        "event_id": None if booking_id else event_id,
        "customer": _customer(recipe.customer, sources, strict=strict),
        "value": amount.amount if amount else None,
        "currency": _currency(recipe.currency, sources) or (amount.currency if amount else None),
        "services": _part(_service_list, recipe.services, sources, words.SERVICES),
        "channel": recipe.channel,
        "source": recipe.source,
    }
    conversion, dropped = build(Conversion, {key: value for key, value in data.items() if value is not None})
    wanted = recipe.value.part if isinstance(recipe.value, Given) else recipe.value
    unread = ("value",) if amount is None and wanted is not None else ()
    return Reading(conversion, dropped + unread)


def booking_id_of(sources: Iterable[Layers], path: str | None = None, *, bare: bool = True) -> str | None:
    """The booking's id, under `path` or its usual names; a bare `id` only in the innermost fields of the result.

    Further out, `id` is that of a message, a request or a trace, and would make one booking of many.
    """
    result, *rest = sources
    names = words.BOOKING_ID if path is None else (path,)
    found = _first(_identifier, (result, *rest), names)
    if found is None and path is None and bare and result:
        found = _first(_identifier, (result[-1:],), ("id",))
    return found


def _first(usable: Callable[[Any], Found | None], sources: Iterable[Layers], names: Sequence[str]) -> Found | None:
    for layers in sources:
        for name in names:
            value = read(layers, name)
            found = usable(value) if value is not None else None
            if found is not None:
                return found
    return None


def _identifier(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | uuid.UUID):
        return None
    if isinstance(value, int) and not -(10**30) < value < 10**30:
        return None  # no id has more digits, and Python refuses to write them out from some thousand on
    return str(value).strip() or None


def _part(
    usable: Callable[[Any], Found | None], given: str | Given | None, sources: Iterable[Layers], usual: Sequence[str]
) -> Found | None:
    if isinstance(given, Given):
        return usable(given.part)
    return _first(usable, sources, usual if given is None else (given,))


def _currency(given: str | None, sources: tuple[Layers, ...]) -> str | None:
    if given is not None and len(given) == 3 and given.isalpha() and given.isupper():  # noqa: PLR2004 - ISO 4217
        return given
    found = _part(_text, given, sources, words.CURRENCY)
    return "IDR" if found is not None and found.lower() in _RUPIAH else found


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _customer(given: str | Given | None, sources: tuple[Layers, ...], *, strict: bool) -> dict[str, Any] | Customer:
    """What was given, filled up with what the call says of the same person."""
    says_nothing = all(_OF_THE_CUSTOMER.isdisjoint(layer) for layers in sources for layer in layers)
    if says_nothing and isinstance(given, Given) and isinstance(given.part, Customer):
        return given.part
    named = _part(_customer_fields, given, sources, ()) or {}
    if says_nothing:
        return named
    usual: dict[str, Any] = {}
    for field, (unmistakable, loose) in words.CUSTOMER.items():
        found = _first(_identifier, sources, unmistakable) or _first(_identifier, sources, () if strict else loose)
        if found is not None:
            usual[field] = found
    if "first_name" in named or "last_name" in named:
        usual.pop("name", None)
    return usual | named if _same_person(named.get("phone"), usual.get("phone")) else named


def _customer_fields(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Customer):
        return value.model_dump(exclude_none=True)
    phone = _identifier(value)
    if phone is not None and fields(value) is None:
        return {"phone": phone}
    own = fields(value)
    if own is None:
        return None
    layer: Layers = ({"customer": own},)
    known = {
        name: _first(_USABLE.get(name, _identifier), (layer,), (f"customer.{name}",)) for name in Customer.model_fields
    }
    known["phone"] = known["phone"] or _first(_identifier, (layer,), ("customer.phone_number",))
    return {name: found for name, found in known.items() if found is not None}


def _one_or_several(value: Any) -> str | list[str] | None:
    several = entries(value)
    if several is None:
        return _identifier(value)
    return [text for one in several if (text := _identifier(one)) is not None] or None


def _object(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


_USABLE: dict[str, Callable[[Any], Any]] = {
    "phone": _one_or_several,
    "email": _one_or_several,
    "external_id": _one_or_several,
    "preferences": _object,
}


def _same_person(given: Any, found: Any) -> bool:
    """Whether the call may speak of the customer given: somebody may book for a friend."""
    if not isinstance(given, str) or not isinstance(found, str):
        return True
    ends = [[character for character in phone if character.isdigit()][-_ENOUGH_DIGITS:] for phone in (given, found)]
    return ends[0] == ends[1]


def _service_list(value: Any) -> list[dict[str, Any]] | None:
    several = entries(value)
    listed = [_service(entry) for entry in (several if several is not None else (value,))[:_MOST_SERVICES]]
    return [service for service in listed if service is not None] or None


def _service(value: Any) -> dict[str, Any] | None:
    own = fields(value)
    if own is None:
        name = _text(value)
        return {"name": name} if name is not None else None
    layers = ((own,),)
    price = _first(money, layers, words.SERVICE["price"])
    quantity = _first(money, layers, words.SERVICE["quantity"])
    service = {
        "name": _first(_text, layers, words.SERVICE["name"]),
        "price": price.amount if price else None,
        "quantity": quantity.amount if quantity else None,
        "id": _first(_identifier, layers, words.SERVICE["id"]),
        "category": _first(_text, layers, words.SERVICE["category"]),
    }
    return {key: found for key, found in service.items() if found is not None} if service["name"] else None
