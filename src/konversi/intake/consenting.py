"""The use case of consent: what a customer said is kept, and shown, by any identity of the customer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from konversi.consent.decision import ADS, Decision, State, newest
from konversi.events.conversion import Number, Text  # noqa: TC001 - pydantic reads the annotations
from konversi.events.faults import Fault, Refused
from konversi.events.times import FUTURE_TOLERANCE, moment_of
from konversi.insight.describe import moment
from konversi.intake.persons import Named

if TYPE_CHECKING:
    from konversi.consent.store import Consents

_Word = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z][a-z0-9_.-]{0,39}$")]


class Consent(Named):
    """What a customer said. `at` is when, in Unix seconds or ISO 8601 with a zone; now where absent."""

    state: Literal["granted", "denied", "withdrawn"]
    purpose: _Word = Field(ADS, validate_default=True)  # `ads` is the one that decides what Meta is told
    source: _Word = "api"
    at: Number | Text | None = None


async def decide(consents: Consents, given: Consent) -> dict[str, Any]:
    """Keep it, durably; what counts for the customer now, which may have been said later. Raises `Refused`."""
    at = _said_at(given.at, consents.now())
    decision = Decision(State(given.state), at, given.source, given.purpose)
    counts = await consents.decide(consents.match(given), decision)
    return {**described(counts), "counts": counts == decision}


async def shown(consents: Consents, named: Named) -> dict[str, Any]:
    """What a customer said, by purpose: what counts, and everything before it. Raises `Refused`."""
    said = await consents.history(consents.match(named))
    purposes = sorted({one.purpose for one in said} | {ADS})
    return {"purposes": [_purpose(one, [each for each in said if each.purpose == one], consents) for one in purposes]}


def _purpose(purpose: str, said: list[Decision], consents: Consents) -> dict[str, Any]:
    last = newest(said)
    return {
        "purpose": purpose,
        "state": last.state.value if last else "absent",
        "sent_to_meta": consents.objection(said) is None if purpose == ADS else None,
        "said": [described(one) for one in said if one.state is not State.ERASED],
    }


async def summary(consents: Consents) -> dict[str, Any]:
    """What silence means, and how many decisions are kept."""
    numbers = [{"purpose": one, "state": state, "decisions": number} for one, state, number in await consents.numbers()]
    return {"absent": consents.absent, "decisions": numbers}


def described(one: Decision) -> dict[str, Any]:
    """A decision, for people and programs."""
    return {"purpose": one.purpose, "state": one.state.value, "at": moment(one.at), "source": one.source}


def _said_at(given: float | str | None, now: float) -> float:
    """Unix seconds. Raises `Refused`."""
    if given is None:
        return now
    at = moment_of(given, "at")
    if isinstance(at, Fault):
        raise Refused([at])
    if at > now + FUTURE_TOLERANCE:
        raise Refused([Fault("at", "future", "lies in the future.", "Check the sender's clock and time zone.")])
    return max(0.0, min(at, now))
