"""`/v{N}.0/act_{id}/customconversions`: made from a rule, and listed (Meta, Marketing API: custom conversions)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from konversi.sandbox import errors
from konversi.sandbox.ad_account import account_in
from konversi.sandbox.answers import Answer, new_trace
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from konversi.sandbox.arrival import Fields
    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta

_TYPES = frozenset({
    "ADD_PAYMENT_INFO", "ADD_TO_CART", "ADD_TO_WISHLIST", "COMPLETE_REGISTRATION", "CONTACT", "CONTENT_VIEW",
    "CUSTOMIZE_PRODUCT", "DONATE", "FIND_LOCATION", "INITIATED_CHECKOUT", "LEAD", "LISTING_INTERACTION", "OTHER",
    "PURCHASE", "SCHEDULE", "SEARCH", "START_TRIAL", "SUBMIT_APPLICATION", "SUBSCRIBE", "FACEBOOK_SELECTED",
})  # fmt: skip
_OPERATORS = frozenset({"eq", "neq", "i_contains", "i_not_contains", "contains", "gt", "gte", "lt", "lte"})
_NEEDED = ("name", "event_source_id", "custom_event_type", "rule")
_DEEPEST, _MOST, _LONGEST = 4, 100, 200


async def make_conversion(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    account = account_in(meta, call)
    if isinstance(account, Refusal):
        return account
    given = call.given
    if (wrong := _wrong(meta, given)) is not None:
        return Refusal(errors.MISSING if not given.get(wrong) else errors.INVALID, top=wrong)
    kept = meta.spending.conversions.setdefault(account, [])
    if len(kept) >= _MOST:
        return Refusal(errors.TOO_MANY_CONVERSIONS)
    number = f"7{int(account) % 10**8:08}{len(kept) + 1:06}"
    names = ("name", "event_source_id", "custom_event_type", "rule", "description", "default_conversion_value")
    kept.append({"id": number, **{name: given[name] for name in names if given.get(name) is not None}})
    return Answer({"id": number}, trace=new_trace())


async def list_conversions(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    account = account_in(meta, call)
    if isinstance(account, Refusal):
        return account
    return Answer({"data": list(meta.spending.conversions.get(account, []))}, trace=new_trace())


def _wrong(meta: LocalMeta, given: Fields) -> str | None:
    """The first parameter that is missing or can't be taken."""
    if missing := next((name for name in _NEEDED if not given.get(name)), None):
        return missing
    can_be_taken = {
        "name": len(str(given["name"])) <= _LONGEST,
        "event_source_id": meta.datasets.find(str(given["event_source_id"])) is not None,
        "custom_event_type": given["custom_event_type"] in _TYPES,
        "rule": _is_rule(_decoded(given["rule"])),
    }
    return next((name for name, good in can_be_taken.items() if not good), None)


def _is_rule(rule: Any, depth: int = 0) -> bool:
    """`{"and": [...]}` and `{"or": [...]}` over `{parameter: {operator: text}}`."""
    if not isinstance(rule, dict) or len(rule) != 1 or depth > _DEEPEST:
        return False
    ((name, inner),) = rule.items()
    if name in ("and", "or"):
        return isinstance(inner, list) and bool(inner) and all(_is_rule(part, depth + 1) for part in inner)
    if depth == 0 or not isinstance(inner, dict) or len(inner) != 1:
        return False
    ((operator, value),) = inner.items()
    return operator in _OPERATORS and isinstance(value, str) and bool(value)


def _decoded(rule: Any) -> Any:
    try:
        return orjson.loads(rule) if isinstance(rule, str) else None
    except orjson.JSONDecodeError:
        return None
