"""The hot door, `POST /v1/events`: one event, a list, or one a line. A plain function from bytes to an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import orjson
from pydantic import FailFast, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from konversi.errors import BodyTooLarge, KonversiError, MalformedBody, UnsupportedMediaType
from konversi.events.conversion import FIELD_NAMES, Conversion
from konversi.events.faults import Fault, Note, Refused
from konversi.intake.http.bodies import ONE_EVENT
from konversi.intake.http.problems import PROBLEM, faults_in, headers, problem
from konversi.intake.invalid_fields import InvalidFields
from konversi.intake.receive import Receipt, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.intake.receive import Receiver

MOST_EVENTS = 1_000
_JSON = "application/json"
_NDJSON = frozenset({"application/x-ndjson", "application/jsonl", "application/ndjson", "application/x-jsonlines"})
_LIST = re.compile(rb'\s*\{\s*"events"\s*:')
_ALONE = "is not taken beside `events`."
_MOST_NAMED = 20
_MOST_DIGITS = 7  # of a wait in seconds: more than the longest in which Meta takes an event
_validator = Conversion.__pydantic_validator__
_MANY = TypeAdapter(dict[str, Annotated[list[Conversion], Field(max_length=MOST_EVENTS), FailFast()]])


class AllRefused(KonversiError):
    """None of the events was accepted.

    Correct each as its `problem` under `events` says, and send them again.
    """

    code = "all_refused"
    status = 422


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: dict[str, str] | None = None


async def answer(receiver: Receiver, body: bytes, content_type: str, waited: str = "") -> Answer:
    """Accept what the body holds. Total: whatever was sent, there is an answer.

    `waited` is what the caller says under `Konversi-Waited`: for how many seconds it could not send this.
    """
    try:
        ago = _seconds(waited) if waited else 0
        if content_type != _JSON:  # as nearly all write it
            kind = content_type.partition(";")[0].strip().lower()
            if kind in _NDJSON:
                return await _several(receiver, _lines(body), ago)
            if kind not in ("", _JSON):
                raise UnsupportedMediaType(f"It came as {kind[:60]!r}.")
        if _LIST.match(body):
            return await _several(receiver, _listed(body), ago)
        return await _one(receiver, body, ago)
    except KonversiError as error:
        return Answer(error.status, orjson.dumps(problem(error)), PROBLEM, headers(error))


async def _one(receiver: Receiver, body: bytes, ago: int) -> Answer:
    if len(body) > ONE_EVENT:
        raise BodyTooLarge
    try:
        conversion = _validator.validate_json(body)
    except ValidationError as error:
        faults = faults_in(error, FIELD_NAMES)
        if any(fault.field == "events" and fault.code == "unknown_field" for fault in faults):
            return await _several(receiver, _listed(body), ago)
        raise Refused(faults) from None
    receipt = await receiver.receive(conversion, waited=ago)
    return Answer(202, orjson.dumps(accepted(receipt)))


def _listed(body: bytes) -> Sequence[Conversion | Refused]:
    try:
        sent = _MANY.validate_json(body)
    except ValidationError:
        return _one_by_one(body)
    _check_keys(sent)
    _check_count(len(sent["events"]))
    return sent["events"]


def _one_by_one(body: bytes) -> Sequence[Conversion | Refused]:
    """Somewhere in the list is a fault: a verdict for each event."""
    try:
        sent = from_json(body)  # reads numbers as the quick way does, so that a repeat has the same contents
    except ValueError as error:
        raise MalformedBody(str(error)[:200]) from None
    _check_keys(sent)
    events = sent["events"]
    if not isinstance(events, list):
        raise InvalidFields([Fault("events", "wrong_type", "must be a list.", "Send [...].")])
    _check_count(len(events))
    return [_verdict(_validator.validate_python, event) for event in events]


def _lines(body: bytes) -> Sequence[Conversion | Refused]:
    lines = [line for line in body.splitlines() if line.strip()]
    _check_count(len(lines))
    return [_verdict(_validator.validate_json, line) for line in lines]


def _verdict(validate: Callable[[Any], Conversion], event: Any) -> Conversion | Refused:
    try:
        return validate(event)
    except ValidationError as error:
        try:
            return Refused(faults_in(error, FIELD_NAMES))
        except MalformedBody as malformed:
            return Refused([Fault("body", malformed.code, malformed.title(), malformed.remedy())])


def _check_keys(sent: dict[str, Any]) -> None:
    others = [Fault(key[:60], "unknown_field", _ALONE, "Put it into each event.") for key in sent if key != "events"]
    if others:
        raise InvalidFields(others[:_MOST_NAMED])


def _check_count(events: int) -> None:
    if events == 0:
        raise InvalidFields([Fault("events", "empty", "holds no event.", f"Send 1 to {MOST_EVENTS}.")])
    if events > MOST_EVENTS:
        what = f"holds {events} events; at most {MOST_EVENTS} are taken."
        raise InvalidFields([Fault("events", "too_many", what, "Split them over several requests.")])


async def _several(receiver: Receiver, events: Sequence[Conversion | Refused], ago: int) -> Answer:
    readable = [event for event in events if isinstance(event, Conversion)]
    outcomes = iter(await receiver.receive_all(readable, waited=ago))
    verdicts: list[dict[str, Any]] = []
    good = 0
    for event in events:
        outcome = Refusal(event, None) if isinstance(event, Refused) else next(outcomes)
        if isinstance(outcome, Receipt):
            good += 1
            verdicts.append(accepted(outcome))
        else:
            verdicts.append({"status": "refused", "event_id": outcome.event_id, "problem": problem(outcome.error)})
    said = {"accepted": good, "refused": len(verdicts) - good, "events": verdicts}
    if good == 0:
        return Answer(AllRefused.status, orjson.dumps({**problem(AllRefused()), **said}), PROBLEM)
    return Answer(202 if good == len(verdicts) else 207, orjson.dumps(said))


def _seconds(waited: str) -> int:
    if not (waited.isascii() and waited.isdigit() and len(waited) <= _MOST_DIGITS):
        raise InvalidFields(
            [Fault("Konversi-Waited", "bad_header", "is not a number of seconds.", "Send whole seconds: 90.")]
        )
    return int(waited)


def accepted(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the caller gets it."""
    said: dict[str, Any] = {"receipt": receipt.receipt, "event_id": receipt.event_id, "status": "accepted"}
    if receipt.state is not None:
        said["state"] = receipt.state.value
    if receipt.repeat:
        said["repeat"] = True
    if receipt.notes:
        said["notes"] = noted(receipt.notes)
    return said


def noted(notes: Sequence[Note]) -> list[dict[str, str]]:
    """Notes as the caller gets them."""
    return [note._asdict() for note in notes]
