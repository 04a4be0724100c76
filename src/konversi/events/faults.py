"""What is wrong with an event that somebody sent, and what was dropped from one that was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from konversi.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why an event is refused. Never holds the value itself, which may be an identity."""

    field: str  # dotted path in the caller's words: "customer.phone"
    code: str  # stable: programs may depend on it
    detail: str  # what is wrong
    remedy: str  # what to do


class Note(NamedTuple):
    """Something worth knowing about an event that was taken all the same: a value dropped, a choice made."""

    about: str  # the field, or "event" for a choice about the whole event
    code: str
    text: str


class Refused(InvalidRequest):
    """The event was refused.

    Correct the fields listed under `errors` and send it again.
    """

    code = "event_refused"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.detail} {fault.remedy}" for fault in self.faults))

    def __reduce__(self) -> tuple[type[Refused], tuple[tuple[Fault, ...]]]:
        """Made of its faults again in another process, not of its text."""
        return type(self), (self.faults,)


_BY_PYDANTIC_TYPE: dict[str, tuple[str, str, str]] = {
    "missing": ("missing", "is required.", "Add it."),
    "extra_forbidden": (
        "unknown_field",
        "is not a field Konversi knows.",
        "Check its spelling, or put it into `custom`.",
    ),
    "string_type": ("wrong_type", "must be text.", "Put it in quotes."),
    "string_too_long": ("too_long", "is too long.", "Shorten it."),
    "string_too_short": ("empty", "is empty.", "Give a value, or leave the field out."),
    "string_pattern_mismatch": (
        "bad_characters",
        "holds characters that are not taken here.",
        "Remove control characters.",
    ),
    "string_unicode": ("bad_characters", "is not valid Unicode.", "Send UTF-8 without lone surrogates."),
    "int_type": ("wrong_type", "must be a number.", "Send a plain number without quotes: 150000."),
    "int_from_float": ("wrong_type", "must be a whole number.", "Send a plain number without a fraction."),
    "float_type": ("wrong_type", "must be a number.", "Send a plain number without quotes: 150000."),
    "bool_type": ("wrong_type", "must be true or false.", "Send true or false without quotes."),
    "finite_number": ("not_finite", "must be a finite number.", "Send a plain number: 150000."),
    "greater_than_equal": ("too_small", "is smaller than allowed.", "Send a value of zero or more."),
    "greater_than": ("too_small", "is smaller than allowed.", "Send a value above zero."),
    "less_than_equal": ("too_large", "is larger than allowed.", "Check the unit: major units, no thousands of cents."),
    "literal_error": ("unknown_value", "is not one of the values taken here.", "See `/docs` for the list."),
    "dict_type": ("wrong_type", "must be an object.", "Send {...}."),
    "model_type": ("wrong_type", "must be an object.", "Send {...}."),
    "model_attributes_type": ("wrong_type", "must be an object.", "Send {...}."),
    "list_type": ("wrong_type", "must be a list.", "Send [...]."),
    "tuple_type": ("wrong_type", "must be a list.", "Send [...]."),
    "too_long": ("too_many", "has too many entries.", "Send fewer."),
    "too_short": ("empty", "is empty.", "Give at least one entry."),
    "json_invalid": ("malformed_json", "is not valid JSON.", "Send UTF-8 JSON."),
}
_FALLBACK = ("invalid", "has a value that is not taken here.", "See `/docs` for what this field takes.")


def _path(loc: Sequence[int | str], field_names: frozenset[str]) -> str:
    """The caller's path: pydantic also puts the names of union branches into `loc`, which mean nothing to a caller."""
    named = [str(part) for part in loc if isinstance(part, int) or part in field_names]
    return ".".join(named) or "body"


def _fault(error: ErrorDetails, field_names: frozenset[str]) -> Fault:
    code, detail, remedy = _BY_PYDANTIC_TYPE.get(error["type"], _FALLBACK)
    loc = error["loc"]
    if error["type"] == "extra_forbidden":
        parents = [str(part) for part in loc[:-1] if isinstance(part, int) or part in field_names]
        return Fault(".".join([*parents, str(loc[-1])[:60]]), code, detail, remedy)
    if error["type"] == "value_error":
        detail = str(error.get("ctx", {}).get("error", "")) or detail
    return Fault(_path(loc, field_names), code, detail, remedy)


def faults_of(error: ValidationError, field_names: frozenset[str]) -> tuple[Fault, ...]:
    """Pydantic's complaints in Konversi's words, one for each field, without the values."""
    by_field: dict[str, Fault] = {}
    for details in error.errors(include_url=False, include_context=True, include_input=False):
        fault = _fault(details, field_names)
        by_field.setdefault(fault.field, fault)
    return tuple(by_field.values())
