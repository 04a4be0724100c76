"""What one customer said about their data, and writing it down: for operators.

Identities come in bodies and never in addresses, so what was found is the answer to the form.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from konversi.access.acting import Action, note
from konversi.consent.decision import ADS
from konversi.dashboard.page import Page
from konversi.dashboard.whom import FIELDS, UNUSABLE, named, refusal
from konversi.intake import consenting
from konversi.intake.consenting import Consent
from konversi.intake.persons import Named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.dashboard.asked import Asked

_STATES = get_args(Consent.model_fields["state"].annotation)
_SOURCE = "dashboard"


async def show(asked: Asked) -> Page:
    """The empty form, and how much was decided by whom."""
    return await _page(asked, {})


async def look_up(asked: Asked) -> Page:
    """What this customer said."""
    return await _about(asked, named(await asked.fields()))


async def record(asked: Asked) -> Page:
    """Keep what this customer said, and show it."""
    fields = await asked.fields()
    given = named(fields)
    said = {name: fields.get(name, "").strip() for name in ("state", "purpose", "source")}
    try:
        consent = Consent.model_validate({**given, **_filled(said), "at": _moment(asked, fields.get("at", ""))})
        kept = await consenting.decide(asked.gateway.consents, consent)
    except UNUSABLE as error:
        return await _page(asked, given, error=_told(error))
    note(Action.CONSENT_RECORDED, "", state=consent.state, purpose=consent.purpose)
    return await _about(asked, given, kept=kept)


def _filled(said: Mapping[str, str]) -> dict[str, str]:
    return {"source": _SOURCE, "purpose": ADS} | {name: word for name, word in said.items() if word}


def _moment(asked: Asked, written: str) -> str | None:
    """With the visitor's time zone, which a browser's field for a moment leaves out."""
    try:
        local = datetime.fromisoformat(written.strip())
    except ValueError:
        return written.strip() or None
    return (local if local.tzinfo else local.replace(tzinfo=asked.zone)).isoformat()


async def _about(asked: Asked, given: dict[str, str], kept: dict[str, Any] | None = None) -> Page:
    try:
        found = await consenting.shown(asked.gateway.consents, Named.model_validate(given))
    except UNUSABLE as error:
        return await _page(asked, given, error=_told(error))
    return await _page(asked, given, found=found["purposes"], kept=kept)


def _told(error: Exception) -> str:
    words = {"state", "purpose", "source"}
    if not isinstance(error, UNUSABLE[0]) or not any(one["loc"][0] in words for one in error.errors()):
        return refusal(error)
    return "Choose what was said. Purpose and source are each one word in small letters, such as ads or form."


async def _page(
    asked: Asked,
    given: dict[str, str],
    *,
    found: list[dict[str, Any]] | None = None,
    kept: dict[str, Any] | None = None,
    error: str | None = None,
) -> Page:
    return Page(
        "consent.html",
        "Consent",
        {
            **await consenting.summary(asked.gateway.consents),
            "fields": FIELDS,
            "states": _STATES,
            "given": given,
            "purposes": found,
            "kept": kept,
            "error": error,
        },
        status=422 if error else 200,
    )
