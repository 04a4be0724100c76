"""A file of a few slots: a piece that is written into one is durable after a single flush of a page that is there.

That is less than any commit of SQLite takes, which writes a page or more behind all others. No piece shares a page with
another, and each has its sum, so that one whose write was cut off is none.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 8
_SIZE = 4_096  # bytes: a page of the system's and a block of the disk's, mostly
_HEAD = struct.Struct("<8sII")  # the owner, the piece's length, its sum
_ROOM = _SIZE - _HEAD.size

_flush = getattr(os, "fdatasync", os.fsync)  # the size stays as it is, so nothing else has to be written


class Slots:
    """The file, for the one process that writes it. Pieces of another `owner` (8 bytes) are none."""

    def __init__(self, path: Path, owner: bytes) -> None:
        """Make it, or make it anew. Raises `OSError`."""
        self._path = path
        self._owner = owner
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            self._write(0, bytes(NUMBER * _SIZE))  # room that is only promised would have to be found at a flush
            os.fsync(self._file)
            _flush_folder(path)
        except BaseException:
            os.close(self._file)
            raise

    def write(self, slot: int, piece: bytes) -> bool:
        """Write it durably, over what was there; `False`, and no piece is there, where it finds no room.

        Raises `OSError` where the flush fails: nobody knows then what is on the disk.
        """
        if len(piece) > _ROOM:
            return False
        try:
            self._write(slot * _SIZE, _HEAD.pack(self._owner, len(piece), _sum(self._owner, piece)) + piece)
        except OSError:  # a file system that writes to another place each time may be full: SQLite says so, if it is
            return False
        _flush(self._file)
        return True

    def clear(self, number: int) -> None:
        """Write zeros over the first so many. They get to the disk when the system has time. Raises `OSError`."""
        self._write(0, bytes(number * _SIZE))

    def _write(self, place: int, content: bytes) -> None:
        os.lseek(self._file, place, os.SEEK_SET)
        if os.write(self._file, content) < len(content):  # the rest found no room
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self, *, needed: bool) -> None:
        """Let go of the file, and remove it where its pieces are not needed any more."""
        os.close(self._file)
        if not needed:
            with suppress(OSError):  # the next process makes it anew
                self._path.unlink(missing_ok=True)


def pieces(path: Path, owner: bytes) -> list[bytes]:
    """The owner's pieces that are in the file, in the order of their slots; none where there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for start in range(0, len(content), _SIZE):
        its_owner, length, its_sum = _HEAD.unpack_from(content.ljust(start + _SIZE, b"\0"), start)
        piece = content[start + _HEAD.size : start + _HEAD.size + length]
        if its_owner == owner and length <= _ROOM and its_sum == _sum(owner, piece):
            found.append(piece)
    return found


def _sum(owner: bytes, piece: bytes) -> int:
    return zlib.crc32(piece, zlib.crc32(owner))


def _flush_folder(path: Path) -> None:
    """So that the file is there after a power cut. Windows has no such thing, and some shared folders refuse it."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            with suppress(OSError):  # SQLite's own files have no more than that either
                os.fsync(folder)
        finally:
            os.close(folder)
