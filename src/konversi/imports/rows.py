"""A row becomes a conversion that happened in a shop, or the faults that keep it from being one.

A cell about the customer that can't be read is left out; whether the rest is enough is judged as for any conversion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from konversi.events.conversion import FIELD_NAMES, Conversion
from konversi.events.faults import Fault, faults_of
from konversi.imports.cells import amount, phone, text
from konversi.imports.dates import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from konversi.imports.mapping import Reading
    from konversi.imports.sheets import Cell

_CUSTOMER = (
    "email", "name", "first_name", "last_name", "birth_date", "city", "region", "postal_code", "country", "gender",
    "external_id", "lead_id",
)  # fmt: skip
_PLAIN = ("booking_id", "source")
_NO_DATE = Fault("occurred_at", "missing", "is empty.", "Write when it happened: 2026-11-23, or 2026-11-23 14:30.")


class Row(NamedTuple):
    """What a row of the file reports."""

    number: int  # as a spreadsheet counts: the column names are row 1
    conversion: Conversion | None  # `None` where a fault is not about the customer only
    faults: tuple[Fault, ...]


def read(number: int, cells: Sequence[Cell], reading: Reading, zone: ZoneInfo) -> Row:
    """One row. Never raises."""
    faults: list[Fault] = []

    def said(field: str) -> Cell | None:
        index = reading.columns.get(field)
        return cells[index] if index is not None and index < len(cells) else None

    def sound(value: Any) -> Any:
        if isinstance(value, Fault):
            faults.append(value)
            return None
        return value

    def words(field: str, about: str) -> Any:
        return sound(text(said(field), about)) or None

    customer = {field: words(field, f"customer.{field}") for field in _CUSTOMER}
    customer["phone"] = sound(phone(said("phone"))) or None
    currency = (words("currency", "currency") or reading.currency).upper()
    service = words("service", "services")
    happened = sound(moment(said("occurred_at"), said("time"), reading.order, zone))
    if happened is None and not any(fault.field == "occurred_at" for fault in faults):
        faults.append(_NO_DATE)
    given = {
        "event": words("event", "event") or reading.event,
        "occurred_at": happened,
        "customer": {field: value for field, value in customer.items() if value is not None},
        "value": sound(amount(said("value"), reading.decimals(currency))),
        "currency": currency,
        "services": [{"name": service}] if service else (),
        "channel": "store",
        "dataset": reading.dataset,
        **{field: words(field, field) for field in _PLAIN},
    }
    if not all(fault.field.startswith("customer.") for fault in faults):
        return Row(number, None, tuple(faults))
    try:
        told = Conversion.model_validate({field: value for field, value in given.items() if value is not None})
    except ValidationError as error:
        return Row(number, None, (*faults, *faults_of(error, FIELD_NAMES)))
    return Row(number, told, tuple(faults))
