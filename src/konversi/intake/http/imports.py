"""The doors for files of conversions: send one, see how far it is, start it after a rehearsal, fetch the verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from konversi.errors import NotFound
from konversi.imports.describe import described
from konversi.imports.mapping import wishes_of
from konversi.intake.http.bodies import pieces
from konversi.intake.http.documented import problems

if TYPE_CHECKING:
    from konversi.intake.importing import Importer

router = APIRouter(tags=["imports"])

_Word = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in (
                "text/csv",
                "text/tab-separated-values",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/octet-stream",
            )
        },
    }
}


def _importer(request: Request) -> Importer:
    importer: Importer = request.app.state.gateway.importer
    return importer


@router.post(
    "/v1/imports",
    status_code=202,
    summary="Send a file of conversions: CSV, TSV or XLSX",
    openapi_extra=_FILE,
    responses=problems(400, 408, 413, 422, 503),
)
async def send_file(
    request: Request,
    name: _Word = None,
    event: Annotated[str | None, Query(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f]*$")] = None,
    dataset: _Word = None,
    time_zone: _Word = None,
    currency: Annotated[str | None, Query(pattern=r"^[A-Za-z]{3}$")] = None,
    column: Annotated[list[str] | None, Query(max_length=50)] = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a parameter of the address
) -> dict[str, Any]:
    """Kept encrypted when answered, and worked on in the background. `column` is FIELD=NAME, any number of them.

    With `dry_run` nothing is sent: look at the verdicts, then start it. The same file again sends nothing new.
    """
    wishes = wishes_of(event=event, dataset=dataset, time_zone=time_zone, currency=currency, column=column or ())
    taken = await _importer(request).take(name or "file", pieces(request), wishes, rehearsal=dry_run)
    return described(taken)


@router.get("/v1/imports", summary="List files, newest first", responses=problems(422, 503))
async def list_files(
    request: Request,
    cursor: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """How far each is; `next` is the cursor of the page after this one."""
    found = await _importer(request).store.newest(cursor, limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    return {"imports": [described(one) for one in found[:limit]], "next": following}


_Number = Annotated[int, "of the import"]


@router.get("/v1/imports/{number}", summary="How far a file is", responses=problems(404, 422, 503))
async def show_file(request: Request, number: _Number) -> dict[str, Any]:
    """Its columns as they were understood, and how many rows came to what."""
    return described(await _importer(request).find(_number(number)))


@router.post("/v1/imports/{number}/start", summary="Send what was rehearsed", responses=problems(404, 422, 503))
async def start_file(request: Request, number: _Number) -> dict[str, Any]:
    """For a file that was sent with `dry_run`."""
    return described(await _importer(request).start(_number(number)))


@router.delete("/v1/imports/{number}", summary="Forget a file", responses=problems(404, 422, 503))
async def discard_file(request: Request, number: _Number) -> dict[str, Any]:
    """What was sent of it stays sent; the rest isn't."""
    return described(await _importer(request).discard(_number(number)))


@router.get(
    "/v1/imports/{number}/result.csv",
    summary="A verdict on each row",
    responses={200: {"content": {"text/csv": {}}}, **problems(404, 422, 503)},
    response_class=StreamingResponse,
)
async def verdicts(request: Request, number: _Number) -> StreamingResponse:
    """Row, verdict, receipt, event_id and reason; names no customer, and nothing in it runs in a spreadsheet."""
    found = await _importer(request).find(_number(number))
    return result_of(_importer(request), found.id)


def result_of(importer: Importer, number: int) -> StreamingResponse:
    """The verdicts so far, as a file."""
    name = f'attachment; filename="konversi-import-{number}.csv"'
    return StreamingResponse(
        importer.verdicts(number), media_type="text/csv; charset=utf-8", headers={"content-disposition": name}
    )


def _number(number: int) -> int:
    if not 0 < number < 2**53:
        raise NotFound
    return number
