"""One value by one key's rule: the hash that is sent, and what there is to tell about it."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from konversi.matching.hashed import SHORTEST, already_hashed, is_md5
from konversi.matching.ids import external_id
from konversi.matching.reading import Reading, Remark, Setting

if TYPE_CHECKING:
    from konversi.matching.keys import Key

NOTHING = ""  # of a blank value: neither a hash nor a remark
_MD5 = Remark(
    None,
    "hash_not_sha256",
    "This looks like an MD5 hash, which Meta can't match, so it is left out. Send the value itself or its SHA-256.",
)


def digest(key: Key, text: str, setting: Setting) -> Reading:
    """What a hashed key's rule makes of the value, with its hash in place of the normal form."""
    if len(text) >= SHORTEST and (found := _as_hash(key, text)):
        return found
    reading = key.rule(text, setting)
    if isinstance(reading, str):
        return sha256(reading.encode()).hexdigest()
    if reading.normal is not None:
        return reading._replace(normal=sha256(reading.normal.encode()).hexdigest())
    return reading if text.strip() else NOTHING


def _as_hash(key: Key, text: str) -> Reading | None:
    """Where the value is a hash already."""
    if ready := already_hashed(text):
        return ready
    if is_md5(text) and key.rule is not external_id:  # a UUID without dashes looks like MD5, and is a fine id
        return _MD5
    return None


@lru_cache(maxsize=8_192)
def shared_digest(key: Key, text: str, phone_country: str | None, customer_country: str | None) -> Reading:
    """The same, remembered, for what many customers share (cities, countries): never a phone, a name or an e-mail."""
    return digest(key, text, Setting(phone_country, customer_country))
