"""The test bench: what would become of an event, without keeping it; and sending it as a test."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import orjson

from konversi.access.acting import Action, note
from konversi.clock import unique
from konversi.dashboard.event_page import keys
from konversi.dashboard.page import Moved, Page
from konversi.errors import InvalidRequest, KonversiError, MalformedBody
from konversi.events.conversion import Channel
from konversi.events.faults import Refused
from konversi.insight.quality import strength_of
from konversi.intake.guide import guide_field
from konversi.intake.http.problems import field as described
from konversi.intake.pasted import SAMPLES, read, values
from konversi.intake.receive import Refusal
from konversi.matching.explain import explain
from konversi.outbox.lanes import Lane
from konversi.outbox.port import receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from konversi.dashboard.asked import Asked
    from konversi.events.conversion import Conversion
    from konversi.events.faults import Fault
    from konversi.outbox.port import NewEvent

_USUAL = "guide"
_TEST_CODE = re.compile(r"[A-Za-z0-9_-]{1,50}")
_PATIENCE = 5.0  # seconds for Meta's answer, as the setup guide's door has it
_CHANNELS: tuple[Channel, ...] = get_args(Channel)


class NoTestsInProduction(KonversiError):
    """Test codes are not for production: Meta uses such events for its ads all the same.

    Send it from a gateway in development (KONVERSI_ENV=development) with the same dataset, or without a test code as a
    real event.
    """

    code = "no_tests_in_production"
    status = 409


async def show(asked: Asked) -> Page:
    """The empty bench, or one with a sample on it."""
    name = asked.query("sample") or _USUAL
    sample = SAMPLES.get(name, SAMPLES[_USUAL])
    return _page(asked, orjson.dumps(sample, option=orjson.OPT_INDENT_2).decode(), None)


async def check(asked: Asked) -> Page:
    """What would become of the payload."""
    payload = dict(await asked.form()).get("payload", "")
    return _page(asked, payload, await _found(asked, payload))


async def send(asked: Asked) -> Page | Moved:
    """Send it as a test event, under an id of its own: a test must not stand in the way of the real booking."""
    form = dict(await asked.form())
    payload, code = form.get("payload", ""), form.get("code", "").strip()
    gateway = asked.gateway
    if gateway.settings.environment == "production":
        raise NoTestsInProduction
    if not _TEST_CODE.fullmatch(code):
        raise InvalidRequest("code: the test code of Events Manager > Test events, such as TEST12345.")
    try:
        conversion = read(payload).conversion
        if conversion is None:
            return await check(asked)
        given = conversion.model_copy(update={"event_id": f"bench-{unique()}"})
        accepted = await gateway.receiver.testing(code).receive(given)
    except (Refused, MalformedBody):
        return _page(asked, payload, await _found(asked, payload))
    note(Action.BENCH_SENT, receipt(accepted.event))
    await gateway.outcome(accepted.event, _PATIENCE)
    return Moved(f"/events/{receipt(accepted.event)}")


def _page(asked: Asked, payload: str, found: dict[str, Any] | None) -> Page:
    settings = asked.gateway.settings
    return Page(
        "bench.html",
        "Test bench",
        {
            "payload": payload,
            "samples": list(SAMPLES),
            "found": found,
            "test_event_code": settings.test_event_code,
            "production": settings.environment == "production",
        },
    )


async def _found(asked: Asked, payload: str) -> dict[str, Any]:
    try:
        pasted = read(payload)
    except MalformedBody as error:
        return _bad([{"field": "body", "code": error.code, "detail": str(error), "remedy": error.remedy()}])
    if pasted.conversion is None:
        return _bad([described(fault) for fault in pasted.faults])
    mine = pasted.conversion
    others = [mine.model_copy(update={"channel": channel}) for channel in _CHANNELS]
    own, *elsewhere = await asked.gateway.receiver.preview([mine, *others])
    problems = _problems(own, from_guide=pasted.from_guide)
    ways = [_way(channel, one, from_guide=pasted.from_guide) for channel, one in zip(_CHANNELS, elsewhere, strict=True)]
    event = None if isinstance(own, Refusal) else _event(own)
    return {
        "problems": problems,
        "fields": list(_fields(mine, asked.gateway.settings.default_country)),
        "event": event,
        "channels": ways,
    }


def _bad(problems: list[dict[str, str]]) -> dict[str, Any]:
    return {"problems": problems, "fields": [], "event": None, "channels": []}


def _problems(one: NewEvent | Refusal, *, from_guide: bool) -> list[dict[str, str]]:
    if not isinstance(one, Refusal):
        return []
    if not isinstance(one.error, Refused):
        return [{"field": "event_id", "code": one.error.code, "detail": str(one.error), "remedy": one.error.remedy()}]
    return [_named(fault, from_guide=from_guide) for fault in one.error.faults]


def _named(fault: Fault, *, from_guide: bool) -> dict[str, str]:
    return described(replace(fault, field=guide_field(fault.field)) if from_guide else fault)


def _fields(conversion: Conversion, country: str | None) -> Iterable[dict[str, Any]]:
    for field, value in values(conversion):
        told = explain(field, value, country)
        yield {
            "field": field,
            "given": value,
            "normalized": told.normalized,
            "sha256": told.sha256,
            "note": told.note,
            "steps": list(told.steps),
        }


def _event(one: NewEvent) -> dict[str, Any]:
    sent = orjson.loads(one.body)
    notes = [{"about": about, "code": code, "text": text} for about, code, text in orjson.loads(one.notes or "[]")]
    return {
        "sent_to_meta": sent,
        "written": orjson.dumps(sent, option=orjson.OPT_INDENT_2).decode(),
        "dataset": one.dataset,
        "notes": notes,
        "keys": keys(sent["user_data"], notes),
        **strength_of(sent),
    }


def _way(channel: str, one: NewEvent | Refusal, *, from_guide: bool) -> dict[str, Any]:
    """What Meta would hear on a channel."""
    if isinstance(one, Refusal):
        return {"channel": channel, "event": None, "problems": _problems(one, from_guide=from_guide)}
    sent = orjson.loads(one.body)
    return {
        "channel": channel,
        "event": sent["event_name"],
        "action_source": Lane.parse(one.lane).action_source,
        "keys": sorted(sent["user_data"]),
        "notes": _about_event(orjson.loads(one.notes or "[]")),
        "problems": [],
        **strength_of(sent),
    }


def _about_event(notes: Sequence[Sequence[str]]) -> list[str]:
    return [text for about, _, text in notes if about == "event"]
