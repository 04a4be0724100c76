"""Customers who write to the business: their messages as signed webhook calls, as Meta makes them."""

from __future__ import annotations

import hashlib
import hmac
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, NamedTuple

import httpx2

from konversi.intake.whatsapp.samples import as_sent, message
from whatsapp_booking.stage import APP_SECRET, until
from whatsapp_booking.studio import now_in_jakarta

if TYPE_CHECKING:
    from konversi.intake.whatsapp.samples import Kind
    from whatsapp_booking.stage import Stage

_RUN = token_hex(4)
_numbers = count(1)


class Person(NamedTuple):
    """A customer of the demo or of a test."""

    name: str
    phone: str  # digits
    user_id: str


def new_person(name: str = "Budi Santoso") -> Person:
    """Someone whom the business does not know yet."""
    number = next(_numbers)
    return Person(name, f"62812345{number:05}", f"ID.1349120865530{number:05}")


def call_of(person: Person, text: str, kind: Kind = "organic", click_id: str = "") -> bytes:
    """The webhook call that tells of one new message."""
    clicked = {"click_id": click_id} if click_id else {}
    told = message(
        kind, message_id=f"wamid.{_RUN}{next(_numbers)}", at=int(now_in_jakarta().timestamp()), phone=person.phone,
        user_id=person.user_id, name=person.name, text=text, **clicked,
    )  # fmt: skip
    return as_sent(told)


def post(url: str, call: bytes) -> httpx2.Response:
    """Make the call, signed."""
    signature = "sha256=" + hmac.new(APP_SECRET.encode(), call, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature}
    return httpx2.post(url, content=call, headers=headers, timeout=10, trust_env=False)


def says(stage: Stage, person: Person, text: str, kind: Kind = "organic", click_id: str = "") -> str:
    """Write to the business through Konversi; what the bot answers. Raises `TooLate`."""
    before = len(stage.replies(person.phone))
    post(f"{stage.konversi}/webhooks/whatsapp", call_of(person, text, kind, click_id)).raise_for_status()
    return until(f"a reply to {text!r}", lambda: stage.replies(person.phone)[before:])[0]
