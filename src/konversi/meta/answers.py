"""What an answer from Meta means. Judged by code and subcode, never by text, which comes in the token owner's language.

Source of the table: Meta, Graph API: error handling; Marketing API: error reference and rate limiting; and public
measurements for the subcodes that Meta doesn't document.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from konversi.logs import redact

_DIGITS = re.compile(r"-?[0-9]{1,10}")
_LARGEST = 2**31
_KEPT_ANSWER = 2_000  # characters of an unusual answer that are kept for people to read


class Kind(StrEnum):
    """What is to be done about an answer."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # this event can never succeed (in a batch: one of them)
    UNLINKED = "unlinked"  # something is not linked at Meta that these events need: others may pass
    PAUSED = "paused"  # token, permission or dataset: nothing can succeed until a person acts
    THROTTLED = "throttled"  # too much at once: slow down
    FAILED = "failed"  # Meta's own fault: try again
    UNCLEAR = "unclear"  # try again, but suspect a single event if it goes on
    IN_DOUBT = "in_doubt"  # the request left, and nobody knows whether Meta took it
    NOT_SENT = "not_sent"  # the request never left


class Rule(NamedTuple):
    """A row of the table: the kind, what it means, and what to do."""

    kind: Kind
    means: str
    remedy: str


class Verdict(NamedTuple):
    """The meaning of one answer."""

    kind: Kind
    reason: str  # what happened and what to do, in plain words
    http_status: int | None = None
    code: int | None = None
    subcode: int | None = None
    fbtrace_id: str | None = None
    events_received: int | None = None
    answer: str | None = None  # redacted; kept where it was not a plain success


_SOON = "Konversi tries again by itself."
_RENEW = (
    "Generate a new one (Events Manager > dataset > Settings > Conversions API), put it into META_CONVERSION_API_TOKEN "
    "and start Konversi again, or hand it over with `konversi datasets add ID`; the events wait."
)
_ACCESS = (
    "Give the token's system user access to the dataset (Business settings > Data sources > Datasets > People); "
    "the events wait, and Konversi looks again every few minutes."
)
_ASSIGN = "Link it in Events Manager > dataset > Settings; Konversi tries again by itself."
_CHECK_EVENT = "Correct the data where it comes from; this event can't be sent as it is."

_TOKEN = Rule(Kind.PAUSED, "Invalid access token.", _RENEW)
_DATASET = Rule(
    Kind.PAUSED,
    "Pixel not found: the dataset doesn't exist, or the token has no access to it.",
    "Verify its id (META_PIXEL_ID) in Events Manager, and that the token was generated for it; the events wait.",
)
_PERMISSION = Rule(Kind.PAUSED, "The token lacks a permission.", _ACCESS)
_THROTTLE = Rule(Kind.THROTTLED, "Meta asks to slow down.", _SOON)
_DOWN = Rule(Kind.FAILED, "Meta has a passing fault.", _SOON)
_UNKNOWN = Rule(Kind.UNCLEAR, "Meta reports an unknown fault.", _SOON)
_BAD_EVENT = Rule(Kind.REFUSED, "Meta found the event invalid.", _CHECK_EVENT)

RULES: dict[tuple[int, int | None], Rule] = {
    (1, None): _UNKNOWN,
    (2, None): _DOWN,
    (3, None): _PERMISSION,
    (4, None): _THROTTLE,
    (10, None): _PERMISSION,
    (17, None): _THROTTLE,
    (32, None): _THROTTLE,
    (100, None): _BAD_EVENT,
    (100, 33): _DATASET,
    (100, 2804001): Rule(Kind.REFUSED, "The click id (fbc) is malformed.", _CHECK_EVENT),
    (100, 2804003): Rule(
        Kind.REFUSED, "The event is older than Meta takes.", "Check the clock; old events can't be sent."
    ),
    (100, 2804009): Rule(Kind.REFUSED, "A Purchase needs a value.", _CHECK_EVENT),
    (100, 2804016): Rule(
        Kind.REFUSED, "A match key reached Meta unhashed.", "This is a fault of Konversi: please report it."
    ),
    (100, 2804030): Rule(Kind.PAUSED, "Meta asks for a choice on Limited Data Use.", "Make it in Events Manager."),
    (100, 2804036): Rule(Kind.REFUSED, "The lead_id is not one of Meta's lead ads.", _CHECK_EVENT),
    (100, 2804050): Rule(Kind.REFUSED, "Too little is known about the customer to match anyone.", _CHECK_EVENT),
    (100, 2804066): Rule(
        Kind.REFUSED,
        "Meta doesn't take this event name in chats that an ad opened.",
        "Map it to another one with META_MESSAGING_NAMES.",
    ),
    (100, 2804116): Rule(
        Kind.UNLINKED,
        "The event names neither a Page nor a WhatsApp Business Account.",
        "Send the account's id with it.",
    ),
    (100, 2804131): Rule(Kind.UNLINKED, "No Page is linked to the dataset.", _ASSIGN),
    (100, 2804132): Rule(Kind.UNLINKED, "No WhatsApp Business Account is linked to the dataset.", _ASSIGN),
    (102, None): _TOKEN,
    (104, None): _TOKEN,
    (190, None): _TOKEN,
    (190, 463): Rule(Kind.PAUSED, "Invalid access token: it has expired.", _RENEW),
    (190, 460): Rule(Kind.PAUSED, "Invalid access token: its owner changed the password.", _RENEW),
    (190, 458): Rule(Kind.PAUSED, "Invalid access token: the app was removed.", _RENEW),
    (294, None): _PERMISSION,
    (341, None): _THROTTLE,
    (368, None): Rule(
        Kind.PAUSED, "Meta has blocked this account for a time.", "See Business Support in Meta; the events wait."
    ),
    (506, None): _BAD_EVENT,
    (613, None): _THROTTLE,
    (803, None): _DATASET,
    (2635, None): Rule(Kind.PAUSED, "This version of Meta's API is retired.", "Set META_API_VERSION to a newer one."),
    (5000, None): _UNKNOWN,
    (21009, None): _DOWN,
    (80000, None): _THROTTLE,
    (80003, None): _THROTTLE,
    (80004, None): _THROTTLE,
    (80014, None): _THROTTLE,
}

_FIRST_PERMISSION, _LAST_PERMISSION = 200, 299

_BY_STATUS: dict[int, Rule] = {
    401: _TOKEN,
    403: _PERMISSION,
    404: _DATASET,
    413: Rule(Kind.REFUSED, "The request was too large for Meta.", _CHECK_EVENT),
    429: _THROTTLE,
}
_REDIRECT = Rule(
    Kind.PAUSED, "The address of Meta's API answered with a redirect, which is never followed.", "Check META_GRAPH_URL."
)
_NO_GRAPH = Rule(Kind.UNCLEAR, "Something that isn't Meta's API answered.", "Check META_GRAPH_URL and any proxy.")
_LOST = Rule(
    Kind.IN_DOUBT,
    "The request left, but the answer says nothing, so nobody knows whether Meta has the events.",
    "See KONVERSI_ON_IN_DOUBT; a delivery that Meta counted twice shows in Events Manager.",
)


def judge(status: int, body: bytes, sent: int) -> Verdict:
    """The verdict on an answer to a request with `sent` events. Total: there is one for every status and body."""
    answer = parsed(body)
    error = answer.get("error")
    if isinstance(error, dict):
        return _refusal(status, body, error)
    if status // 100 == 2:  # noqa: PLR2004 - the success class of HTTP
        return _receipt(status, body, answer, sent)
    return _without_words(status, body)


def parsed(body: bytes) -> dict[str, Any]:
    """The answer's object; empty where it is none."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _receipt(status: int, body: bytes, answer: dict[str, Any], sent: int) -> Verdict:
    received = _whole(answer.get("events_received"))
    trace = _word(answer.get("fbtrace_id"))
    if received == sent:
        messages = answer.get("messages")
        return Verdict(
            Kind.DELIVERED,
            "",
            status,
            fbtrace_id=trace,
            events_received=received,
            answer=_kept(body) if messages else None,
        )
    reason = (
        f"Meta says it received {received} of {sent} events, and not which. {_LOST.remedy}"
        if received is not None
        else f"{_LOST.means} {_LOST.remedy}"
    )
    return Verdict(Kind.IN_DOUBT, reason, status, fbtrace_id=trace, events_received=received, answer=_kept(body))


def _refusal(status: int, body: bytes, error: dict[str, Any]) -> Verdict:
    code, subcode = _whole(error.get("code")), _whole(error.get("error_subcode"))
    rule = _rule(code, subcode, transient=error.get("is_transient") is True, status=status)
    number = f" (code {code}{f', subcode {subcode}' if subcode else ''})" if code is not None else ""
    means = rule.means.rstrip(".")
    return Verdict(
        rule.kind,
        f"{means}{number}. {rule.remedy}",
        status,
        code,
        subcode,
        _word(error.get("fbtrace_id")),
        answer=_kept(body),
    )


def _rule(code: int | None, subcode: int | None, *, transient: bool, status: int) -> Rule:
    if transient:
        return _THROTTLE if code is not None and RULES.get((code, None)) is _THROTTLE else _DOWN
    if code is None:
        return _BY_STATUS.get(status, _UNKNOWN)
    exact = RULES.get((code, subcode)) or RULES.get((code, None))
    if exact:
        return exact
    if _FIRST_PERMISSION <= code <= _LAST_PERMISSION:
        return _PERMISSION
    return _UNKNOWN


def _without_words(status: int, body: bytes) -> Verdict:
    """An answer without Graph's error object: from a proxy, a balancer, or something else altogether."""
    if status in _BY_STATUS:
        rule = _BY_STATUS[status]
    elif status // 100 == 3:  # noqa: PLR2004 - the redirect class of HTTP
        rule = _REDIRECT
    else:
        rule = _LOST if status >= 500 else _NO_GRAPH  # noqa: PLR2004 - the server error class of HTTP
    return Verdict(rule.kind, f"{rule.means.rstrip('.')} (HTTP {status}). {rule.remedy}", status, answer=_kept(body))


def _kept(body: bytes) -> str:
    return _storable(redact(body[: _KEPT_ANSWER * 4].decode("utf-8", "replace")))[:_KEPT_ANSWER]


def _whole(value: Any) -> int | None:
    """A number that a database column takes, also where it came as text."""
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if isinstance(number, int) and not isinstance(number, bool) and abs(number) < _LARGEST:
        return number
    return None


def _word(value: Any) -> str | None:
    return _storable(value)[:100] if isinstance(value, str) else None


def _storable(text: str) -> str:
    return text.replace("\0", "")  # PostgreSQL takes no NUL in a text
