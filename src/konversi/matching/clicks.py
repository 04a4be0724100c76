"""Click and browser ids: `fbc`, `fbp`, `fbclid` and `ctwa_clid`. All are case-sensitive and never hashed.

`fbc` is `fb.<subdomain index>.<creation, Unix milliseconds>.<fbclid>`, with an appendix as fifth segment where Meta's
parameter builder wrote it. Source: Meta, Conversions API: fbp and fbc parameters; error subcode 2804001.
"""

from __future__ import annotations

import re

from konversi.matching.reading import Reading, Remark, Setting

_APPENDIX = r"(?:\.(?:[A-Za-z0-9_-]{8}|[A-Za-z0-9_-]{2}))?"
_FBC = re.compile(r"fb\.[0-9]+\.[0-9]{13}\.([A-Za-z0-9_-]+)" + _APPENDIX, re.ASCII)
_FBP = re.compile(r"fb\.[0-9]+\.[0-9]{13}\.[0-9]+" + _APPENDIX, re.ASCII)
_FBCLID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_CTWA_CLID = re.compile(r"[!-~]+", re.ASCII)
_MADE_ON_A_SERVER = 1  # the subdomain index where no cookie told one
_LATEST_SECONDS = 99_999_999_999  # the year 5138: what is above was counted in milliseconds

_BAD_FBC = Remark(
    None,
    "fbc_not_valid",
    "An _fbc cookie reads fb.1.<13 digits>.<fbclid>, so it is left out. Send the cookie unchanged.",
)
_BAD_FBP = Remark(
    None,
    "fbp_not_valid",
    "An _fbp cookie reads fb.1.<13 digits>.<digits>, so it is left out. Send the cookie unchanged.",
)
_BAD_FBCLID = Remark(
    None,
    "fbclid_not_valid",
    "An fbclid holds letters, digits, - and _ only, so it is left out. Send it as in the landing page's address.",
)
_BAD_CTWA_CLID = Remark(
    None,
    "ctwa_clid_not_valid",
    "A ctwa_clid holds no spaces, so it is left out. Send it exactly as the webhook's referral has it.",
)
IN_MILLISECONDS = Remark(
    None,
    "clicked_at_in_milliseconds",
    "clicked_at counts milliseconds, so the conversion's own time stands in for it. Send Unix seconds.",
)


def fbc(text: str, _setting: Setting) -> Reading:
    return text if _FBC.fullmatch(text) else _BAD_FBC


def fbp(text: str, _setting: Setting) -> Reading:
    return text if _FBP.fullmatch(text) else _BAD_FBP


def ctwa_clid(text: str, _setting: Setting) -> Reading:
    return text if _CTWA_CLID.fullmatch(text) else _BAD_CTWA_CLID


def fbclid(text: str, _setting: Setting) -> Reading:
    return text if _FBCLID.fullmatch(text) else _BAD_FBCLID


def in_seconds(clicked_at: int) -> bool:
    return clicked_at <= _LATEST_SECONDS


def fbc_of(click_id: str, created_ms: int) -> str:
    """The `fbc` of a landing-page address, from the moment (Unix milliseconds) the fbclid was first seen."""
    return f"fb.{_MADE_ON_A_SERVER}.{created_ms}.{click_id}"


def holds(cookie: str, click_id: str) -> bool:
    """Whether the cookie was made of this very click: if not, the click in the address is the newer one."""
    found = _FBC.fullmatch(cookie)
    return found is not None and found[1] == click_id
