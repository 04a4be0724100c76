"""What in data that isn't meant to tell who somebody is does so all the same: an e-mail address, or a phone number.

Meta wants no identity among the custom data, and there it would be stored in the clear. The rule has to leave alone
what only looks like a phone: prices, times, booking and order numbers. So digits alone tell of a phone only where they
are written as one, or stand under a name that speaks of a person; digits that are part of a longer word are no phone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from konversi.matching.phone import phone
from konversi.matching.phone_plans import home
from konversi.matching.reading import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORTH_A_LOOK = re.compile(r"@|[0-9](?:[^0-9]{0,2}[0-9]){6}", re.ASCII)
_EMAIL = re.compile(r"[^\s@,;:<>()\"']+@[^\s@,;:<>()\"']+\.[^\W\d_]{2,}")
_CHAT_ID = re.compile(
    r"(?:wa\.me/|tel:|whatsapp:)\+?[0-9]{7,}|[0-9]{7,20}@(?:s\.whatsapp\.net|c\.us|lid)", re.IGNORECASE | re.ASCII
)
# Digits with single marks between them, that are no part of a longer word, number or path.
_NUMBER = re.compile(
    r"(?<![\w#/+@-])(?<![0-9][.,:])\+?\(?[0-9](?:[ .()/-]{0,2}[0-9]){6,16}(?![\w#@]|[.,:][0-9]|[/-]\w)", re.ASCII
)
_DATE_OR_PRICE = re.compile(r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{4}|[1-9][0-9]{0,2}(?:\.[0-9]{3})+", re.ASCII)
_OTHER_MARKS = {0xAD: None, 0x2212: "-"} | dict.fromkeys(range(0x2010, 0x2016), "-")
_OTHER_MARKS |= dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A)])
_NOT_A_DIGIT = re.compile(r"[^0-9+]")
_SHORTEST, _LONGEST = 8, 15  # digits of what is taken for a phone
_SMALLEST = 10**7
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
OF_A_PERSON = frozenset(
    {
        "phone", "tel", "telp", "telpon", "telepon", "telephone", "hp", "nohp", "handphone", "ponsel", "mobile", "cell",
        "cellphone", "wa", "nowa", "whatsapp", "msisdn", "contact", "kontak", "sender", "customer", "pelanggan",
        "email", "mail", "surel",
    }
)  # fmt: skip
OF_A_THING = frozenset(
    {
        "id", "no", "nomor", "number", "num", "code", "kode", "ref", "reference", "order", "booking", "invoice", "inv",
        "faktur", "nota", "resi", "struk", "transaction", "transaksi", "pesanan", "ticket", "tiket", "voucher", "sku",
        "barcode", "imei", "vin", "serial", "price", "harga", "amount", "total", "jumlah", "value", "nilai", "time",
        "waktu", "timestamp", "date", "tanggal", "at",
    }
)  # fmt: skip


def tells_who(name: str, value: Any, country: str | None) -> bool:
    """Whether a name or what stands under it holds an e-mail address or a phone number; `value` may be nested.

    `country` is the ISO alpha-2 code in which numbers without a country code are read.
    """
    if name and text_tells_who(name, country):
        return True
    if isinstance(value, str):
        return text_tells_who(value, country, name)
    if isinstance(value, dict):
        return any(tells_who(f"{name} {inner}".strip(), below, country) for inner, below in value.items())
    if isinstance(value, list | tuple):
        return any(tells_who(name, one, country) for one in value)
    if isinstance(value, int) and value >= _SMALLEST:
        return _speaks_of(name, OF_A_PERSON) and _is_phone(str(value), country)
    return False


def text_tells_who(said: str, country: str | None, name: str = "") -> bool:
    """The same of a text, under the name that it stands under, if any."""
    if said.isascii() and said.replace(" ", "").isalpha():
        return False  # words alone, as nearly all names of services and sources
    text = said if said.isascii() else _in_plain_digits(said)
    if _WORTH_A_LOOK.search(text) is None:
        return False
    if _EMAIL.search(text) or _CHAT_ID.search(text):
        return True
    return any(_written(one, name, country) for found in _NUMBER.finditer(text) for one in _runs(found[0]))


def _in_plain_digits(said: str) -> str:
    """With other scripts' digits as ours, without invisible letters, and with one kind of dash."""
    text = normalize("NFKC", said).translate(_OTHER_MARKS)
    return "".join(str(int(letter)) if letter.isdecimal() else letter for letter in text)


def _runs(number: str) -> Iterator[str]:
    """The digits, and those between any two of their spaces: another number may stand beside a phone."""
    yield number
    parts = number.split(" ")
    for start in range(len(parts)):
        for end in range(start + 1, len(parts) + 1):
            if end - start < len(parts):
                yield " ".join(parts[start:end])


def _written(number: str, name: str, country: str | None) -> bool:
    """Whether these digits, written like that under this name, are a phone."""
    digits = _NOT_A_DIGIT.sub("", number)
    if not _SHORTEST <= len(digits.removeprefix("+")) <= _LONGEST:
        return False
    if digits.startswith("+") or _speaks_of(name, OF_A_PERSON):
        return _is_phone(digits, country)
    if _speaks_of(name, OF_A_THING) or _DATE_OR_PRICE.fullmatch(number):
        return False
    return _begins_like_a_phone(digits, country) and _is_phone(digits, country)


def _begins_like_a_phone(digits: str, country: str | None) -> bool:
    """With a zero, or as a mobile number with the country's own code. Other digits alone are a price or a number."""
    if digits.startswith("0"):
        return True
    plan = home(country) if country else None
    if plan is None or plan.mobile is None or not digits.startswith(plan.calling_code):
        return False
    return plan.mobile.fullmatch(digits, len(plan.calling_code)) is not None


def _is_phone(digits: str, country: str | None) -> bool:
    return isinstance(phone(digits, Setting(phone_country=country)), str)


def _speaks_of(name: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(word.lower() for word in _WORD.findall(name))
