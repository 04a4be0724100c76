"""What becomes of a file's rows: each gets a verdict, for good or as a rehearsal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.events.faults import Refused
from konversi.events.identity import digest
from konversi.events.names import event_name
from konversi.imports.verdicts import Verdict, of_faults, of_notes
from konversi.intake.event_lists import Told
from konversi.intake.receive import Refusal
from konversi.outbox.port import receipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.events.conversion import Conversion
    from konversi.events.faults import Fault
    from konversi.imports.rows import Row
    from konversi.imports.store import Imports, Key, Reported
    from konversi.intake.receive import Receiver
    from konversi.outbox.port import NewEvent


class RowJudge:
    """Judges rows. `secret` is the installation's."""

    def __init__(self, store: Imports, receiver: Receiver, secret: bytes) -> None:
        self._store = store
        self._receiver = receiver
        self._secret = secret

    async def verdicts(self, rows: Sequence[Row], *, rehearsal: bool) -> list[Verdict]:
        """One verdict for each row, in their order."""
        told = [(row, self._named(row.conversion)) for row in rows if row.conversion is not None]
        bookings = {one.booking_id for _, one in told if one.booking_id}
        reported = await self._store.reported(bookings) if bookings else {}
        known = {row.number: before for row, one in told if (before := _before(one, reported)) is not None}
        fresh = [(row, one) for row, one in told if row.number not in known]
        judge = self._rehearsed if rehearsal else self._received
        verdicts = {row.number: verdict for (row, _), verdict in zip(fresh, await judge(fresh), strict=True)}
        return [
            verdicts.get(row.number)
            or (_known(row.number, known[row.number]) if row.number in known else _refused(row.number, row.faults))
            for row in rows
        ]

    def _named(self, conversion: Conversion) -> Conversion:
        """With an event_id that the same row gets again."""
        if conversion.booking_id:
            return conversion
        said = digest(conversion, self._secret).hex()
        return conversion.model_copy(update={"event_id": f"{conversion.event}:{said}"})

    async def _received(self, rows: Sequence[tuple[Row, Conversion]]) -> list[Verdict]:
        outcomes = await self._receiver.receive_list(Told([conversion for _, conversion in rows]))
        return [
            _refusal(row, outcome)
            if isinstance(outcome, Refusal)
            else Verdict(
                row.number,
                "repeated" if outcome.repeat else "accepted",
                outcome.receipt,
                outcome.event_id,
                of_notes(row.faults, outcome.notes),
            )
            for (row, _), outcome in zip(rows, outcomes, strict=True)
        ]

    async def _rehearsed(self, rows: Sequence[tuple[Row, Conversion]]) -> list[Verdict]:
        outcomes = await self._receiver.preview([conversion for _, conversion in rows])
        there = await self._store.accepted([_key(one) for one in outcomes if not isinstance(one, Refusal)])
        seen: set[Key] = set()
        return [_foreseen(row, outcome, there, seen) for (row, _), outcome in zip(rows, outcomes, strict=True)]


def _key(event: NewEvent) -> Key:
    return event.dataset, event.event_name, event.event_id


def _foreseen(
    row: Row,
    outcome: NewEvent | Refusal,
    there: Mapping[Key, int],
    seen: set[Key],
) -> Verdict:
    if isinstance(outcome, Refusal):
        return _refusal(row, outcome)
    before = there.get(_key(outcome))
    word = "repeated" if before is not None or _key(outcome) in seen else "accepted"
    seen.add(_key(outcome))
    told = receipt(before) if before is not None else ""
    return Verdict(row.number, word, told, outcome.event_id, of_notes(row.faults, ()))


def _before(conversion: Conversion, reported: dict[tuple[str, str], Reported]) -> Reported | None:
    """The event in which the booking was reported under another id than this row's."""
    if not conversion.booking_id:
        return None
    name = event_name(conversion.event)
    before = reported.get((name, conversion.booking_id)) if isinstance(name, str) else None
    return None if before is None or before.event_id == f"{name}:{conversion.booking_id}" else before


def _known(row: int, before: Reported) -> Verdict:
    return Verdict(row, "known", receipt(before.id), before.event_id, "Its booking was reported before.")


def _refused(row: int, faults: Sequence[Fault]) -> Verdict:
    return Verdict(row, "refused", reason=of_faults(faults))


def _refusal(row: Row, refusal: Refusal) -> Verdict:
    if isinstance(refusal.error, Refused):
        return _refused(row.number, (*row.faults, *refusal.error.faults))
    return Verdict(row.number, "known", "", refusal.event_id or "", "It was reported before, with other contents.")
