"""Custom conversions of an ad account: made of a rule over events, so that ads can be optimised for a kind of booking.

Source: Meta, Marketing API: `POST` and `GET /act_{ID}/customconversions`, as Meta's SDK for Python has its parameters.
Making one is not idempotent at Meta, so one with the same name and the same rule is looked for first, and again after
a request without an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from konversi.meta.answers import Kind, Verdict
from konversi.meta.channels import MESSAGING_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.meta.graph import Credentials, GraphClient

_FIELDS = "id,name,custom_event_type,rule,default_conversion_value,description,event_source_id"
_ROWS_A_PAGE = "100"
_MOST_PAGES = 20  # an account has a hundred at most

# What Meta files the standard events under; anything else is OTHER.
EVENT_TYPES: Mapping[str, str] = {
    "AddPaymentInfo": "ADD_PAYMENT_INFO",
    "AddToCart": "ADD_TO_CART",
    "CompleteRegistration": "COMPLETE_REGISTRATION",
    "Contact": "CONTACT",
    "InitiateCheckout": "INITIATED_CHECKOUT",
    "Lead": "LEAD",
    "LeadSubmitted": "LEAD",
    "Purchase": "PURCHASE",
    "Schedule": "SCHEDULE",
    "Search": "SEARCH",
    "StartTrial": "START_TRIAL",
    "SubmitApplication": "SUBMIT_APPLICATION",
    "Subscribe": "SUBSCRIBE",
    "ViewContent": "CONTENT_VIEW",
}


class Wanted(NamedTuple):
    """Which bookings count: of this event, and with all that is said of them."""

    name: str
    event: str  # of the conversion
    source: str | None = None  # the bot's or form's name, as `source` of the conversion
    min_value: float | None = None  # in the event's currency
    where: Mapping[str, str] = {}  # properties of the event and a text that each holds
    description: str | None = None
    value: float | None = None  # what one is worth where the event has no value


class Known(NamedTuple):
    """The account's custom conversions. Without any `rows`, the verdict says why."""

    rows: list[dict[str, Any]] | None
    verdict: Verdict


class Made(NamedTuple):
    """The custom conversion's id, and whether it was made now. Without an id, the verdict says why."""

    id: str | None
    new: bool
    verdict: Verdict


def rule_of(wanted: Wanted) -> dict[str, Any]:
    """Meta's rule. An event counts under both names that Meta may have heard: that of chats from ads is another."""
    heard = dict.fromkeys((wanted.event, MESSAGING_NAMES.get(wanted.event, wanted.event)))
    names: list[dict[str, Any]] = [{"event": {"eq": name}} for name in heard]
    parts = [names[0] if len(names) == 1 else {"or": names}]
    if wanted.source:
        parts.append({"source": {"eq": wanted.source}})
    if wanted.min_value is not None:
        parts.append({"value": {"gte": _written(wanted.min_value)}})
    parts += [{key: {"i_contains": text}} for key, text in wanted.where.items()]
    return {"and": parts}


async def listed(graph: GraphClient, to: Credentials) -> Known:
    """All of the account that `to` names as `act_...`. Never raises for what the network does."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        given = {"fields": _FIELDS, "limit": _ROWS_A_PAGE, **after}
        sent, answer = await graph.ask("GET", f"/{to.pixel_id}/customconversions", to, **given)
        if sent.verdict.kind is not Kind.DELIVERED:
            return Known(None, sent.verdict)
        data, paging = answer.get("data"), answer.get("paging")
        found += [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
        cursors = paging.get("cursors") if isinstance(paging, dict) and paging.get("next") else None
        following = cursors.get("after") if isinstance(cursors, dict) else None
        if not isinstance(following, str):
            return Known(found, sent.verdict)
        after = {"after": following}
    return Known(found, sent.verdict)


async def made(graph: GraphClient, to: Credentials, dataset: str, wanted: Wanted) -> Made:
    """The custom conversion of this name and rule, made where there is none. Never raises for what the network does."""
    known = await listed(graph, to)
    if known.rows is None:
        return Made(None, new=False, verdict=known.verdict)
    if (there := _same(known.rows, wanted)) is not None:
        return Made(there, new=False, verdict=known.verdict)
    sent, answer = await graph.ask("POST", f"/{to.pixel_id}/customconversions", to, **_given(dataset, wanted))
    number = answer.get("id")
    if sent.verdict.kind is Kind.DELIVERED and number:
        return Made(str(number), new=True, verdict=sent.verdict)
    if sent.verdict.kind is Kind.IN_DOUBT:
        again = await listed(graph, to)
        if again.rows is not None and (there := _same(again.rows, wanted)) is not None:
            return Made(there, new=True, verdict=again.verdict)
    return Made(None, new=False, verdict=sent.verdict)


def _given(dataset: str, wanted: Wanted) -> dict[str, str]:
    more = {
        "description": wanted.description,
        "default_conversion_value": None if wanted.value is None else _written(wanted.value),
    }
    return {
        "name": wanted.name,
        "event_source_id": dataset,
        "custom_event_type": EVENT_TYPES.get(wanted.event, "OTHER"),
        "rule": orjson.dumps(rule_of(wanted)).decode(),
        **{name: text for name, text in more.items() if text},
    }


def _written(amount: float) -> str:
    """In major units, without an exponent."""
    return f"{amount:.2f}".rstrip("0").rstrip(".")


def _same(rows: Sequence[dict[str, Any]], wanted: Wanted) -> str | None:
    rule = rule_of(wanted)
    for row in rows:
        if row.get("name") == wanted.name and _decoded(row.get("rule")) == rule and row.get("id"):
            return str(row["id"])
    return None


def _decoded(rule: Any) -> Any:
    try:
        return orjson.loads(rule) if isinstance(rule, str) else rule
    except orjson.JSONDecodeError:
        return None
