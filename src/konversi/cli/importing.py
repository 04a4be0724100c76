"""Imports from the command line: rehearse, show, ask, send, and keep the verdicts beside the file."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import httpx2
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from konversi.cli.over_http import OverHttp, refused
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, table, words
from konversi.errors import GatewayUnreachable, InvalidRequest
from konversi.imports.describe import described
from konversi.imports.mapping import wishes_of
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from konversi.intake.importing import Importer
    from konversi.settings import Settings

_PIECE = 1_048_576
_LOOK_EVERY = 0.2  # seconds
_SECONDS = 60.0  # for one piece, and for the columns to be understood
_SHOWN = 5  # refused rows
_COUNTS = ("accepted", "repeated", "known", "refused")
_UNDER_WAY = ("waiting", "running")

Said = dict[str, Any]


@dataclass(frozen=True, slots=True)
class How:
    """What the user wants of the command."""

    dry_run: bool
    yes: bool
    as_json: bool
    result: Path | None


class Desk(Protocol):
    """Where files are taken."""

    async def send(self, file: Path, wishes: Said, *, dry_run: bool) -> Said: ...
    async def look(self, number: int) -> Said: ...
    async def start(self, number: int) -> Said: ...
    async def forget(self, number: int) -> None: ...
    def verdicts(self, number: int) -> AsyncIterator[bytes]: ...


class AtTheGateway:
    """The running gateway."""

    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        self._there = OverHttp(settings)
        self._client = client

    async def send(self, file: Path, wishes: Said, *, dry_run: bool) -> Said:
        given = {name: value for name, value in wishes.items() if value}
        params = {**given, "name": file.name, "dry_run": str(dry_run).lower()}
        return await self._ask("POST", "", params=params, content=_pieces(file))

    async def look(self, number: int) -> Said:
        return await self._ask("GET", f"/{number}")

    async def start(self, number: int) -> Said:
        return await self._ask("POST", f"/{number}/start")

    async def forget(self, number: int) -> None:
        await self._ask("DELETE", f"/{number}")

    async def verdicts(self, number: int) -> AsyncIterator[bytes]:
        async with self._client.stream("GET", f"/v1/imports/{number}/result.csv") as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    async def _ask(self, method: str, path: str, **given: Any) -> Said:
        try:
            answer = await self._client.request(method, f"/v1/imports{path}", **given)
            said: Said = orjson.loads(answer.content)
        except (httpx2.HTTPError, orjson.JSONDecodeError) as error:
            raise GatewayUnreachable(
                f"{type(error).__name__}. Run the same command again: it goes on where it was."
            ) from error
        if not answer.is_success:
            raise refused(said)
        return said


class Here:
    """A gateway that was opened for this command."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    async def send(self, file: Path, wishes: Said, *, dry_run: bool) -> Said:
        taken = await self._importer.take(file.name, _pieces(file), wishes_of(**wishes), rehearsal=dry_run)
        return described(taken)

    async def look(self, number: int) -> Said:
        return described(await self._importer.find(number))

    async def start(self, number: int) -> Said:
        return described(await self._importer.start(number))

    async def forget(self, number: int) -> None:
        await self._importer.discard(number)

    def verdicts(self, number: int) -> AsyncIterator[bytes]:
        return self._importer.verdicts(number)


def run(settings: Settings, file: Path, wishes: Said, how: How) -> int:
    """Exit status 1 where rows were refused, or the file could not be read to its end."""
    if not file.is_file():
        raise InvalidRequest(f"{file}: there is no such file.")
    return asyncio.run(_run(settings, file, wishes, how))


async def _run(settings: Settings, file: Path, wishes: Said, how: How) -> int:
    async with _desk(settings) as desk:
        found = await _followed(desk, await desk.send(file, wishes, dry_run=how.dry_run or not how.yes), how)
        result = how.result or file.with_name(f"{file.name}.result.csv")
        if found["dry_run"]:
            await _show(desk, found, how)
            if how.dry_run or found["state"] != "ended" or not _sure(found):
                await _keep(desk, found, result)
                await desk.forget(found["import"])
                return _end(found, result, how)
            found = await _followed(desk, await desk.start(found["import"]), how)
        await _keep(desk, found, result)
        return _end(found, result, how)


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncIterator[Desk]:
    there = OverHttp(settings)
    try:
        await asyncio.to_thread(there.ask, "GET", "/readyz")
    except GatewayUnreachable:
        if settings.url:
            raise
        words("No gateway runs here: working from this command.")
        async with open_gateway(settings) as gateway, gateway.entrance.command():
            yield Here(gateway.importer)
            await gateway.drain(_SECONDS)
        return
    async with there.client(_SECONDS) as client:
        yield AtTheGateway(settings, client)


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece


async def _followed(desk: Desk, found: Said, how: How) -> Said:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
    )
    shown = sys.stderr.isatty() and not how.as_json
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as progress:
        task = progress.add_task("rehearsing" if found["dry_run"] else "sending", total=1.0, rows=0)
        while found["state"] in _UNDER_WAY:
            await asyncio.sleep(_LOOK_EVERY)
            found = await desk.look(found["import"])
            progress.update(task, completed=found["read"], rows=found["rows"])
    return found


async def _show(desk: Desk, found: Said, how: How) -> None:
    if how.as_json:
        return
    understood = [{"field": field, "column": name} for field, name in found["columns"].items()]
    table(understood, ("field", "column"))
    fields({name: found[name] for name in ("event", "currency", "dates", "time_zone", "dataset")})
    if found["left_out"]:
        words(f"Left out: {', '.join(found['left_out'])}. Use one with --column FIELD=NAME.")
    words(f"\nThis would be {_told(found)}.")
    lines = b"".join([piece async for piece in desk.verdicts(found["import"])]).decode().splitlines()
    for line in islice((line for line in lines if ",refused," in line), _SHOWN):
        words(f"  row {line}")


def _told(found: Said) -> str:
    return ", ".join(f"{found[name]:,} {name}" for name in _COUNTS if found[name]) or "nothing"


def _sure(found: Said) -> bool:
    if not found["accepted"] or not sys.stdin.isatty():
        return False
    return input(f"Send these {found['accepted']:,}? [y/N] ").strip().lower() in ("y", "yes", "ya")


async def _keep(desk: Desk, found: Said, result: Path) -> None:
    with result.open("wb") as kept:
        async for piece in desk.verdicts(found["import"]):
            kept.write(piece)


def _end(found: Said, result: Path, how: How) -> int:
    if how.as_json:
        print_json({**found, "result": str(result)})
    else:
        print(f"{'rehearsed' if found['dry_run'] else found['state']}: {_told(found)}")
        words(found["reason"] or f"A verdict on each row: {result}")
    return 0 if found["state"] in ("ended", "discarded") and not found["refused"] else 1
