"""How far one conversation came, and from which ad. Pure.

Stages are nested: who came further passed every stage before, whether or not anybody told of it (a payment whose
booking came by telephone), so that a funnel never widens.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.insight.timeline import stage_of
from konversi.journeys.port import SPOKEN_OF
from konversi.outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")
_BOOKS = ("book", "reserv", "appointment", "order", "pesan", "janji")
_LOOKS = frozenset(("get", "list", "find", "check", "cek", "lookup", "search", "show", "update", "status", "history"))
_UNDOES = frozenset(("cancel", "batal", "batalkan", "delete", "remove"))
_SLOTS = ("slot", "avail", "schedule", "jadwal", "ketersediaan", "calendar", "freebusy")
COMES_TO_NOTHING = frozenset({State.DISCARDED, State.DEAD, State.EXPIRED, State.WITHHELD})


class Stage(IntEnum):
    """Of a conversation; each includes those before."""

    CHAT = 0
    CALLED = 1  # the agent called a tool that books
    SUCCEEDED = 2
    DELIVERED = 3  # the booking reached Meta
    PAID = 4  # a `Purchase` was accepted


class Happened(NamedTuple):
    """What is known of a conversation, each kind oldest first."""

    channel: str
    opened_at: float
    touches: Sequence[Any]  # at, click_id, ad_id
    uses: Sequence[Any]  # tool, outcome
    turns: Sequence[Any]  # at, booked, claimed
    events: Sequence[Any]  # event_name, state


class Standing(NamedTuple):
    """As the table has it."""

    journey: int
    at: int
    ad: str
    channel: str
    clicks: int
    stage: int
    unfounded: bool
    found_slots: bool
    click: str
    clicked_at: int | None

    @property
    def counts(self) -> tuple[int, ...]:
        """What it adds to the sums: clicks, chats, called, succeeded, delivered, paid, unfounded, found only."""
        reached = (int(self.stage >= stage) for stage in Stage)
        return (self.clicks, *reached, int(self.unfounded), int(self.found_only))

    @property
    def found_only(self) -> bool:
        """A slot was found, and none booked."""
        return self.found_slots and self.stage < Stage.SUCCEEDED


def standing(journey: int, now: Happened, before: Standing | None) -> Standing:
    """Where it stands. What was reached before is kept where the rows that told of it are forgotten by now."""
    of_ads = [touch for touch in now.touches if touch.ad_id]
    first = of_ads[0] if of_ads else None
    found = Standing(
        journey=journey,
        at=int(first.at if first else now.opened_at),
        ad=first.ad_id if first else "",
        channel=now.channel,
        clicks=len(of_ads),
        stage=_stage(now),
        unfounded=unfounded(now.turns),
        found_slots=any(use.outcome == "succeeded" and looks_for_slots(use.tool) for use in now.uses),
        click=_click(now),
        clicked_at=max((int(touch.at) for touch in now.touches if _is_credited(touch, now.channel)), default=None),
    )
    if before is None:
        return found
    taken_back = before.stage == Stage.PAID and any(event.event_name == "Purchase" for event in now.events)
    return found._replace(
        stage=found.stage if taken_back else max(found.stage, before.stage),
        unfounded=found.unfounded if now.turns else before.unfounded,
        found_slots=found.found_slots or before.found_slots,
    )


@lru_cache(maxsize=2_000)
def books(tool: str) -> bool:
    """Whether a tool of this name books."""
    words = _words(tool)
    return (_LOOKS | _UNDOES).isdisjoint(words) and any(word.startswith(_BOOKS) for word in words)


@lru_cache(maxsize=2_000)
def looks_for_slots(tool: str) -> bool:
    """Whether a tool of this name tells what is free."""
    return not books(tool) and any(word.startswith(_SLOTS) for word in _words(tool))


def unfounded(turns: Sequence[Any]) -> bool:
    """Whether an answer said that something was booked, and nothing was, neither in it nor lately."""
    booked = [turn.at for turn in turns if turn.booked]
    return any(turn.claimed and not any(0 <= turn.at - at <= SPOKEN_OF for at in booked) for turn in turns)


def _stage(now: Happened) -> Stage:
    of_booking = [event for event in now.events if stage_of(event.event_name) in ("booking", "payment", "done")]
    if any(event.event_name == "Purchase" and State(event.state) not in COMES_TO_NOTHING for event in of_booking):
        return Stage.PAID
    if any(event.state == State.DELIVERED.value for event in of_booking):
        return Stage.DELIVERED
    outcomes = {use.outcome for use in now.uses if books(use.tool)}
    if "succeeded" in outcomes or any(turn.booked for turn in now.turns):
        return Stage.SUCCEEDED
    return Stage.CALLED if outcomes else Stage.CHAT


def _click(now: Happened) -> str:
    if any(_is_credited(touch, now.channel) for touch in now.touches):
        return "matched"
    return "no_click_id" if now.touches else "no_click"


def _is_credited(touch: Any, channel: str) -> bool:
    """WhatsApp names a click by its id; Messenger and Instagram know the person, and need none."""
    return touch.click_id is not None if channel == "whatsapp" else bool(touch.ad_id)


def _words(tool: str) -> list[str]:
    return _WORD.findall(_CAPITAL.sub(" ", tool).lower())
