"""Whom a form is about: a customer by any identity, as the pages ask for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from konversi.events.faults import Refused
from konversi.intake.persons import NOBODY

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = ("phone", "email", "external_id", "whatsapp_user_id")
UNUSABLE = (ValidationError, Refused)  # what reading a form raises


def named(fields: Mapping[str, str]) -> dict[str, str]:
    """The identities that were filled in."""
    return {name: fields[name].strip() for name in FIELDS if fields.get(name, "").strip()}


def refusal(error: Exception) -> str:
    """What is the matter with a form, in sentences that repeat nothing of it."""
    if isinstance(error, Refused):
        if any(fault.code == NOBODY.code for fault in error.faults):
            return "Name the customer by one identity at least."
        return " ".join(f"{fault.field}: {fault.detail} {fault.remedy}" for fault in error.faults)
    return "One of these is longer than any identity."
