"""The value rules: those in effect, what they would have told, what was learned; and writing others down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.access.acting import Action, note
from konversi.dashboard.page import Moved, Page
from konversi.errors import InvalidRequest
from konversi.insight.describe import moment
from konversi.value.rules import ValueRulesInvalid

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

PERIODS = {"1d": 1, "7d": 7, "28d": 28}
_USUAL = "7d"
_MOST = 5_000  # events in a page's dry run: a second's work at most


async def show(asked: Asked) -> Page:
    """Those in effect."""
    return await _page(asked)


async def try_out(asked: Asked) -> Page:
    """What other rules would have told, before they are kept."""
    return await _page(asked, (await asked.fields()).get("rules", ""))


async def keep(asked: Asked) -> Page | Moved:
    """Let other rules be in effect from now on."""
    text = (await asked.fields()).get("rules", "").replace("\r\n", "\n").strip()
    valuing = asked.gateway.valuing
    if valuing.from_file:
        raise InvalidRequest("The rules are in the file of KONVERSI_VALUE_RULES: change them there.")
    try:
        await valuing.keep(text, asked.visitor.name)
    except ValueRulesInvalid:
        return await _page(asked, text)
    note(Action.VALUE_RULES_KEPT, rules=len(valuing.values.now.rules.rules))
    return Moved("/value?done=kept")


async def _page(asked: Asked, tried: str | None = None) -> Page:
    valuing = asked.gateway.valuing
    named = asked.query("period")
    period = named if named in PERIODS else _USUAL
    kept = None if valuing.from_file else await valuing.kept()
    run, error = None, None
    try:
        run = await valuing.dry_run(tried, PERIODS[period], _MOST)
    except ValueRulesInvalid as wrong:
        error = wrong.detail
    return Page(
        "value.html",
        "Value rules",
        {
            **valuing.shown(),
            "kept_at": moment(kept.at) if kept is not None else None,
            "text": (tried if tried is not None else kept.text if kept is not None else "").replace("\r\n", "\n"),
            "tried": tried is not None,
            "period": period,
            "dry_run": run,
            "done": asked.query("done"),
            "error": error,
        },
        status=422 if error else 200,
    )
