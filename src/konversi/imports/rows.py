"""A row becomes a conversion that happened in a shop, or the faults that keep it from being one.

A cell about the customer that can't be read is left out; whether the rest is enough is judged as for any conversion.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from konversi.events.conversion import FIELD_NAMES, Conversion
from konversi.events.faults import Fault, faults_of
from konversi.imports.cells import amount, phone, several, text
from konversi.imports.dates import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from konversi.imports.mapping import Reading
    from konversi.imports.sheets import Cell

_CUSTOMER = frozenset(
    {
        "name", "first_name", "last_name", "birth_date", "city", "region", "postal_code", "country", "gender",
        "external_id", "lead_id", "language",
    }
)  # fmt: skip
_SEVERAL: Mapping[str, tuple[tuple[str, ...], Callable[[Cell | None], str | Fault]]] = {
    "phone": (("phone2",), phone),
    "email": (("email2",), partial(text, field="customer.email")),
}
_MOST = 10  # of a kind; as many as a conversion takes
_PLAIN = frozenset({"event", "currency", "booking_id", "source"})
_validate = Conversion.__pydantic_validator__.validate_python
_NO_DATE = Fault("occurred_at", "missing", "is empty.", "Write when it happened: 2026-11-23, or 2026-11-23 14:30.")


class Row(NamedTuple):
    """What a row of the file reports."""

    number: int  # as a spreadsheet counts: the column names are row 1
    conversion: Conversion | None  # `None` where a fault is not about the customer only
    faults: tuple[Fault, ...]


def read(number: int, cells: Sequence[Cell], reading: Reading, zone: ZoneInfo) -> Row:
    """One row. Never raises."""
    said = {field: cells[index] for field, index in reading.columns.items() if index < len(cells)}
    faults: list[Fault] = []
    given: dict[str, Any] = {
        "event": reading.event,
        "currency": reading.currency,
        "dataset": reading.dataset,
        "channel": "store",
        "customer": _sound(_customer(said), faults),
        **_sound(_sale(said, reading), faults),
        **_sound(_when(said, reading, zone), faults),
    }
    if not all(fault.field.startswith("customer.") for fault in faults):
        return Row(number, None, tuple(faults))
    try:
        told = _validate(given)
    except ValidationError as error:
        return Row(number, None, (*faults, *faults_of(error, FIELD_NAMES)))
    return Row(number, told, tuple(faults))


def _sound(read: Iterable[tuple[str, Any]], faults: list[Fault]) -> dict[str, Any]:
    """What says something; what can't be read goes to the faults."""
    sound: dict[str, Any] = {}
    for field, value in read:
        if isinstance(value, Fault):
            faults.append(value)
        elif value is not None and value != "":
            sound[field] = value
    return sound


def _customer(said: Mapping[str, Cell]) -> Iterator[tuple[str, Any]]:
    for field in _CUSTOMER & said.keys():
        yield field, text(said[field], f"customer.{field}")
    for field, (others, reader) in _SEVERAL.items():
        found: list[str] = []
        for one in (reader(said[column]) for column in (field, *others) if column in said):
            if isinstance(one, Fault):
                yield field, one
            else:
                found += several(one, field)
        found = [one for one in dict.fromkeys(found) if one][:_MOST]
        yield field, found if len(found) > 1 else "".join(found)


def _sale(said: Mapping[str, Cell], reading: Reading) -> Iterator[tuple[str, Any]]:
    currency = reading.currency
    for field in _PLAIN & said.keys():
        words = text(said[field], field)
        if field == "currency" and isinstance(words, str) and words:
            currency = words.upper()
        yield field, words
    if "value" in said:
        yield "value", amount(said["value"], reading.decimals(currency))
    yield from _service(said)


def _service(said: Mapping[str, Cell]) -> Iterator[tuple[str, Any]]:
    """What it was; where only its category is said, that is its name as well."""
    kind = text(said["category"], "services") if "category" in said else ""
    name = text(said["service"], "services") if "service" in said else ""
    for cell in (name, kind):
        if isinstance(cell, Fault):
            yield "services", cell
            return
    if name or kind:
        yield "services", ({"name": name or kind, **({"category": kind} if kind else {})},)


def _when(said: Mapping[str, Cell], reading: Reading, zone: ZoneInfo) -> Iterator[tuple[str, Any]]:
    yield "occurred_at", moment(said.get("occurred_at"), said.get("time"), reading.order, zone) or _NO_DATE
