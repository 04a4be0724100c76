"""How a command on the gateway's own machine shows that it may do everything: it can read the installation's secret.

It signs the time with a key made of the secret. What it sends is good for a minute, so it is not worth stealing. Pure.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = "km_"
_PURPOSE = b"konversi command on this machine v1"
_GOOD_FOR = 60.0  # seconds, either way


def signed(secret: bytes, now: float) -> str:
    """What the command sends as its key, at this time (Unix seconds)."""
    at = str(int(now))
    return f"{MARK}{at}_{_signature(secret, at)}"


def genuine(secrets: Sequence[bytes], sent: str, now: float) -> bool:
    """Whether somebody who has one of the secrets signed it a moment ago."""
    at, _, signature = sent.removeprefix(MARK).partition("_")
    if not sent.startswith(MARK) or not at.isdecimal() or not at.isascii() or len(at) > 12:  # noqa: PLR2004 - digits
        return False
    good = [hmac.compare_digest(_signature(secret, at).encode(), signature.encode()) for secret in secrets]
    return any(good) and abs(now - int(at)) <= _GOOD_FOR


def _signature(secret: bytes, at: str) -> str:
    key = hmac.digest(secret, _PURPOSE, "sha256")
    return hmac.new(key, at.encode(), "sha256").hexdigest()
