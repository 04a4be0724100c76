"""A form with a file in it, read as it arrives: the file is never whole in memory, nor in the clear on the disk."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from konversi.errors import BodyTooLarge, MalformedBody
from konversi.intake.http.bodies import pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

_LONGEST_FIELD = 1_000  # bytes
_MOST_PARTS = 20


class Upload:
    """`fields` and `name` are known from the file's first piece on: the form puts its file last."""

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise MalformedBody("It is no form with a file.")
        self.fields: dict[str, str] = {}
        self.name = ""
        self._request = request
        self._pieces: deque[bytes] = deque()
        self._header, self._value = bytearray(), bytearray()
        self._field: str | None = None
        self._is_file = False
        self._text = bytearray()
        self._parts = 0
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_part_data": self._data,
                "on_part_end": self._end,
            },
        )

    async def file(self) -> AsyncIterator[bytes]:
        """The file's bytes. Raises `MalformedBody`, `BodyTooSlow` or `BodyTooLarge`."""
        async for piece in pieces(self._request):
            try:
                self._parser.write(piece)
            except MultipartParseError:
                raise MalformedBody("The form is broken.") from None
            while self._pieces:
                yield self._pieces.popleft()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise BodyTooLarge
        self._field, self._is_file = None, False
        self._text.clear()

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            self._is_file = b"filename" in options
            if self._is_file:
                self.name = options[b"filename"].decode("utf-8", "replace").rpartition("/")[2].rpartition("\\")[2]
        self._header.clear()
        self._value.clear()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._pieces.append(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > _LONGEST_FIELD:
            raise BodyTooLarge

    def _end(self) -> None:
        if self._field is not None and not self._is_file:
            self.fields[self._field] = self._text.decode("utf-8", "replace").strip()
