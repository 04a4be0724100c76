"""The hot door, `POST /v1/events`: one event, a list, or one a line. A plain function from bytes to an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from konversi.errors import BodyTooLarge, InvalidRequest, KonversiError, MalformedBody, UnsupportedMediaType
from konversi.events.conversion import FIELD_NAMES, Conversion
from konversi.events.faults import Fault, Note, Refused, faults_of
from konversi.intake.http.bodies import ONE_EVENT
from konversi.intake.http.problems import PROBLEM, headers, problem
from konversi.intake.receive import Receipt, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.intake.receive import Receiver

MOST_EVENTS = 1_000
_JSON = "application/json"
_NDJSON = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson", "application/x-jsonlines"})
_LIST = re.compile(rb'\s*\{\s*"events"\s*:')
_validate_json = Conversion.__pydantic_validator__.validate_json
_MANY = TypeAdapter(dict[str, list[Conversion]])


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: dict[str, str] | None = None


async def answer(receiver: Receiver, body: bytes, content_type: str) -> Answer:
    """Accept what the body holds. Total: whatever was sent, there is an answer."""
    try:
        kind = content_type.partition(";")[0].strip().lower()
        if kind in _NDJSON:
            return await _several(receiver, _lines(body))
        if kind not in ("", _JSON):
            raise UnsupportedMediaType(f"It came as {kind[:60]!r}.")
        if _LIST.match(body):
            return await _several(receiver, _listed(body))
        return await _one(receiver, body)
    except KonversiError as error:
        return Answer(error.status, orjson.dumps(problem(error)), PROBLEM, headers(error))


async def _one(receiver: Receiver, body: bytes) -> Answer:
    if len(body) > ONE_EVENT:
        raise BodyTooLarge
    try:
        conversion = _validate_json(body)
    except ValidationError as error:
        faults = _faults(error)
        if any(fault.field == "events" and fault.code == "unknown_field" for fault in faults):
            return await _several(receiver, _listed(body))
        raise Refused(faults) from None
    receipt = await receiver.receive(conversion)
    return Answer(202, orjson.dumps(accepted(receipt)))


def _faults(error: ValidationError) -> tuple[Fault, ...]:
    """Raises `MalformedBody` where the body isn't JSON at all."""
    details = error.errors(include_url=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        raise MalformedBody(str(details[0].get("ctx", {}).get("error", ""))[:200])
    return faults_of(error, FIELD_NAMES)


def _listed(body: bytes) -> list[Conversion | Refused]:
    try:
        sent = _MANY.validate_json(body)
    except ValidationError:
        return _one_by_one(body)
    if sent.keys() != {"events"}:
        raise InvalidRequest("Beside `events` nothing else is taken.")
    return _counted(sent["events"])


def _one_by_one(body: bytes) -> list[Conversion | Refused]:
    """Somewhere in the list is a fault: a verdict for each event."""
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(str(error)[:200]) from None
    if not isinstance(sent, dict) or not isinstance(sent.get("events"), list) or len(sent) > 1:
        raise InvalidRequest("Send an event, or `events` with a list of them and nothing beside it.")
    return _counted([_validated(orjson.dumps(event)) for event in sent["events"]])


def _lines(body: bytes) -> list[Conversion | Refused]:
    return _counted([_validated(line) for line in body.splitlines() if line.strip()])


def _validated(event: bytes) -> Conversion | Refused:
    try:
        return _validate_json(event)
    except ValidationError as error:
        try:
            return Refused(_faults(error))
        except MalformedBody as malformed:
            return Refused([Fault("body", malformed.code, malformed.title(), malformed.remedy())])


def _counted(events: Sequence[Conversion | Refused]) -> list[Conversion | Refused]:
    if not 1 <= len(events) <= MOST_EVENTS:
        raise InvalidRequest(f"events: send 1 to {MOST_EVENTS} in a request; this one has {len(events)}.")
    return list(events)


async def _several(receiver: Receiver, events: Sequence[Conversion | Refused]) -> Answer:
    outcomes = iter(await receiver.receive_all([event for event in events if isinstance(event, Conversion)]))
    verdicts: list[dict[str, Any]] = []
    good = 0
    for event in events:
        outcome = Refusal(event, None) if isinstance(event, Refused) else next(outcomes)
        if isinstance(outcome, Receipt):
            good += 1
            verdicts.append(accepted(outcome))
        else:
            verdicts.append({"status": "refused", "event_id": outcome.event_id, "problem": problem(outcome.error)})
    status = 202 if good == len(verdicts) else 207 if good else 422
    return Answer(status, orjson.dumps({"accepted": good, "refused": len(verdicts) - good, "events": verdicts}))


def accepted(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the caller gets it."""
    said: dict[str, Any] = {"receipt": receipt.receipt, "event_id": receipt.event_id, "status": "accepted"}
    if receipt.repeat:
        said["repeat"] = True
    if receipt.notes:
        said["notes"] = noted(receipt.notes)
    return said


def noted(notes: Sequence[Note]) -> list[dict[str, str]]:
    """Notes as the caller gets them."""
    return [note._asdict() for note in notes]
