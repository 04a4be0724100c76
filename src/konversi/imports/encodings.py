"""Which encoding a text file is in. Without a mark at its start it is UTF-16, UTF-8 or Windows-1252, in this order."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 4_096


def encoding_of(parts: Iterable[bytes]) -> str:
    """The name of a codec. Visits all of the file: a single letter late in it can tell UTF-8 from Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    first = True
    try:
        for part in parts:
            if first and (known := _marked(part) or _utf_16(part[:_LOOKED_AT])):
                return known
            first = False
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _marked(part: bytes) -> str | None:
    return next((codec for mark, codec in _MARKS if part.startswith(mark)), None)


def _utf_16(head: bytes) -> str | None:
    """Text of mostly Latin letters has a zero byte beside each."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) // 5 and even <= odd // 10:
        return "utf-16-le"
    return "utf-16-be" if even > len(head) // 5 and odd <= even // 10 else None


def decoded(parts: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text, piece by piece; what is no character of the encoding becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for part in parts:
        yield decoder.decode(part)
    yield decoder.decode(b"", final=True)
