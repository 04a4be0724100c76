"""What was bought (Meta, Conversions API: standard parameters)."""

from __future__ import annotations

import math
from typing import Any

from konversi.sandbox.errors import NO_PRICE, NOT_AN_OBJECT, Refusal
from konversi.sandbox.rules.currencies import CURRENCIES
from konversi.sandbox.rules.scene import Event, Scene, invalid, is_whole, is_word, missing

_DELIVERY = frozenset({"in_store", "curbside", "home_delivery"})
_CONTENT_TYPES = frozenset({"product", "product_group"})
_NUMBERS = ("value", "predicted_ltv", "net_revenue")


def given(event: Event, _scene: Scene) -> Refusal | None:
    custom = event.get("custom_data")
    return None if custom is None or isinstance(custom, dict) else Refusal(NOT_AN_OBJECT, ("custom_data",))


def value(event: Event, _scene: Scene) -> Refusal | None:
    custom = event.get("custom_data") or {}
    if event["event_name"] == "Purchase" and not _is_number(custom.get("value")):
        return Refusal(NO_PRICE, ("custom_data", "value"))
    for key in _NUMBERS:
        if custom.get(key) is not None and not _is_number(custom[key]):
            return invalid("custom_data", key)
    return None


def currency(event: Event, _scene: Scene) -> Refusal | None:
    code = (event.get("custom_data") or {}).get("currency")
    if code is None:
        return Refusal(NO_PRICE, ("custom_data", "currency")) if event["event_name"] == "Purchase" else None
    return None if isinstance(code, str) and code.upper() in CURRENCIES else invalid("custom_data", "currency")


def contents(event: Event, _scene: Scene) -> Refusal | None:
    items = (event.get("custom_data") or {}).get("contents")
    if items is None:
        return None
    if not isinstance(items, list):
        return invalid("custom_data", "contents")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            return Refusal(NOT_AN_OBJECT, ("custom_data", "contents", str(index)))
        if not is_word(item.get("id")):
            return missing("custom_data", "contents", str(index), "id")
    return None


def details(event: Event, _scene: Scene) -> Refusal | None:
    custom = event.get("custom_data") or {}
    ids = custom.get("content_ids")
    if ids is not None and not (isinstance(ids, list) and all(is_word(one) for one in ids)):
        return invalid("custom_data", "content_ids")
    count = custom.get("num_items")
    if count is not None and not is_whole(count):
        return invalid("custom_data", "num_items")
    for key, allowed in (("content_type", _CONTENT_TYPES), ("delivery_category", _DELIVERY)):
        if custom.get(key) is not None and not (isinstance(custom[key], str) and custom[key] in allowed):
            return invalid("custom_data", key)
    order = custom.get("order_id")
    return None if order is None or is_word(order) else invalid("custom_data", "order_id")


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
