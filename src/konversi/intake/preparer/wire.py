"""The wire between the gateway and its preparer, in either's event loop: whole messages in, whole messages out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from konversi.intake.preparer.messages import LENGTH, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable


class Wire(asyncio.Protocol):
    """One end. `heard` is called with each message, `lost` once when the other end is gone."""

    _transport: asyncio.Transport

    def __init__(self, heard: Callable[[Any], None], lost: Callable[[], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._came = bytearray()
        self._leaving: list[bytes] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def connection_lost(self, _cause: Exception | None) -> None:
        self._lost()

    def data_received(self, data: bytes) -> None:
        came = self._came
        came += data
        start = 0
        while len(came) >= start + LENGTH.size:
            (length,) = LENGTH.unpack_from(came, start)
            end = start + LENGTH.size + length
            if len(came) < end:
                break
            message = unpacked(memoryview(came)[start + LENGTH.size : end])
            start = end
            self._heard(message)
        del came[:start]

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be said any more."""
        return self._transport.is_closing()

    def tell(self, message: Any) -> None:
        """Say it with what else is said in this round of the event loop."""
        if not self._leaving:
            self._loop.call_soon(self._flush)
        self._leaving.append(packed(message))

    def _flush(self) -> None:
        said, self._leaving = b"".join(self._leaving), []
        if not self._transport.is_closing():
            self._transport.write(said)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()
