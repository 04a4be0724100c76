"""What tells in a text that it is about one person: hashes, ids, and what stands in the clear. Pure."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from konversi.consent.people import GIVEN_BY_META, HASHED
from konversi.journeys.customers import customer_keys
from konversi.journeys.identity import keyed, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SHORTEST = 7  # characters in the clear: anything shorter stands in texts about others as well
_CHAT_ADDRESSES = ("{}", "+{}", "{}@s.whatsapp.net", "{}@c.us")  # what a bot may call a chat by its phone


@dataclass(frozen=True)
class Needles:
    """By what one person is recognised.

    A hash is taken for the person wherever it stands; what stands in the clear only where it is no part of a longer
    number or address, which is somebody else's.
    """

    hashes: tuple[str, ...]
    clear: tuple[str, ...]
    keys: tuple[bytes, ...] = field(repr=False)  # of conversations and of what bots call them
    customers: tuple[str, ...] = field(default=(), repr=False)  # keys of somebody who booked or bought before

    @classmethod
    def of(cls, user_data: Mapping[str, Any], clear: Iterable[str], secret: bytes) -> Needles:
        """Of somebody with these match keys, and these identities in the clear."""
        hashes = dict.fromkeys(one for name in HASHED for one in user_data.get(name, ()))
        ids = [str(user_data[name]) for name in GIVEN_BY_META if name in user_data]
        known = tuple(dict.fromkeys(one for one in (*ids, *clear) if len(one) >= _SHORTEST))
        called = (form.format(one) for one in known for form in _CHAT_ADDRESSES)
        keys = [*keys_of(user_data, secret), *(keyed("conversation", one, secret) for one in called)]
        each = [customer_keys({name: [one]}, secret) for name in HASHED for one in user_data.get(name, ())]
        each += [customer_keys({name: user_data[name]}, secret) for name in GIVEN_BY_META if name in user_data]
        bought = tuple(dict.fromkeys(one for found in each for one in found))
        return cls(tuple(hashes), known, tuple(dict.fromkeys(keys)), bought)

    @property
    def texts(self) -> Sequence[str]:
        """What to look for; `mentions` says whether it was found."""
        return (*self.hashes, *self.clear)

    @property
    def bytes(self) -> Sequence[bytes]:
        """What must not be left in a file."""
        return (*(one.encode() for one in (*self.texts, *self.customers)), *self.keys)

    @cached_property
    def _bounded(self) -> re.Pattern[str] | None:
        if not self.clear:
            return None
        return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, self.clear))})(?![\w])", re.IGNORECASE)

    def mentions(self, text: str) -> bool:
        """Whether the text is about this person."""
        if any(one in text for one in (*self.hashes, *self.customers)):
            return True
        return self._bounded is not None and self._bounded.search(text) is not None


@dataclass
class Work:
    """How far an erasure is, and all that it needs to go on after a crash. Kept encrypted."""

    needles: Needles
    reached: int = 0  # every event up to this number was looked at
    again_from: int = 0  # where the second look begins
    busy: list[int] = field(default_factory=list)  # events that were on their way to Meta
    gone: list[tuple[int, str, str | None]] = field(default_factory=list)  # number, event_id, booking_id

    def packed(self) -> bytes:
        """As bytes, to be encrypted and kept."""
        told = asdict(self)
        told["needles"]["keys"] = [key.hex() for key in self.needles.keys]
        return orjson.dumps(told)

    @classmethod
    def unpacked(cls, packed: bytes) -> Work:
        """What `packed` made bytes of."""
        told = orjson.loads(packed)
        needles = told.pop("needles")
        keys = tuple(bytes.fromhex(key) for key in needles["keys"])
        told["gone"] = [tuple(one) for one in told["gone"]]
        texts = (tuple(needles[name]) for name in ("hashes", "clear", "customers"))
        hashes, clear, customers = texts
        return cls(Needles(hashes, clear, keys, customers), **told)
