"""How a value that is hashed already is told from one in the clear."""

from __future__ import annotations

import re

SHORTEST = 32  # characters: anything shorter is no hash, and needs no look

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{64}")
_WITH_APPENDIX = re.compile(r"[0-9A-Fa-f]{64}\.(?:[A-Za-z0-9_-]{8}|AQ|Ag|Aw|BA|BQ|Bg)")
_MD5 = re.compile(r"[0-9A-Fa-f]{32}")


def already_hashed(text: str) -> str | None:
    """The hash to send if `text` is one, else None.

    The form with an appendix is what Meta's own parameter builder writes; it is case-sensitive and goes as it came.
    Source: Meta, Conversions API: customer information parameters, and the parameter builder library.
    """
    text = text.strip()
    if _HEXADECIMAL.fullmatch(text):
        return text.lower()
    return text if _WITH_APPENDIX.fullmatch(text) else None


def is_md5(text: str) -> bool:
    """Meta matches SHA-256 only, so an MD5 hash finds nobody (its SDKs send one all the same)."""
    return _MD5.fullmatch(text.strip()) is not None
