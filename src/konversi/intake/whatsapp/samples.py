"""Webhook calls in Meta's own shape, for `konversi whatsapp simulate`, for tests and for benchmarks."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, Literal, get_args

Kind = Literal["ad-click", "organic", "status-ad", "username"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

ACCOUNT: Final = "102290129340398"
LINE: Final = "106540352242922"
LINE_NUMBER: Final = "6281100000001"
PHONE: Final = "+6281234567890"
USER_ID: Final = "ID.13491208655302741918"
AD_ID: Final = "120212345678900001"
CLICK_ID: Final = (
    "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4_0NiNhEgpGo0AHemvuSoifXaytfTzcchptiErTKCqTrJ5nW1h7IHYe"
)
NAME: Final = "Budi Santoso \N{RACING MOTORCYCLE}"
TEXT: Final = "Halo kak, mau repaint motor \N{SMILING FACE WITH SMILING EYES}"
HEADLINE: Final = "Repaint motor mulai 150 ribu"


def _user_id_of(digits: str) -> str:
    """A business-scoped user id that is always the same for a phone, and another for another."""
    if digits == PHONE.removeprefix("+"):
        return USER_ID
    return f"ID.{int.from_bytes(hashlib.sha256(digits.encode()).digest()[:8]):020d}"


def message(
    kind: Kind,
    *,
    message_id: str,
    at: int,
    phone: str = PHONE,
    user_id: str | None = None,
    name: str = NAME,
    text: str = TEXT,
    ad_id: str = AD_ID,
    click_id: str = CLICK_ID,
    headline: str = HEADLINE,
    account: str = ACCOUNT,
    line: str = LINE,
) -> dict[str, Any]:
    """A call that tells of one text message; `at` in Unix seconds, `phone` with or without `+`.

    ad-click: tapped an ad. organic: no ad. status-ad: an ad in WhatsApp Status, which has no click id. username: tapped
    an ad, and shows a username instead of the phone.
    """
    digits = phone.removeprefix("+")
    user_id = user_id or _user_id_of(digits)
    shown = {} if kind == "username" else {"wa_id": digits}
    sender = {} if kind == "username" else {"from": digits}
    profile = {"name": name, **({"username": "@budi.motor"} if kind == "username" else {})}
    told: dict[str, Any] = {
        **({} if kind == "organic" else {"referral": _referral(kind, ad_id, click_id, headline)}),
        **sender,
        "from_user_id": user_id,
        "id": message_id,
        "timestamp": str(at),
        "text": {"body": text},
        "type": "text",
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": LINE_NUMBER, "phone_number_id": line},
        "contacts": [{"profile": profile, **shown, "user_id": user_id}],
        "messages": [told],
    }
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": account, "changes": [{"value": value, "field": "messages"}]}],
    }


def as_sent(call: dict[str, Any]) -> bytes:
    """The bytes as Meta writes them: everything beyond ASCII and each slash is escaped, which the signature covers."""
    return json.dumps(call, separators=(",", ":")).replace("/", "\\/").encode()


def _referral(kind: Kind, ad_id: str, click_id: str, headline: str) -> dict[str, Any]:
    return {
        "source_url": "https://fb.me/2kVb7Yq1c",
        "source_id": ad_id,
        "source_type": "ad",
        "body": "Cat bodi motor, garansi 6 bulan",
        "headline": headline,
        "media_type": "image",
        "image_url": "https://scontent.xx.fbcdn.net/v/t45.1600-4/repaint.jpg",
        **({} if kind == "status-ad" else {"ctwa_clid": click_id}),
        "welcome_message": {"text": "Halo! Ada yang bisa kami bantu?"},
    }
