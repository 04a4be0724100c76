"""What a cell says. What a spreadsheet has spoiled is repaired where that is certain, and refused where it is not."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING

from konversi.events.faults import Fault

if TYPE_CHECKING:
    from konversi.imports.sheets import Cell

_AS_TEXT = re.compile(r'="([^"]*)"')  # how a CSV keeps Excel from making a number of it
_SPOILED = re.compile(r"[0-9](?:[eE]\+?[0-9]|\.0$)")
_SCIENTIFIC = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_CURRENCY_SIGN = re.compile(r"^(?:rp\.?|idr|usd|us\$|s\$|rm|\$|€|£|¥)\s*|\s*(?:idr|usd|rupiah)$", re.IGNORECASE)
_RUPIAH_END = re.compile(r",-+$|\.-+$")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,' \u00a0\u202f])[0-9]{3})(?:\1[0-9]{3})*")
_THOUSAND = 3
_LONGEST_AMOUNT = 60  # characters
_LARGEST = Decimal(10) ** 15

_SEVERAL = {  # what stands between several, and what each of them has
    "phone": (re.compile(r"[,;/|\n&]+"), re.compile(r"(?:[0-9]\D?){8}", re.ASCII)),
    "email": (re.compile(r"[,;/|\s]+"), re.compile(r"[^@]@[^@]+\.")),
}

_CUT_NUMBER = Fault(
    "customer.phone",
    "phone_cut_by_spreadsheet",
    "has lost digits: the spreadsheet shows it as a number with an exponent.",
    "Format the column as text, enter the number again, and save the file anew.",
)
_FORMULA = ("is a formula, which is never run.", "Replace it with its value.")
_NO_AMOUNT = ("is not an amount that can be read in only one way.", "Write 150000, or Rp 150.000.")


def text(cell: Cell | None, field: str = "") -> str | Fault:
    """The cell as a person would read it."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    said = str(cell).strip()
    if said[:1] == "=":
        kept = _AS_TEXT.fullmatch(said)
        return kept[1].strip() if kept else Fault(field, "formula", *_FORMULA)
    return said[1:].strip() if said[:1] == "'" else said


def phone(cell: Cell | None) -> str | Fault:
    """The number's digits as they were typed. A lost leading zero is put back by whoever knows the country's plan."""
    said = text(cell, "customer.phone")
    if isinstance(said, Fault) or not _SPOILED.search(said):
        return said
    scientific = _SCIENTIFIC.fullmatch(said)
    if scientific is None:
        return said.removesuffix(".0")
    whole, fraction, exponent = scientific[1], scientific[2] or "", int(scientific[3])
    return whole + fraction if len(fraction) == exponent else _CUT_NUMBER


def several(said: str, kind: str) -> list[str]:
    """The phones or e-mail addresses that one cell holds: `0812-3456-7890 / 0813-1111-2222`."""
    between, looks_like = _SEVERAL[kind]
    parts = [part.strip() for part in between.split(said) if part.strip()]
    return parts if len(parts) > 1 and all(looks_like.search(part) for part in parts) else [said]


def amount(cell: Cell | None, decimals: int) -> int | float | Fault | None:
    """Major units; `decimals` is how many the currency has, and tells 150.000 rupiah from 1.500 dollars."""
    if cell is None or isinstance(cell, bool | date | time | timedelta):
        return None if cell is None else Fault("value", "bad_amount", *_NO_AMOUNT)
    if isinstance(cell, int | float):
        return _number(Decimal(str(cell)))
    said = text(cell, "value")
    if isinstance(said, Fault):
        return said
    if len(said) > _LONGEST_AMOUNT:
        return Fault("value", "bad_amount", *_NO_AMOUNT)  # and is not remembered: it may be anything
    return _written(said, decimals)


@lru_cache(maxsize=4_096)  # a price list is short
def _written(said: str, decimals: int) -> int | float | Fault | None:
    said = _RUPIAH_END.sub("", _CURRENCY_SIGN.sub("", said).strip())
    return _number(read) if (read := _read(said, decimals)) is not None else (None if not said else _number(None))


def _number(read: Decimal | None) -> int | float | Fault:
    if read is None or not read.is_finite() or not 0 <= read <= _LARGEST:
        return Fault("value", "bad_amount", *_NO_AMOUNT)
    return int(read) if read == read.to_integral_value() else float(read)


def _read(said: str, decimals: int) -> Decimal | None:
    """150000, 150.000, 1,500.50 and 1.500,50; `None` where it is nothing of these, or could be two of them."""
    last = max(said.rfind("."), said.rfind(","))
    whole, mark, fraction = (said, "", "") if last < 0 else (said[:last], said[last], said[last + 1 :])
    if mark and (mark in whole or len(fraction) == _THOUSAND):
        if len(fraction) == _THOUSAND and not (set(whole) & set(".,")) and decimals != 0:
            return None  # 1.500: fifteen hundred, or one and a half
        whole, fraction = said, ""
    if not (whole.isascii() and whole.isdigit()):
        if not _GROUPED.fullmatch(whole):
            return None
        whole = re.sub(r"[^0-9]", "", whole)
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        return None
    try:
        return Decimal(f"{whole}.{fraction or '0'}")
    except InvalidOperation:
        return None
