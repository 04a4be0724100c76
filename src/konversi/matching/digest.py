"""One value by one key's rule: what is sent, and what there is to tell about it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from konversi.matching.hashed import SHORTEST, already_hashed, is_md5, sha256
from konversi.matching.ids import external_id
from konversi.matching.reading import Remark, Setting

if TYPE_CHECKING:
    from konversi.matching.keys import Key

_MD5 = Remark(
    None,
    "hash_not_sha256",
    "This looks like an MD5 hash, which Meta can't match, so it is left out. Send the value itself or its SHA-256.",
)


def digest(key: Key, text: str, setting: Setting) -> tuple[str | None, Remark | None]:
    """The hash to send for a hashed key, or None; and the remark, if any. A blank value gives neither."""
    if len(text) >= SHORTEST:
        if ready := already_hashed(text):
            return ready, None
        if is_md5(text) and key.rule is not external_id:  # a UUID without dashes looks like MD5, and is a fine id
            return None, _MD5
    reading = key.rule(text, setting)
    if isinstance(reading, str):
        return sha256(reading), None
    if reading.normal is not None:
        return sha256(reading.normal), reading
    return None, (reading if text.strip() else None)


@lru_cache(maxsize=8_192)
def shared_digest(
    key: Key, text: str, phone_country: str | None, customer_country: str | None
) -> tuple[str | None, Remark | None]:
    """The same, remembered, for what many customers share (cities, countries): never a phone, a name or an e-mail."""
    return digest(key, text, Setting(phone_country, customer_country))
