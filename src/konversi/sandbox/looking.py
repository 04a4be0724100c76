"""The doors under `/_sandbox`, through which a test looks and interferes, and a page for people."""

from __future__ import annotations

import asyncio
from html import escape
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import HTMLResponse

from konversi.sandbox.answers import Json
from konversi.sandbox.datasets import parse as parse_dataset
from konversi.sandbox.faults import parse as parse_fault

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from konversi.sandbox.app import LocalMeta

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Local Meta</title>
<style>body{{font:16px system-ui;margin:2rem}}table{{border-collapse:collapse}}td,th{{text-align:left;padding:.3rem 1rem
.3rem 0;border-bottom:1px solid;vertical-align:top}}pre{{white-space:pre-wrap;overflow-wrap:anywhere}}</style></head>
<body><h1>Local Meta</h1><p>{events} events in {requests} requests, {distinct} distinct. The latest come first.</p>
<table><thead><tr><th>Request</th><th>Dataset</th><th>Event</th><th>Event id</th><th>Received</th></tr></thead>
<tbody>{rows}</tbody></table></body></html>"""
_ROW = "<tr><td>{request}</td><td>{dataset}</td><td>{name}</td><td>{id}</td><td><pre>{event}</pre></td></tr>"


class Doors:
    """What a test may see and change."""

    def __init__(self, meta: LocalMeta) -> None:
        self._meta = meta

    async def events(self, request: Request) -> Response:
        """`?event_id=&dataset=&since=&limit=`, or DELETE to empty the ledger."""
        if request.method == "DELETE":
            await asyncio.to_thread(self._meta.ledger.clear)
            return Json({"events": [], "total": 0})
        asked = request.query_params
        try:
            since, limit = float(asked.get("since", 0)), int(asked["limit"]) if "limit" in asked else None
        except ValueError:
            return _wrong("since is in Unix seconds, limit a whole number.")
        events, total = await asyncio.to_thread(
            self._meta.ledger.read,
            event_id=asked.get("event_id"),
            dataset=asked.get("dataset"),
            since=since,
            limit=limit,
        )
        return Json({"events": events, "total": total})

    async def counts(self, _: Request) -> Response:
        return Json(self._meta.ledger.counts())

    async def faults(self, request: Request) -> Response:
        """GET lists them, POST sets one, DELETE clears all; each answers with what is set."""
        if request.method == "POST":
            try:
                self._meta.faults.add(parse_fault(orjson.loads(await request.body())))
            except ValueError as error:
                return _wrong(str(error))
        if request.method == "DELETE":
            self._meta.faults.clear()
        return Json(self._meta.faults.listed())

    async def datasets(self, request: Request) -> Response:
        """GET lists them, POST names one (`{"dataset": "ID:waba=WABA_ID"}`), DELETE forgets all names."""
        if request.method == "POST":
            try:
                self._meta.datasets.add(parse_dataset(_specification(orjson.loads(await request.body()))))
            except ValueError as error:
                return _wrong(str(error))
        if request.method == "DELETE":
            self._meta.datasets.clear()
        return Json(self._meta.datasets.listed())

    async def page(self, _: Request) -> Response:
        rows = "".join(_row(line) for line in self._meta.ledger.latest())
        page = _PAGE.format(rows=rows, **self._meta.ledger.counts())
        return HTMLResponse(page, headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"})


def _row(line: dict[str, Any]) -> str:
    event = line["event"]
    shown = {
        "request": line["request"],
        "dataset": line["dataset"],
        "name": event.get("event_name"),
        "id": event.get("event_id", ""),
        "event": orjson.dumps(event, option=orjson.OPT_INDENT_2).decode(),
    }
    return _ROW.format(**{name: escape(str(value)) for name, value in shown.items()})


def _specification(given: Any) -> str:
    """The text form of `{"dataset": "ID:waba=…"}` or of `{"id", "waba", "page", "locale"}`."""
    if not isinstance(given, dict):
        raise ValueError("A dataset is an object.")  # noqa: TRY004 - the caller's data is wrong, not our types
    if "dataset" in given:
        return str(given["dataset"])
    links = [f":{name}={each}" for name in given.keys() - {"id"} for each in _listed(given[name])]
    return "".join([str(given.get("id", "")), *links])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _wrong(text: str) -> Response:
    return Json({"error": text}, 400)
