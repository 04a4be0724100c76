"""The door for files: they are kept encrypted, read in the background, and each row goes the way of every conversion.

A row's event_id comes from its booking, else from what the row says, so the same file again sends nothing new.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from konversi.access.acting import Action, note
from konversi.errors import BodyTooLarge, KonversiError, NotFound, StorageUnavailable
from konversi.imports.faults import UnreadableFile
from konversi.imports.mapping import SAMPLED, mapped
from konversi.imports.sheets import LARGEST_FILE, rows_of
from konversi.imports.store import Step
from konversi.imports.verdicts import Verdict, counted, head, packed, unpacked
from konversi.intake.import_batches import Batches
from konversi.intake.row_judge import RowJudge
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from konversi.imports.mapping import Reading, Wishes
    from konversi.imports.rows import Row
    from konversi.imports.store import Import, Imports
    from konversi.intake.import_batches import Batch
    from konversi.intake.receive import Receiver

_PART = 1_048_576  # bytes
_LOOK_EVERY = 5.0  # seconds: for what other processes took, and what they left behind
_PATIENCE = 2.0  # seconds before a batch is tried again
_SECONDS = 30.0  # for one part of the file to come from the storage


class Importer:
    """Takes files, and works on them one after the other."""

    def __init__(
        self,
        store: Imports,
        receiver: Receiver,
        *,
        secret: bytes,
        country: str | None,
        currency: str,
        kept_days: int,
    ) -> None:
        """`kept_days`: how long verdicts are kept."""
        self.store = store
        self._judge = RowJudge(store, receiver, secret)
        self._country = country
        self._currency = currency
        self._kept = kept_days * 86_400.0
        self._wanted = asyncio.Event()

    async def take(self, name: str, body: AsyncIterator[bytes], wishes: Wishes, *, rehearsal: bool) -> Import:
        """Keep a file, and work on it soon; durable on return. One that is being worked on goes on instead.

        Raises `BodyTooLarge`, `UnreadableFile`, `UnusableColumns` or `Refused`; then nothing is kept.
        """
        file = await self.store.begin(name[:200])
        try:
            hashed = hashlib.sha256()
            size = await self._keep(file, body, hashed.update)
            reading = await asyncio.to_thread(self._reading, file, wishes, asyncio.get_running_loop())
            if known := await self.store.same(hashed.digest(), rehearsal=rehearsal):
                await self.store.discard(file)
                return known
            await self.store.ready(file, hashed.digest(), size, reading, rehearsal=rehearsal)
        except BaseException:
            await asyncio.shield(self.store.discard(file))
            raise
        note(Action.IMPORT_TAKEN, _subject(file))
        self._wanted.set()
        return await self.find(file)

    async def start(self, file: int) -> Import:
        """After a rehearsal, the real thing. Raises `NotFound` where there is nothing to start."""
        if not await self.store.start(file):
            raise NotFound("There is no rehearsed file of that number any more. Send it again.")
        note(Action.IMPORT_STARTED, _subject(file))
        self._wanted.set()
        return await self.find(file)

    async def discard(self, file: int) -> Import:
        """Forget it; what was sent of it stays sent. Raises `NotFound`."""
        await self.find(file)
        if await self.store.discard(file):
            note(Action.IMPORT_DISCARDED, _subject(file))
        return await self.find(file)

    async def find(self, file: int) -> Import:
        """How far a file is. Raises `NotFound`."""
        found = await self.store.find(file)
        if found is None:
            raise NotFound
        return found

    async def verdicts(self, file: int) -> AsyncIterator[bytes]:
        """The verdicts so far, as the lines of a CSV."""
        yield head()
        part = 0
        while (body := await self.store.result(file, part)) is not None:
            yield unpacked(body)
            part += 1

    async def run(self) -> None:
        """Work on what waits, for ever."""
        while True:
            self._wanted.clear()
            try:
                while (claimed := await self.store.claim()) is not None:
                    await self._work(claimed)
                await self.store.tidy(self._kept)
            except StorageUnavailable as error:
                logger().error("imports_wait_for_storage", cause=error.detail)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._wanted.wait()

    async def _keep(self, file: int, body: AsyncIterator[bytes], also: Callable[[bytes], object]) -> int:
        part, size, kept = bytearray(), 0, 0
        async for piece in body:
            also(piece)
            part += piece
            size += len(piece)
            if size > LARGEST_FILE:
                raise BodyTooLarge
            while len(part) >= _PART:
                await self.store.keep_part(file, kept, bytes(part[:_PART]))
                del part[:_PART]
                kept += 1
        if not size:
            raise UnreadableFile("It is empty.")
        if part:
            await self.store.keep_part(file, kept, bytes(part))
        return size

    def _parts(self, file: int, loop: asyncio.AbstractEventLoop, seen: Callable[[int], object]) -> Iterator[bytes]:
        """The file, for a thread that reads it."""
        number = 0
        while part := self._part(file, number, loop):
            seen(len(part))
            yield part
            number += 1

    def _part(self, file: int, number: int, loop: asyncio.AbstractEventLoop) -> bytes | None:
        try:
            return asyncio.run_coroutine_threadsafe(self.store.part(file, number), loop).result(_SECONDS)
        except TimeoutError:
            raise StorageUnavailable("A part of a file did not come.") from None

    def _reading(self, file: int, wishes: Wishes, loop: asyncio.AbstractEventLoop) -> Reading:
        rows = rows_of(lambda: self._parts(file, loop, _unseen))
        header = next((row for row in rows if row), None)
        if header is None:
            raise UnreadableFile("It is empty.")
        sample = [row for row in islice(rows, SAMPLED) if row]
        return mapped(header, sample, wishes, country=self._country, currency=self._currency)

    async def _work(self, file: Import) -> None:
        try:
            await self._through(file)
        except StorageUnavailable:
            raise
        except KonversiError as error:
            await self.store.end(file.id, str(error))
        except Exception as error:  # noqa: BLE001 - one file's trouble must not stop the others
            logger().error("import_failed", file=file.id, fault=type(error).__name__)
            await self.store.end(file.id, f"An unforeseen fault ({type(error).__name__}). The rows so far were kept.")

    async def _through(self, file: Import) -> None:
        assert file.reading is not None
        batches = Batches(file, self._parts, asyncio.get_running_loop())
        done = file.rows
        upcoming = asyncio.ensure_future(asyncio.to_thread(batches.next))
        try:
            while (batch := await upcoming) is not None:
                upcoming = asyncio.ensure_future(asyncio.to_thread(batches.next))  # read while these are judged
                verdicts = await self._patiently(file, batch.rows)
                step = Step(batch.done, batch.bytes_read, counted(verdicts), packed(verdicts))
                if not await self.store.progress(file.id, done, step):
                    return  # it was discarded, or another process has it
                done = batch.done
        finally:
            _drop(upcoming)
        await self.store.end(file.id)

    async def _patiently(self, file: Import, rows: Sequence[Row]) -> list[Verdict]:
        while True:
            try:
                return await self._judge.verdicts(rows, rehearsal=file.rehearsal)
            except KonversiError as error:
                if error.status != StorageUnavailable.status:
                    raise
                logger().warning("import_waits", file=file.id, cause=error.code)
                await asyncio.sleep(_PATIENCE)


def _subject(file: int) -> str:
    return f"imports/{file}"  # its name could be a customer's


def _drop(upcoming: asyncio.Future[Batch | None]) -> None:
    """Nobody asks for it any more, nor for what went wrong with it."""
    if not upcoming.cancel() and not upcoming.cancelled():
        upcoming.exception()


def _unseen(_size: int) -> None:
    """Nobody follows."""
