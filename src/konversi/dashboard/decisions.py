"""Replay and discard, of one event, of those selected, or of all that match: first how many it is, then the deed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from konversi.dashboard.addresses import own
from konversi.dashboard.page import Moved, Page
from konversi.errors import InvalidRequest
from konversi.intake.deciding import STEPS, Meant, carry_out, matching, named
from konversi.intake.event_filters import FIELDS
from konversi.outbox.states import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.dashboard.asked import Asked
    from konversi.intake.gateway import Gateway


class _Form(NamedTuple):
    fields: dict[str, str]
    receipts: Sequence[str]

    def given(self, name: str) -> str | None:
        """A field; nothing where it is empty."""
        return self.fields.get(name, "").strip() or None


async def decide(asked: Asked) -> Page | Moved:
    """Without `sure` it asks, with it it does."""
    sent = await asked.form()
    form = _Form(dict(sent), [value for name, value in sent if name == "receipt"])
    step = STEPS.get(form.given("what") or form.given("all") or "")
    if step is None:
        raise InvalidRequest("what: replay or discard.")
    number, ids = await _meant(asked.gateway, form, step)
    back = own(form.given("back"), "/events")
    if form.given("sure") is None or (step is Step.DISCARD and number and form.given("because") is None):
        return Page(
            "confirm.html",
            "Send again" if step is Step.REPLAY else "Discard",
            {
                "what": step.value,
                "number_of": number,
                "at_once": len(ids),
                "asked": max(number, len(form.receipts)),
                "receipts": list(form.receipts),
                "filters": {name: form.given(name) for name in FIELDS if form.given(name)} if form.given("all") else {},
                "all": form.given("all") is not None,
                "back": back,
                "because_missing": form.given("sure") is not None,
            },
        )
    done = await carry_out(asked.gateway, ids, step, form.given("because") or "")
    return Moved(_with(back, done=done, left=max(number, len(form.receipts)) - done))


async def _meant(gateway: Gateway, form: _Form, step: Step) -> Meant:
    """How many events the decision is about, and the first so many of them."""
    return await (matching(gateway, form.given, step) if form.given("all") else named(gateway, form.receipts, step))


def _with(address: str, **more: int) -> str:
    path, _, query = address.partition("?")
    kept = "&".join(part for part in query.split("&") if part and part.partition("=")[0] not in more)
    return f"{path}?{'&'.join(part for part in (kept, urlencode(more)) if part)}"
