"""What a rule makes of one value: its normal form, or a remark where there is something to tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Setting(NamedTuple):
    """What a rule may know besides the value."""

    phone_country: str | None = None  # ISO alpha-2: national phone numbers are read in it
    customer_country: str | None = None  # ISO alpha-2, lower-case: the customer's own, where it is given
    day: int | None = None  # of the conversion, in whole days since 1970: nobody is born after it


class Remark(NamedTuple):
    """A value that leaves a note: refused (`normal` is None), or used with a choice made. Never quotes the value."""

    normal: str | None
    code: str
    text: str


Reading: TypeAlias = str | Remark
Rule: TypeAlias = Callable[[str, Setting], Reading]
