"""Forgetting a customer, and what came of it: for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.dashboard.page import Moved, Page
from konversi.dashboard.whom import FIELDS, UNUSABLE, named, refusal
from konversi.intake.persons import Named

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

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
    erasures = asked.gateway.erasures
    try:
        who = Named.model_validate(named(fields))
        if fields.get("what") == "lift":
            return Moved(f"/erasures?lifted={await erasures.lift(who)}")
        number = await erasures.begin(who)
    except UNUSABLE as error:
        return await _page(asked, refusal(error))
    report = await erasures.shown(number, _SECONDS)
    return Moved(f"/erasures?done={report['erasure']}")
