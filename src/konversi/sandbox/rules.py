"""What Meta demands of one event: small checks, tried in order; the first that fails names the refusal.

Source: Meta, Conversions API: server event, customer information, standard parameters, fbp and fbc, offline events; the
minimum of customer information is in its best practices, and which customers each chat needs in `messaging`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from konversi.sandbox.errors import Problem
from konversi.sandbox.messaging import account

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.sandbox.datasets import Dataset

    Event = dict[str, Any]

_DAY = 86_400
_OLDEST = 7 * _DAY
_OLDEST_IN_STORE = 62 * _DAY
_AHEAD = 60
_FIRST_MILLISECONDS = 100_000_000_000

ACTION_SOURCES = frozenset(
    "app business_messaging chat email other phone_call physical_store system_generated website".split()
)
HASHED = tuple("em ph fn ln ge db ct st zp country f5first f5last fi dobd dobm doby".split())
TOO_LITTLE = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
_NOTHING: tuple[object, ...] = (None, "", [])

_HASH = re.compile(r"[0-9a-f]{64}(\.[A-Za-z0-9_-]{2,8})?", re.ASCII)
_FBC = re.compile(r"fb\.\d\.\d{13}\.[^.\s]+(\.[A-Za-z0-9_-]{2,8})?", re.ASCII)
_LEAD_ID = re.compile(r"\d{15,17}", re.ASCII)
_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)
_AMOUNT = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def check(event: Event, dataset: Dataset, now: float) -> Problem | None:
    """Why Meta refuses this event, or None. `now` is in Unix seconds."""
    for rule in _OF_THE_EVENT:
        problem = rule(event)
        if problem:
            return problem
    return _time(event, now) or account(event, dataset)


def _required(event: Event) -> Problem | None:
    for field, kind in _REQUIRED:
        value = event.get(field)
        if value in _NOTHING or not isinstance(value, kind):
            return Problem("invalid_parameter", field)
    return None


_REQUIRED: tuple[tuple[str, type], ...] = (
    ("event_name", str),
    ("event_time", object),
    ("action_source", str),
    ("user_data", dict),
)


def _action_source(event: Event) -> Problem | None:
    return None if event["action_source"] in ACTION_SOURCES else Problem("invalid_parameter", "action_source")


def _custom_data(event: Event) -> Problem | None:
    wrong = not isinstance(event.get("custom_data", {}), dict | None)
    return Problem("invalid_parameter", "custom_data") if wrong else None


def _test_code(event: Event) -> Problem | None:
    return Problem("invalid_parameter", "test_event_code") if "test_event_code" in event else None


def _unhashed(event: Event) -> Problem | None:
    user = event["user_data"]
    for key in HASHED:
        value = user.get(key)
        if value is None:
            continue
        for each in value if isinstance(value, list) else (value,):
            if not isinstance(each, str) or not _HASH.fullmatch(each):
                return Problem("not_hashed", f"user_data.{key}")
    return None


def _minimum(event: Event) -> Problem | None:
    keys = {key for key, value in event["user_data"].items() if value not in _NOTHING}
    return Problem("too_little_customer", "user_data") if any(keys <= few for few in TOO_LITTLE) else None


def _price(event: Event) -> Problem | None:
    data = event.get("custom_data") or {}
    value, currency = data.get("value"), data.get("currency")
    if event["event_name"] == "Purchase":
        for field, given in (("value", value), ("currency", currency)):
            if given in _NOTHING:
                return Problem("purchase_without_price", f"custom_data.{field}")
    if value is not None and not _is_amount(value):
        return Problem("invalid_parameter", "custom_data.value")
    if currency is not None and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        return Problem("invalid_parameter", "custom_data.currency")
    return None


def _is_amount(value: object) -> bool:
    if isinstance(value, str):
        return bool(_AMOUNT.fullmatch(value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _click_id(event: Event) -> Problem | None:
    fbc = event["user_data"].get("fbc")
    if fbc is None or (isinstance(fbc, str) and _FBC.fullmatch(fbc)):
        return None
    return Problem("click_id", "user_data.fbc")


def _lead_id(event: Event) -> Problem | None:
    lead = event["user_data"].get("lead_id")
    return None if lead is None or _LEAD_ID.fullmatch(str(lead)) else Problem("lead_id", "user_data.lead_id")


def _time(event: Event, now: float) -> Problem | None:
    """Seconds, not milliseconds; at most 60 s ahead (Meta gives no tolerance); 7 days back, or 62 in a store."""
    time = event["event_time"]
    if not isinstance(time, int) or isinstance(time, bool) or time >= _FIRST_MILLISECONDS or time > now + _AHEAD:
        return Problem("not_a_time", "event_time")
    oldest = _OLDEST_IN_STORE if event["action_source"] == "physical_store" else _OLDEST
    return Problem("too_old", "event_time") if time < now - oldest else None


_OF_THE_EVENT: tuple[Callable[[Event], Problem | None], ...] = (
    _required,
    _action_source,
    _custom_data,
    _test_code,
    _unhashed,
    _minimum,
    _price,
    _click_id,
    _lead_id,
)
