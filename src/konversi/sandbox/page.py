"""`GET /`: what this Meta received lately, for people."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from konversi.sandbox.local import LocalMeta, Seen
    from konversi.sandbox.messages import Message

_SHOWN = 30
_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'", "cache-control": "no-store"}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
caption { text-align: left; font-weight: 600; padding: .5rem 0 }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #8884; overflow-wrap: anywhere }
"""


async def page(request: Request) -> HTMLResponse:
    meta: LocalMeta = request.app.state.meta
    entries = meta.ledger.latest()[:_SHOWN]
    seen = list(islice(reversed(meta.seen), _SHOWN))
    faults = ", ".join(escape(fault.kind) for fault in meta.faults.all()) or "none"
    body = (
        "<h1>A local Meta</h1>"
        f"<p>{meta.ledger.counts()['events']} events received. Faults in force: {faults}. This page renews itself.</p>"
        + _table(
            f"The last {_SHOWN} events",
            ("Received (UTC)", "Dataset", "Event", "Event id", "Test code"),
            map(_event_row, entries),
        )
        + _table(
            f"The last {_SHOWN} WhatsApp messages",
            ("Sent (UTC)", "From", "To", "Type", "Text"),
            map(_message_row, islice(reversed(meta.messages), _SHOWN)),
        )
        + _table(
            f"The last {_SHOWN} requests",
            ("At (UTC)", "Request", "Events", "Answer", "Code", "At fault"),
            map(_request_row, seen),
        )
    )
    return HTMLResponse(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
        '<meta name="viewport" content="width=device-width"><title>A local Meta</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>",
        headers=_HEADERS,
    )


def _event_row(entry: dict[str, Any]) -> tuple[Any, ...]:
    event = entry["event"]
    return (
        _clock(entry["received_at"]),
        entry["dataset"],
        event.get("event_name"),
        event.get("event_id", ""),
        entry["test_event_code"] or "",
    )


def _message_row(message: Message) -> tuple[Any, ...]:
    to = message.to or message.recipient
    return (_clock(message.sent_at), message.phone_number_id, to, message.type, message.text or "")


def _request_row(seen: Seen) -> tuple[Any, ...]:
    code = "" if seen.code is None else f"{seen.code}{f' / {seen.subcode}' if seen.subcode else ''}"
    return (
        _clock(seen.at),
        f"{seen.method} {seen.path}",
        seen.events,
        "none" if seen.status is None else seen.status,
        code,
        seen.field or seen.fault,
    )


def _table(caption: str, heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    lines = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")
