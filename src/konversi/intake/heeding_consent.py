"""What customers consented to, heeded for conversions that are about to be accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from konversi.consent.decision import ERASED
from konversi.consent.store import LIFT
from konversi.events.faults import Fault, Note, Refused
from konversi.intake.prepare import Ready, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.consent.decision import Objection


class Consenting(Protocol):
    """Who consents to what; as `consent.store.Consents`."""

    @property
    def matters(self) -> bool:
        """Whether anybody has to be looked up."""
        ...

    def keys(self, user_data: Mapping[str, Any], journey: int | None) -> list[bytes]:
        """Under which a person is looked up."""
        ...

    async def objections(self, people: Sequence[Sequence[bytes]]) -> list[Objection | None]:
        """What speaks against telling Meta of each of these people."""
        ...


class _EverybodyConsents:
    """Nobody was asked."""

    matters = False

    def keys(self, user_data: Mapping[str, Any], journey: int | None) -> list[bytes]:  # noqa: ARG002 - as above
        return []

    async def objections(self, people: Sequence[Sequence[bytes]]) -> list[Objection | None]:
        return [None] * len(people)


EVERYBODY_CONSENTS: Consenting = _EverybodyConsents()


async def heeded(prepared: Sequence[Ready | Refusal], consents: Consenting) -> list[Ready | Refusal]:
    """The same, where nobody objects; kept and never sent where the customer does, refused of who is forgotten."""
    people = [consents.keys(one.user_data, one.new.journey) for one in prepared if isinstance(one, Ready)]
    found = iter(await consents.objections(people) if people else ())
    return [_with(one, next(found)) if isinstance(one, Ready) else one for one in prepared]


def _with(ready: Ready, objection: Objection | None) -> Ready | Refusal:
    if objection is None:
        return ready
    if objection is ERASED:
        fault = Fault("customer", ERASED.code, "asked to be forgotten, so nothing about them is taken.", LIFT)
        return Refusal(Refused([fault]), ready.new.event_id)
    note = Note("consent", objection.code, f"{objection.text} The event is kept, and not sent to Meta.")
    return Ready(ready.new._replace(withheld=str(objection)), (*ready.notes, note), ready.user_data)
