"""`GET /v{N}.0/act_{id}/insights`: what ads cost, by the day (Meta, Marketing API: Insights)."""

from __future__ import annotations

import base64
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from konversi.sandbox import errors
from konversi.sandbox.ad_account import account_in
from konversi.sandbox.answers import Answer, new_trace
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta
    from konversi.sandbox.spend import AdDay

_MOST_DAYS = 37 * 31  # Meta keeps 37 months
_PAGE, _LARGEST_PAGE = 25, 500
_THROTTLE = {"app_id_util_pct": 2, "acc_id_util_pct": 3, "ads_api_access_tier": "standard_access"}
_WINDOWS = frozenset({"1d_click", "7d_click", "28d_click", "1d_view", "1d_ev"})
_PLAIN = (
    "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "campaign_name", "spend", "impressions", "clicks",
)  # fmt: skip
_FIELDS = frozenset({*_PLAIN, "account_id", "account_currency", "actions", "action_values", "date_start", "date_stop"})


async def insights(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    account = account_in(meta, call)
    if isinstance(account, Refusal):
        return account
    if (wrong := _wrong(call)) is not None:
        return Refusal(errors.INVALID, top=wrong)
    wanted, windows = _fields(call), _windows(call)
    begin, size = _offset(call.given.get("after")) or 0, _size(call.given.get("limit")) or _PAGE
    days = _days(call.given.get("time_range"))
    rows = meta.spending.rows(account, *days) if days else []
    facts = {"account_id": account, "account_currency": meta.spending.facts(account)["currency"]}
    shown = [_shown(row, facts, wanted, windows) for row in rows[begin : begin + size]]
    answer = Answer({"data": shown, **_paging(call, begin, size, len(rows))}, trace=new_trace())
    answer.headers["x-fb-ads-insights-throttle"] = orjson.dumps(_THROTTLE).decode()
    return answer


def _wrong(call: Call) -> str | None:
    """The first parameter that can't be taken."""
    given, windows = call.given, _windows(call)
    can_be_taken = {
        "fields": _FIELDS.issuperset(_fields(call)),
        "level": given.get("level") == "ad",
        "time_increment": str(given.get("time_increment")) == "1",
        "time_range": _days(given.get("time_range")) is not None,
        "action_attribution_windows": isinstance(windows, list) and _WINDOWS.issuperset(map(str, windows)),
        "after": _offset(given.get("after")) is not None,
        "limit": _size(given.get("limit")) is not None,
    }
    return next((name for name, good in can_be_taken.items() if not good), None)


def _fields(call: Call) -> list[str]:
    return [name for name in str(call.given.get("fields") or "spend,impressions").split(",") if name]


def _windows(call: Call) -> Any:
    return _decoded(call.given.get("action_attribution_windows", []))


def _shown(row: AdDay, facts: dict[str, str], wanted: Sequence[str], windows: Sequence[Any]) -> dict[str, Any]:
    day = row.day.isoformat()
    known: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN} | facts
    known |= {"actions": _listed(row.actions, windows), "action_values": _listed(row.action_values, windows)}
    found = {name: known[name] for name in wanted if known.get(name) not in (None, [])}
    return found | {"date_start": day, "date_stop": day}


def _listed(numbers: dict[str, str], windows: Sequence[Any]) -> list[dict[str, str]]:
    """Each window has a key of its own beside the sum; here every action was a click's."""
    per_window = {str(name): "click" in str(name) for name in windows}
    return [
        {"action_type": name, "value": number, **{w: number for w, clicked in per_window.items() if clicked}}
        for name, number in numbers.items()
    ]


def _paging(call: Call, begin: int, size: int, total: int) -> dict[str, Any]:
    if total == 0:
        return {}
    after = _cursor(min(begin + size, total))
    paging: dict[str, Any] = {"cursors": {"before": _cursor(begin), "after": after}}
    if begin + size < total:
        given = {**call.given, "after": after, "access_token": call.token or ""}
        paging["next"] = f"https://graph.facebook.com/{call.version}/{call.node}/insights?{urlencode(given)}"
    return {"paging": paging}


def _cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


def _offset(after: Any) -> int | None:
    if after is None:
        return 0
    try:
        return max(0, int(base64.b64decode(str(after), validate=True)))
    except ValueError:
        return None


def _size(limit: Any) -> int | None:
    text = str(_PAGE if limit is None else limit)
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) <= _LARGEST_PAGE else None


def _days(given: Any) -> tuple[date, date] | None:
    asked = _decoded(given)
    if not isinstance(asked, dict):
        return None
    try:
        since, until = date.fromisoformat(str(asked["since"])), date.fromisoformat(str(asked["until"]))
    except (KeyError, ValueError):
        return None
    return (since, until) if 0 <= (until - since).days < _MOST_DAYS else None


def _decoded(given: Any) -> Any:
    """What stands in an address as JSON."""
    try:
        return orjson.loads(given) if isinstance(given, str) else given
    except orjson.JSONDecodeError:
        return None
