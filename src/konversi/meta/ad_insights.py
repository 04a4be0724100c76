"""What Meta says of ads, by the day: what they cost, and what Meta itself counts as their result. Pure.

Source: Meta, Marketing API: Insights. All numbers come as text; `spend` is in major units of the account's currency.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.events.money import SCALE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FIELDS = (
    "account_currency,campaign_id,campaign_name,adset_id,adset_name,ad_id,ad_name,spend,impressions,clicks,"
    "actions,action_values,date_start"
)
WINDOWS = '["7d_click","1d_view"]'
_MOST = Decimal(10) ** 14  # major units: no ad costs more in a day
_LONGEST_NAME = 200

# The types overlap (`purchase` is a part of `omni_purchase`), so they are never added: the first one that an account
# has is taken, and the others are left alone.
ACTION_TYPES: Mapping[str, tuple[str, ...]] = {
    "conversations": (
        "onsite_conversion.messaging_conversation_started_7d",
        "onsite_conversion.messaging_first_reply",
        "onsite_conversion.total_messaging_connection",
    ),
    "bookings": ("omni_lead", "lead", "onsite_conversion.lead_grouped", "offsite_conversion.fb_pixel_lead"),
    "payments": (
        "omni_purchase",
        "purchase",
        "onsite_conversion.purchase",
        "offsite_conversion.fb_pixel_purchase",
    ),
}


class AdDay(NamedTuple):
    """One ad on one day. Money is in units of 1/`SCALE`."""

    day: str  # YYYY-MM-DD, in the account's time zone
    ad_id: str
    ad_name: str
    adset_id: str
    adset_name: str
    campaign_id: str
    campaign_name: str
    currency: str
    spend: int
    impressions: int
    clicks: int
    meta_conversations: int
    meta_bookings: int
    meta_payments: int
    meta_booking_value: int
    meta_payment_value: int


class Unreadable(ValueError):
    """A row of Meta's that can't be understood, by the name of its field."""


def read_rows(rows: Iterable[Any], types: Mapping[str, Sequence[str]] = ACTION_TYPES) -> list[AdDay]:
    """Every row, with one type of action for each kind: the first of the order that any row has.

    Raises `Unreadable`: a sum that lacks a row would look right, and be wrong.
    """
    objects = [_object(row) for row in rows]
    chosen = {kind: _first_there(objects, order) for kind, order in types.items()}
    return [_read(row, chosen) for row in objects]


def _read(row: Mapping[str, Any], chosen: Mapping[str, str | None]) -> AdDay:
    day, currency = _text(row, "date_start", 10), _text(row, "account_currency", 3)
    return AdDay(
        day=day,
        ad_id=_text(row, "ad_id", 60),
        ad_name=_text(row, "ad_name", _LONGEST_NAME, needed=False),
        adset_id=_text(row, "adset_id", 60),
        adset_name=_text(row, "adset_name", _LONGEST_NAME, needed=False),
        campaign_id=_text(row, "campaign_id", 60),
        campaign_name=_text(row, "campaign_name", _LONGEST_NAME, needed=False),
        currency=currency,
        spend=scaled(row.get("spend", "0"), "spend"),
        impressions=_count(row.get("impressions", "0"), "impressions"),
        clicks=_count(row.get("clicks", "0"), "clicks"),
        meta_conversations=_actions(row, chosen.get("conversations")),
        meta_bookings=_actions(row, chosen.get("bookings")),
        meta_payments=_actions(row, chosen.get("payments")),
        meta_booking_value=_worth(row, chosen.get("bookings")),
        meta_payment_value=_worth(row, chosen.get("payments")),
    )


def scaled(value: Any, field: str) -> int:
    """An amount in major units as whole units of 1/`SCALE`. Raises `Unreadable`."""
    return int((_number(value, field) * SCALE).to_integral_value())


def amount(value: int) -> int | float:
    """An amount in major units, for people and programs."""
    return value // SCALE if value % SCALE == 0 else value / SCALE


def _actions(row: Mapping[str, Any], wanted: str | None) -> int:
    return int(_said(row, "actions", wanted).to_integral_value())


def _worth(row: Mapping[str, Any], wanted: str | None) -> int:
    return int((_said(row, "action_values", wanted) * SCALE).to_integral_value())


def _said(row: Mapping[str, Any], field: str, wanted: str | None) -> Decimal:
    for one in _entries(row, field):
        if one.get("action_type") == wanted:
            return _number(one.get("value", "0"), field)
    return Decimal(0)


def _first_there(rows: Sequence[Mapping[str, Any]], order: Sequence[str]) -> str | None:
    there = {one.get("action_type") for row in rows for one in _entries(row, "actions")}
    return next((name for name in order if name in there), None)


def _entries(row: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    given = row.get(field)
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _object(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise Unreadable("data")
    return row


def _text(row: Mapping[str, Any], field: str, longest: int, *, needed: bool = True) -> str:
    value = row.get(field, "")
    if not isinstance(value, str) or (needed and not value):
        raise Unreadable(field)
    return value.replace("\x00", "")[:longest]


def _count(value: Any, field: str) -> int:
    return int(_number(value, field).to_integral_value())


def _number(value: Any, field: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Unreadable(field) from None
    if not number.is_finite() or not 0 <= number < _MOST:
        raise Unreadable(field)
    return number
