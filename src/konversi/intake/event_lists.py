"""Many events in one body: a list, or one a line. From bytes to conversions, each readable or refused by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import FailFast, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from konversi.errors import MalformedBody
from konversi.events import quick
from konversi.events.conversion import FIELD_NAMES, Conversion
from konversi.events.faults import Fault, Refused
from konversi.intake.invalid_fields import InvalidFields
from konversi.intake.json_faults import faults_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_EVENTS = 1_000
LONG = 16_384  # bytes
_MANY_READ = 60  # are about as much
_LIST = re.compile(rb'\s*\{\s*"events"\s*:')
_ALONE = "is not taken beside `events`."
_MOST_NAMED = 20
_validator = Conversion.__pydantic_validator__
_MANY = TypeAdapter(dict[str, Annotated[list[Conversion], Field(max_length=MOST_EVENTS), FailFast()]])


def looks_like_a_list(body: bytes) -> bool:
    """Whether `events` is the first that the body names."""
    return _LIST.match(body) is not None


class Listed(NamedTuple):
    """`{"events": [...]}`, as it came."""

    body: bytes

    @property
    def is_long(self) -> bool:
        return len(self.body) >= LONG

    def conversions(self) -> Sequence[Conversion | Refused]:
        """Each event, or why it can't be read. Raises `MalformedBody` or `InvalidFields` where there is no list."""
        found = quick.listed(self.body)
        if found is not None:
            _check_count(len(found))
            return found
        try:
            sent = _MANY.validate_json(self.body)
        except ValidationError:
            return _one_by_one(self.body)
        _check_keys(sent)
        _check_count(len(sent["events"]))
        return sent["events"]


class Lines(NamedTuple):
    """One event a line, as it came."""

    body: bytes

    @property
    def is_long(self) -> bool:
        return len(self.body) >= LONG

    def conversions(self) -> Sequence[Conversion | Refused]:
        """Each line's event, or why it can't be read. Raises `InvalidFields` where there are none, or too many."""
        lines = [line for line in self.body.splitlines() if line.strip()]
        _check_count(len(lines))
        return [_verdict(read_one, line) for line in lines]


class Bodies(NamedTuple):
    """Bodies of one event each, of callers who came together."""

    bodies: Sequence[bytes]

    @property
    def is_long(self) -> bool:
        return True

    def conversions(self) -> Sequence[Conversion | Refused]:
        """Each body's event, or why it can't be read."""
        return [_verdict(read_one, body) for body in self.bodies]


def read_one(body: bytes) -> Conversion:
    """The event that a body holds. Raises pydantic's `ValidationError`."""
    return quick.one(body) or _validator.validate_json(body)


class Told(NamedTuple):
    """Conversions that were read already. To another process they go as the list that they could have come as."""

    read: Sequence[Conversion]

    @property
    def is_long(self) -> bool:
        return len(self.read) >= _MANY_READ

    def conversions(self) -> Sequence[Conversion | Refused]:
        """All of them."""
        return self.read

    def __reduce__(self) -> tuple[type[Listed], tuple[bytes]]:
        return Listed, (b'{"events":[%s]}' % b",".join(one.said() for one in self.read),)


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
