"""Files of conversions: send one, look at what would come of it, start it, fetch the verdicts."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from konversi.dashboard.page import Moved, Page
from konversi.dashboard.uploads import Upload
from konversi.errors import InvalidRequest, KonversiError, NotFound
from konversi.imports.columns import FIELDS
from konversi.imports.describe import described
from konversi.imports.mapping import wishes_of
from konversi.imports.verdicts import refusals
from konversi.intake.http.imports import result_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from konversi.dashboard.asked import Asked

_AT_ONCE = 50
_REFUSALS = 20  # shown
_WISHES = ("event", "dataset", "time_zone", "currency")


async def show_all(asked: Asked) -> Page:
    """The form, and the files so far."""
    return await _page(asked)


async def _page(asked: Asked, error: KonversiError | None = None) -> Page:
    before = asked.query("cursor")
    found = await asked.gateway.importer.store.newest(
        int(before) if before and before.isascii() and before.isdecimal() and len(before) < 16 else None,  # noqa: PLR2004
        _AT_ONCE + 1,
    )
    return Page(
        "imports.html",
        "Imports",
        {
            "imports": [described(one) for one in found[:_AT_ONCE]],
            "next": found[_AT_ONCE - 1].id if len(found) > _AT_ONCE else None,
            "fields": FIELDS,
            "error": str(error) if error else None,
        },
        status=error.status if error else 200,
    )


async def show_one(asked: Asked) -> Page:
    """How a file's columns were understood, and what comes of its rows."""
    importer, number = asked.gateway.importer, _number(asked.request.path_params["number"])
    found = await importer.find(number)
    refused: list[dict[str, Any]] = []
    part = 0
    while len(refused) < _REFUSALS and found.counts["refused"] and (body := await importer.store.result(number, part)):
        refused += [one._asdict() for one in islice(refusals(body), _REFUSALS - len(refused))]
        part += 1
    under_way = found.state in ("waiting", "running")
    return Page("import.html", "Import", {**described(found), "under_way": under_way, "refusals": refused})


async def send(asked: Asked) -> Page | Moved:
    """Take a file, and rehearse it."""
    upload = Upload(asked.request)
    pieces = upload.file()
    first = await anext(pieces, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    given = upload.fields
    column = [f"{given['field']}={given.get('column', '')}"] if given.get("field") else []
    try:
        wishes = wishes_of(column=column, **{name: given.get(name) for name in _WISHES})
        taken = await asked.gateway.importer.take(upload.name or "file", whole(), wishes, rehearsal=True)
    except KonversiError as error:
        return await _page(asked, error)
    return Moved(f"/imports/{taken.id}")


async def decide(asked: Asked) -> Moved:
    """Start what was rehearsed, or forget it."""
    form = dict(await asked.form())
    importer, number = asked.gateway.importer, _number(form.get("import", ""))
    if form.get("what") == "start":
        await importer.start(number)
    elif form.get("what") == "discard":
        await importer.discard(number)
    else:
        raise InvalidRequest("what: start or discard.")
    return Moved(f"/imports/{number}")


async def verdicts(asked: Asked) -> Response:
    """The verdicts as a file."""
    number = _number(asked.request.path_params["number"])
    await asked.gateway.importer.find(number)
    return result_of(asked.gateway.importer, number)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):  # noqa: PLR2004
        raise NotFound
    return int(text)
