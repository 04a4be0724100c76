"""Lines on a disk: what was answered survives the loss of the process and of power."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class LedgerFile:
    """Appends JSON lines, and syncs them to the disk; requests that wait meanwhile share the next sync."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = _whole_lines(path)
        os.ftruncate(self._file, self._size)
        _sync_folder(path.parent)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def append(self, lines: Sequence[bytes]) -> None:
        synced = asyncio.get_running_loop().create_future()
        self._waiting.append((b"".join(lines), synced))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await synced

    def lines(self) -> Iterator[bytes]:
        """All that is synced by now, oldest first."""
        end = self._size
        with self._path.open("rb") as file:
            for line in file:
                end -= len(line)
                if end < 0:
                    return
                yield line

    async def empty(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, self._cut, 0)

    def close(self) -> None:
        self._writer.shutdown()
        os.close(self._file)

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._writer, self._write, b"".join(text for text, _ in batch))
            except OSError as error:
                _settle(batch, error)
            else:
                _settle(batch, None)
        self._flushing = None

    def _write(self, text: bytes) -> None:
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError:
            self._cut(self._size)
            raise
        self._size += len(text)

    def _cut(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.fsync(self._file)
        self._size = size


def _settle(batch: list[tuple[bytes, asyncio.Future[None]]], error: OSError | None) -> None:
    for _, synced in batch:
        if synced.done():
            continue
        if error is None:
            synced.set_result(None)
        else:
            synced.set_exception(error)


def _whole_lines(path: Path) -> int:
    """The size of the file without a last line that a killed process left unfinished (it was never answered)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


def _sync_folder(folder: Path) -> None:
    """So that the file's name, too, survives the loss of power."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
