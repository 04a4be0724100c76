"""Who the customer is (Meta, Conversions API: customer information parameters; best practices; fbp and fbc)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from konversi.sandbox.errors import BAD_CLICK_ID, BAD_LEAD_ID, NOT_AN_OBJECT, TOO_LITTLE, UNHASHED, Refusal
from konversi.sandbox.rules.scene import Event, Scene, invalid, is_word, missing

HASHED = frozenset({
    "em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "f5first", "f5last", "fi", "dobd", "dobm", "doby",
})  # fmt: skip
PLAIN = frozenset({
    "client_user_agent", "subscription_id", "fb_login_id", "anon_id", "madid", "page_id", "page_scoped_user_id",
    "ctwa_clid", "whatsapp_business_account_id", "ig_account_id", "instagram_business_account_id", "ig_sid",
})  # fmt: skip
_OTHERS = frozenset({
    "external_id", "client_ip_address", "fbc", "fbp", "lead_id", "partner_id", "partner_name", "app_user_id",
})  # fmt: skip
_KNOWN = HASHED | PLAIN | _OTHERS

# No event is taken whose parameters are one of these sets, or a part of one.
_TOO_COMMON = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)

_EVER_TOO_COMMON = frozenset().union(*_TOO_COMMON)
_NOTHING: tuple[Any, ...] = (None, "", [])

_APPENDIX = r"(?:\.(?:[A-Za-z0-9_-]{8}|AQ|Ag|Aw|BA|BQ|Bg))?"  # added by Meta's parameter builder
_HASH = re.compile(rf"[a-f0-9]{{64}}{_APPENDIX}").fullmatch
_CLICK_ID = re.compile(rf"fb\.[0-9]+\.[0-9]{{13}}\.[A-Za-z0-9_-]+{_APPENDIX}").fullmatch
_BROWSER_ID = re.compile(rf"fb\.[0-9]+\.[0-9]{{13}}\.[0-9]+{_APPENDIX}").fullmatch
_LEAD_ID = re.compile(r"[0-9]{15,17}").fullmatch


def given(event: Event, _scene: Scene) -> Refusal | None:
    people = event.get("user_data")
    if people is None:
        return missing("user_data")
    return None if isinstance(people, dict) else Refusal(NOT_AN_OBJECT, ("user_data",))


def hashed(event: Event, _scene: Scene) -> Refusal | None:
    people = event["user_data"]
    for key, value in people.items():
        if key not in HASHED or value is None:
            continue
        for one in value if isinstance(value, list) else (value,):
            if not isinstance(one, str) or not _HASH(one):
                return Refusal(UNHASHED, ("user_data", key))
    return None


def plain(event: Event, _scene: Scene) -> Refusal | None:
    people = event["user_data"]
    for key, value in people.items():
        if key in PLAIN and value is not None and not is_word(value):
            return invalid("user_data", key)
    own = people.get("external_id")
    for one in own if isinstance(own, list) else (own,):
        if one is not None and not is_word(one):
            return invalid("user_data", "external_id")
    return None


def address(event: Event, _scene: Scene) -> Refusal | None:
    value = event["user_data"].get("client_ip_address")
    return None if value is None or _is_ip(value) else invalid("user_data", "client_ip_address")


def click(event: Event, _scene: Scene) -> Refusal | None:
    value = event["user_data"].get("fbc")
    if value is None or (isinstance(value, str) and _CLICK_ID(value)):
        return None
    return Refusal(BAD_CLICK_ID, ("user_data", "fbc"))


def browser(event: Event, _scene: Scene) -> Refusal | None:
    value = event["user_data"].get("fbp")
    return None if value is None or (isinstance(value, str) and _BROWSER_ID(value)) else invalid("user_data", "fbp")


def lead(event: Event, _scene: Scene) -> Refusal | None:
    value = event["user_data"].get("lead_id")
    return None if value is None or _LEAD_ID(str(value)) else Refusal(BAD_LEAD_ID, ("user_data", "lead_id"))


def enough(event: Event, _scene: Scene) -> Refusal | None:
    people = event["user_data"]
    keys = {key for key in people if key in _KNOWN and people[key] not in _NOTHING}
    if keys - _EVER_TOO_COMMON:
        return None
    return Refusal(TOO_LITTLE, ("user_data",)) if any(keys <= common for common in _TOO_COMMON) else None


def _is_ip(value: Any) -> bool:
    try:
        ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True
