"""What a gateway's answer over HTTP means here: the error that it met, raised as it would have been there."""

from __future__ import annotations

from typing import Any

from konversi.errors import (
    BodyTooLarge,
    GatewayUnreachable,
    IdempotencyConflict,
    KonversiError,
    MalformedBody,
    NotAGateway,
    NotFound,
    Overloaded,
    ShuttingDown,
    StorageUnavailable,
    TooManyFields,
    Unauthorized,
    WebhookNotSetUp,
    WebhookUnsigned,
    WrongState,
)
from konversi.events.faults import Fault, Refused
from konversi.logs import redact

_PASSING = frozenset({408, 425, 429})
_BY_CODE: dict[str, type[KonversiError]] = {
    error.code: error
    for error in (
        BodyTooLarge, IdempotencyConflict, MalformedBody, NotFound, Overloaded, ShuttingDown, StorageUnavailable,
        TooManyFields, Unauthorized, WebhookNotSetUp, WebhookUnsigned, WrongState,
    )
}  # fmt: skip


def as_error(status: int, said: dict[str, Any]) -> KonversiError:
    """The error behind a problem; `GatewayUnreachable` where the answer is none of this version's."""
    if said.get("code") == Refused.code:
        try:
            return Refused(Fault(**fault) for fault in said["errors"])
        except (KeyError, TypeError):
            return NotAGateway(f"HTTP {status}: not an answer of this version's gateway.")
    known = _BY_CODE.get(str(said.get("code")))
    detail = redact(str(said.get("detail", "")))
    if known:
        return known(detail)
    passing = status in _PASSING or status >= 500  # noqa: PLR2004 - a server's own faults
    return (GatewayUnreachable if passing else NotAGateway)(f"HTTP {status}: {said.get('title', 'no answer')} {detail}")
