"""What is wrong with a body that came over the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.errors import MalformedBody
from konversi.events.faults import Fault, faults_of

if TYPE_CHECKING:
    from pydantic import ValidationError

_MOST_FAULTS = 100  # a body can hold a hundred thousand, each to be described at length


def faults_in(error: ValidationError, field_names: frozenset[str]) -> tuple[Fault, ...]:
    """What is wrong with a body that was read as JSON. Raises `MalformedBody` where it isn't JSON at all."""
    if error.error_count() > _MOST_FAULTS:
        return (Fault("body", "too_many_faults", f"has more than {_MOST_FAULTS} faults.", "See `/docs` for its form."),)
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        raise MalformedBody(str(first.get("ctx", {}).get("error", ""))[:200])
    return faults_of(error, field_names)
