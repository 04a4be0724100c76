"""Replaying or discarding many events at once: those that were named, or all that match a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from konversi.errors import InvalidRequest, NotFound, WrongState
from konversi.intake.event_filters import filter_of
from konversi.outbox.port import event_of, receipt
from konversi.outbox.states import Step, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.intake.gateway import Gateway

MOST = 1_000  # events that one decision is about
STEPS = {"replay": Step.REPLAY, "discard": Step.DISCARD}

_Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000, pattern=r"^[^\x00]*$")] | None


class ManyEvents(BaseModel):
    """What is decided about which events: those of `receipts`, or all that the filters mean.

    The filters are those of the page Events. `because` is kept with what is discarded. `dry_run` only counts; `after`
    goes on behind an event, where there were more than a thousand.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    what: Literal["replay", "discard"]
    receipts: Annotated[list[Annotated[str, StringConstraints(max_length=30)]], Field(max_length=MOST)] = Field(
        default_factory=list
    )
    because: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")] = ""
    dry_run: bool = False
    after: Annotated[str, StringConstraints(max_length=30)] | None = None
    state: _Word = None
    dataset: _Word = None
    event: _Word = None
    channel: _Word = None
    reason: _Word = None
    q: _Word = None
    range: _Word = None
    since: _Word = None
    until: _Word = None
    doubt: _Word = None
    slower: _Word = None


class Meant(NamedTuple):
    """How many events a decision is about, and the first so many of them."""

    number: int
    ids: Sequence[int]


async def named(gateway: Gateway, receipts: Sequence[str], step: Step) -> Meant:
    """Those of these receipts with which it can be done."""
    ids = []
    for text in dict.fromkeys(receipts[:MOST]):
        event = event_of(text)
        stored = await gateway.outbox.find(event) if event is not None else None
        if stored is not None and stored.state in sources(step):
            ids.append(stored.id)
    return Meant(len(ids), ids)


async def matching(gateway: Gateway, given: Callable[[str], str | None], step: Step, after: int = 0) -> Meant:
    """All that match with which it can be done. Raises `InvalidRequest` for a filter that means nothing."""
    asked_for = filter_of(given, gateway)
    if asked_for.misread:
        raise InvalidRequest(f"{', '.join(asked_for.misread)}: not understood.")
    return Meant(*await gateway.insight.deciding(asked_for.wanted, step, MOST, after))


async def carry_out(gateway: Gateway, ids: Sequence[int], step: Step, because: str) -> int:
    """Decide about each of them; with how many it was done."""
    done = 0
    for event in ids:
        try:
            if step is Step.REPLAY:
                await gateway.decisions.replay(event)
            else:
                await gateway.decisions.discard(event, because)
        except (WrongState, NotFound):  # somebody else decided meanwhile, or its time is over: it stays as it is
            continue
        done += 1
    return done


async def decide(gateway: Gateway, form: ManyEvents) -> dict[str, Any]:
    """Count, or do it. Raises `InvalidRequest`."""
    step = STEPS[form.what]
    if step is Step.DISCARD and not form.dry_run and not form.because:
        raise InvalidRequest("because: say why the events are discarded.")
    if form.receipts:
        meant = await named(gateway, form.receipts, step)
    else:
        meant = await matching(gateway, lambda name: getattr(form, name) or None, step, event_of(form.after or "") or 0)
    done = 0 if form.dry_run else await carry_out(gateway, meant.ids, step, form.because)
    more = meant.number > len(meant.ids)
    return {
        "matching": meant.number,
        "done": done,
        "left": (0 if form.dry_run else len(meant.ids)) - done,
        "after": receipt(meant.ids[-1]) if more else None,
    }
