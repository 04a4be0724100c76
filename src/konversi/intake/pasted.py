"""A payload that somebody pasted, read as either door would read it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from pydantic import ValidationError

from konversi.errors import MalformedBody
from konversi.events.conversion import FIELD_NAMES, Conversion
from konversi.events.faults import Refused, faults_of
from konversi.intake.guide import FIELDS, GuideConversion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from konversi.events.faults import Fault

SAMPLES: dict[str, dict[str, Any]] = {
    "guide": {
        "type": "booking",
        "customerPhone": "628123456789",
        "customerName": "Test Customer",
        "totalValue": 150_000,
        "services": [{"serviceName": "Repaint Bodi Halus", "price": 150_000}],
    },
    "whatsapp": {
        "event": "Lead",
        "booking_id": "BK-1001",
        "value": 150_000,
        "channel": "whatsapp",
        "customer": {
            "phone": "0812-3456-7890",
            "name": "Budi Santoso",
            "whatsapp_business_account_id": "102290129340398",
        },
        "click": {"ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4"},
    },
    "website": {
        "event": "Purchase",
        "booking_id": "BK-1002",
        "value": 350_000,
        "customer": {"email": "Budi@Example.com", "phone": "+62 812-3456-7890", "city": "Bandung"},
        "client": {
            "page_url": "https://studio.example/thanks",
            "ip": "103.10.20.30",
            "user_agent": "Mozilla/5.0 (Linux; Android 15)",
        },
    },
    "mistakes": {
        "event": "Purchase",
        "customer": {"phone": "0812", "email": "budi.example.com", "gender": "?"},
        "currency": "Rp",
    },
}


class Pasted(NamedTuple):
    """A conversion, or what is wrong with it."""

    conversion: Conversion | None
    faults: tuple[Fault, ...] = ()
    from_guide: bool = False


def read(text: str) -> Pasted:
    """In the setup guide's shape where it has a `type`, else in Konversi's own. Raises `MalformedBody`."""
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(str(error)[:200]) from None
    if not isinstance(given, dict):
        raise MalformedBody("It holds no object: paste one event, from { to }.")
    from_guide = "type" in given and "event" not in given
    try:
        if from_guide:
            return Pasted(GuideConversion.model_validate_json(text).conversion(), from_guide=True)
        return Pasted(Conversion.model_validate_json(text))
    except ValidationError as error:
        return Pasted(None, faults_of(error, FIELDS if from_guide else FIELD_NAMES), from_guide)
    except Refused as error:
        return Pasted(None, tuple(error.faults), from_guide)


def values(conversion: Conversion) -> Iterator[tuple[str, str]]:
    """Each value that becomes a match key, by its field: `("customer.phone", "0812...")`."""
    for name, part in (("customer", conversion.customer), ("click", conversion.click), ("client", conversion.client)):
        for field in sorted(part.model_fields_set) if part is not None else ():
            value = getattr(part, field)
            for one in value if isinstance(value, list) else [value]:
                if one is not None and f"{name}.{field}" not in _NO_KEYS:
                    yield f"{name}.{field}", str(one)


_NO_KEYS = frozenset({"click.fbclid", "click.clicked_at", "client.page_url"})  # read together with others
