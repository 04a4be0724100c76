"""Addresses that a form or a link asks to go on to: only our own. Pure."""

from __future__ import annotations

import re

# Browsers read a backslash as a slash, and leave out tabs and line ends: `/\t/elsewhere` is another host.
_OWN = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_LONGEST = 2_000


def own(address: str | None, otherwise: str) -> str:
    """The address, where it is one of ours; else the other one."""
    return address if address and len(address) <= _LONGEST and _OWN.fullmatch(address) else otherwise
