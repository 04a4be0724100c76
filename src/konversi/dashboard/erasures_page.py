"""Forgetting a customer, and what came of it: for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from konversi.dashboard.page import Moved, Page
from konversi.events.faults import Refused
from konversi.intake.persons import Named

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

FIELDS = ("phone", "email", "external_id", "whatsapp_user_id")
_SECONDS = 3.0  # for which the answer waits for what can be found


async def show(asked: Asked) -> Page:
    """All erasures, the newest first."""
    return await _page(asked)


async def _page(asked: Asked, error: str | None = None) -> Page:
    return Page(
        "erasures.html",
        "Forget a customer",
        {
            "erasures": await asked.gateway.erasures.listed(),
            "fields": FIELDS,
            "done": asked.query("done"),
            "lifted": asked.query("lifted"),
            "error": error,
        },
        status=422 if error else 200,
    )


async def forget(asked: Asked) -> Page | Moved:
    """Forget a customer, or take their data again."""
    fields = await asked.fields()
    given = {name: fields[name].strip() for name in FIELDS if fields.get(name, "").strip()}
    erasures = asked.gateway.erasures
    try:
        named = Named.model_validate(given)
        if fields.get("what") == "lift":
            return Moved(f"/erasures?lifted={await erasures.lift(named)}")
        number = await erasures.begin(named)
    except ValidationError:
        return await _page(asked, "One of these is longer than any identity.")
    except Refused as error:
        return await _page(asked, " ".join(f"{fault.detail} {fault.remedy}" for fault in error.faults))
    report = await erasures.shown(number, _SECONDS)
    return Moved(f"/erasures?done={report['erasure']}")
