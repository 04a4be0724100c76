"""`konversi send`: a conversion from the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from konversi.cli.over_http import gateway_url
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, words
from konversi.client import Konversi
from konversi.errors import GatewayUnreachable, InvalidRequest
from konversi.events.conversion import FIELD_NAMES, Conversion
from konversi.events.faults import Refused, faults_of

if TYPE_CHECKING:
    from pathlib import Path

    from konversi.settings import Settings


def from_file(path: Path) -> Conversion:
    """The event in a JSON file, or on standard input for `-`."""
    try:
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{path}: {error.strerror}.") from error
    return _validated(text)


def from_options(*, services: list[str], customer: list[str], **given: Any) -> Conversion:
    """The event that the options describe."""
    about = _customer({name: given.pop(name) for name in ("phone", "email", "name")}, customer)
    occurred = given.pop("occurred_at")
    value = given.pop("value")
    seconds = occurred is not None and occurred.isascii() and occurred.isdecimal()
    described = {
        **given,
        "value": None if value is None else _number(value),
        "occurred_at": int(occurred) if seconds else occurred,
        "customer": about,
        "services": [_service(text) for text in services],
    }
    try:
        return Conversion.model_validate({name: one for name, one in described.items() if one is not None})
    except ValidationError as error:
        raise Refused(faults_of(error, FIELD_NAMES)) from None


def _customer(known: dict[str, str | None], more: list[str]) -> dict[str, Any]:
    """Of a field that is given several times, all values."""
    about: dict[str, list[str]] = {name: [text] for name, text in known.items() if text is not None}
    for one in more:
        name, found, text = one.partition("=")
        if not found:
            raise InvalidRequest(f'--customer: "{one[:20]}" has no value; write "city=Jaksel".')
        about.setdefault(name.strip(), []).append(text.strip())
    return {name: texts if len(texts) > 1 else texts[0] for name, texts in about.items()}


def _number(value: float) -> int | float:
    """Whole where it is whole; what is no number is refused by the conversion."""
    return int(value) if value.is_integer() else value


def _service(text: str) -> dict[str, Any]:
    name, found, price = text.rpartition("=")
    if not found:
        return {"name": text}
    try:
        return {"name": name, "price": _number(float(price))}
    except ValueError:
        raise InvalidRequest(f'--service: "{price[:20]}" is not a price; write "NAME=150000".') from None


def _validated(text: bytes) -> Conversion:
    try:
        return Conversion.model_validate_json(text)
    except ValidationError as error:
        raise Refused(faults_of(error, FIELD_NAMES)) from None


async def send(settings: Settings, conversion: Conversion, *, wait: float, as_json: bool) -> int:
    """Report it; exit status 0 where it is durable and not refused by Meta."""
    try:
        found = await _through(settings.model_copy(update={"url": gateway_url(settings)}), conversion, wait)
    except GatewayUnreachable:
        if settings.url:
            raise
        words("No gateway runs here: delivering from this command.")
        found = await _through(settings, conversion, wait)
    if as_json:
        print_json(found)
    else:
        fields({name: found[name] for name in ("receipt", "event_id", "state", "reason")})
        for note in found["notes"]:
            words(f"{note['about']}: {note['text']}")
        for attempt in found["attempts"][-1:]:
            fields({name: attempt[name] for name in ("verdict", "events_received", "fbtrace_id")})
    return 0 if found["state"] in ("delivered", "waiting", "sending") else 1


async def _through(settings: Settings, conversion: Conversion, wait: float) -> dict[str, Any]:
    async with Konversi.of(settings) as konversi:
        receipt = await konversi.track(conversion)
        return await konversi.event(receipt.receipt, wait=wait)
