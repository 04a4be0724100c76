"""What a call is answered over HTTP, whichever way it came."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.events.faults import Note
    from konversi.intake.receipts import Receipt

JSON: Final = "application/json"
OK: Final = 200
ACCEPTED: Final = 202
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


def accepted(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the caller gets it."""
    said: dict[str, Any] = {"receipt": receipt.receipt, "event_id": receipt.event_id, "status": "accepted"}
    if receipt.state is not None:
        said["state"] = receipt.state.value
    if receipt.repeat:
        said["repeat"] = True
    if receipt.notes:
        said["notes"] = noted(receipt.notes)
    return said


def noted(notes: Sequence[Note]) -> list[dict[str, str]]:
    """Notes as the caller gets them."""
    return [note._asdict() for note in notes]
