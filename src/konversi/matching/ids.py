"""Identifiers: the business's own (hashed), and those that Meta gave out (sent as they are)."""

from __future__ import annotations

import re

from konversi.matching.reading import Reading, Remark, Setting

_DIGITS = re.compile(r"[0-9]{1,25}", re.ASCII)
_LEAD = re.compile(r"(?:l:)?([0-9]{15,17})", re.ASCII)  # Meta's own lead exports write l:1234
_OPAQUE = re.compile(r"[!-~]{1,500}", re.ASCII)
_NO_ADVERTISER = re.compile(r"[0-]+", re.ASCII)  # phones send zeros for people who limit ad tracking

_EMPTY = Remark(
    None, "external_id_empty", "The identifier holds nothing, so it is left out. Send your customer number."
)
_NOT_DIGITS = Remark(
    None,
    "id_not_digits",
    "Meta's identifiers of this kind are digits only, so it is left out. Send the id, not a name.",
)
_NOT_METAS = Remark(
    None,
    "lead_id_not_metas",
    "A lead id is the 15 to 17 digits that Meta lead ads gave out, so it is left out: Meta refuses others. Send your "
    "own number as external_id.",
)
_NOT_OPAQUE = Remark(
    None,
    "id_not_valid",
    "Spaces and letters beyond ASCII don't occur in it, so it is left out. Send it exactly as received.",
)
_LIMITED = Remark(
    None,
    "madid_limited",
    "An advertising id of zeros means that tracking is limited, so it is left out. Nothing is to be done.",
)


def external_id(text: str, _setting: Setting) -> Reading:
    """Lower-case without white space: any form will do, as long as every channel sends the same one."""
    return "".join(text.lower().split()) or _EMPTY


def digits(text: str, _setting: Setting) -> Reading:
    text = text.strip()
    return text if _DIGITS.fullmatch(text) else _NOT_DIGITS


def lead_id(text: str, _setting: Setting) -> Reading:
    found = _LEAD.fullmatch(text.strip())
    return found[1] if found else _NOT_METAS


def opaque(text: str, _setting: Setting) -> Reading:
    text = text.strip()
    return text if _OPAQUE.fullmatch(text) else _NOT_OPAQUE


def advertising_id(text: str, setting: Setting) -> Reading:
    text = text.strip()
    return _LIMITED if _NO_ADVERTISER.fullmatch(text) else opaque(text, setting)
