"""A webhook call that is to be handed on to the bot, as it came."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

SEALED_AS = "forwarded webhook"
_HANDED_ON = ("content-type", "user-agent", "x-hub-signature", "x-hub-signature-256")


class Call(NamedTuple):
    """A webhook call as it came."""

    headers: Mapping[str, str]  # values as Latin-1, which has a letter for every byte
    body: bytes

    @classmethod
    def of(cls, headers: Mapping[bytes, bytes], body: bytes) -> Call:
        """With the headers that the bot needs to check it for itself."""
        names = ((name, headers.get(name.encode())) for name in _HANDED_ON)
        return cls({name: value.decode("latin-1") for name, value in names if value is not None}, body)

    def packed(self) -> bytes:
        """As bytes, to be encrypted and kept."""
        return orjson.dumps({"headers": dict(self.headers), "body": base64.b64encode(self.body).decode()})

    @classmethod
    def unpacked(cls, packed: bytes) -> Call:
        """What `packed` made bytes of."""
        said = orjson.loads(packed)
        return cls(said["headers"], base64.b64decode(said["body"]))
