"""What a call is answered over HTTP, whichever way it came."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

JSON: Final = "application/json"
_BEGINNINGS = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] | None = None

    def written(self, fields: Iterable[tuple[bytes, bytes]], *, close: bool) -> bytes:
        """As it goes to the caller, in one piece, with these header fields first; `close` says that it is the last."""
        said = [*fields, (b"content-type", self.content_type.encode())]
        said += [(name.lower().encode(), value.encode()) for name, value in (self.headers or {}).items()]
        if close:
            said.append((b"connection", b"close"))
        lines = b"".join([b"%b: %b\r\n" % field for field in said])
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (_BEGINNINGS[self.status], lines, len(self.body), self.body)
