"""Reading the heads of plain calls to some doors, with JSON that comes as soon as it could.

Whatever is not that plain is left to a whole HTTP server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import httptools

from konversi.intake.answer import JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_KEPT = 256
_LONGEST = 8_192  # bytes
_END = b"\r\n"  # of a line
_OF_THE_BODY = b"content-length"
_DECIDE = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"konversi-waited"})  # on how the rest is read
_KINDS = (b"", JSON.encode(), JSON.encode() + b"; charset=utf-8")


class Head(NamedTuple):
    """What the head of a call says."""

    path: str
    headers: tuple[tuple[bytes, bytes], ...]  # but the body's length; names in lower case
    length: int  # of the body, in bytes
    last: bool  # the caller sends no other call after it


class _Reading:
    """What httptools calls."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.length = b""
        self.plain = True
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == _OF_THE_BODY:
            self.length = value
        else:
            self.headers.append((name, value))
            self.plain = self.plain and name not in _DECIDE

    def on_headers_complete(self) -> None:
        self.complete = True

    def on_body(self, _part: bytes) -> None:
        self.plain = False  # the head ended earlier than it looks


class Heads:
    """Reads heads. A caller's calls begin alike, so that most were read before, byte for byte."""

    def __init__(self, calls: Mapping[bytes, str]) -> None:
        """`calls` are the first lines of those that are plain, each with its door's path."""
        self._calls = calls
        self._kept: dict[bytes, Head | None] = {}

    def read(self, head: bytes) -> Head | None:
        """Up to the empty line; nothing where it is not a plain call to the door."""
        try:
            return self._kept[head]
        except KeyError:
            pass
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        path = self._calls.get(head[: head.find(_END) + len(_END)]) if len(head) <= _LONGEST else None
        found = self._kept[head] = None if path is None else self._read(path, head)
        return found

    def _read(self, path: str, head: bytes) -> Head | None:
        reading = _Reading()
        parser = httptools.HttpRequestParser(reading)
        try:
            parser.feed_data(head)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        plain = (
            reading.complete
            and reading.plain
            and dict(reading.headers).get(b"content-type", b"") in _KINDS
            and reading.length.isdigit()
            and int(reading.length) > 0  # a call without a body has ended, and the parser forgotten who sends no other
        )
        return (
            Head(path, tuple(reading.headers), int(reading.length), not parser.should_keep_alive()) if plain else None
        )
