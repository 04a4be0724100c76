"""The hot door, `POST /v1/events`: one event, a list, or one a line. A plain function from bytes to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from konversi.errors import BodyTooLarge, KonversiError, UnsupportedMediaType
from konversi.events.conversion import FIELD_NAMES
from konversi.events.faults import Fault, Refused
from konversi.intake.answer import ACCEPTED, JSON, Answer, accepted
from konversi.intake.event_lists import Lines, Listed, looks_like_a_list, read_one
from konversi.intake.http.bodies import ONE_EVENT
from konversi.intake.http.problems import PROBLEM, problem, refusal
from konversi.intake.invalid_fields import InvalidFields
from konversi.intake.json_faults import faults_in
from konversi.intake.receipts import Receipt

if TYPE_CHECKING:
    from konversi.intake.preparer.messages import Listing
    from konversi.intake.receive import Receiver

_NDJSON = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson", "application/x-jsonlines"})
_MOST_DIGITS = 7  # of a wait in seconds: more than the longest in which Meta takes an event


class AllRefused(KonversiError):
    """None of the events was accepted.

    Correct each as its `problem` under `events` says, and send them again.
    """

    code = "all_refused"
    status = 422


async def answer(receiver: Receiver, body: bytes, content_type: str, waited: str = "") -> Answer:
    """Accept what the body holds. Total: whatever was sent, there is an answer.

    `waited` is what the caller says under `Konversi-Waited`: for how many seconds it could not send this.
    """
    try:
        ago = _seconds(waited) if waited else 0
        if content_type != JSON:  # as nearly all write it
            kind = content_type.partition(";")[0].strip().lower()
            if kind in _NDJSON:
                return await _several(receiver, Lines(body), ago)
            if kind not in ("", JSON):
                raise UnsupportedMediaType(f"It came as {kind[:60]!r}.")
        if looks_like_a_list(body):
            return await _several(receiver, Listed(body), ago)
        return await _one(receiver, body, ago)
    except KonversiError as error:
        return refusal(error)


async def _one(receiver: Receiver, body: bytes, ago: int) -> Answer:
    if len(body) > ONE_EVENT:
        raise BodyTooLarge
    try:
        conversion = read_one(body)
    except ValidationError as error:
        faults = faults_in(error, FIELD_NAMES)
        if any(fault.field == "events" and fault.code == "unknown_field" for fault in faults):
            return await _several(receiver, Listed(body), ago)
        raise Refused(faults) from None
    receipt = await receiver.receive(conversion, waited=ago)
    return Answer(ACCEPTED, orjson.dumps(accepted(receipt)))


async def _several(receiver: Receiver, listing: Listing, ago: int) -> Answer:
    outcomes = await receiver.receive_list(listing, waited=ago)
    verdicts = [
        accepted(one)
        if isinstance(one, Receipt)
        else {"status": "refused", "event_id": one.event_id, "problem": problem(one.error)}
        for one in outcomes
    ]
    good = sum(isinstance(one, Receipt) for one in outcomes)
    said = {"accepted": good, "refused": len(verdicts) - good, "events": verdicts}
    if good == 0:
        return Answer(AllRefused.status, orjson.dumps({**problem(AllRefused()), **said}), PROBLEM)
    return Answer(ACCEPTED if good == len(verdicts) else 207, orjson.dumps(said))


def _seconds(waited: str) -> int:
    if not (waited.isascii() and waited.isdigit() and len(waited) <= _MOST_DIGITS):
        raise InvalidFields(
            [Fault("Konversi-Waited", "bad_header", "is not a number of seconds.", "Send whole seconds: 90.")]
        )
    return int(waited)
