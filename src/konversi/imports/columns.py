"""Which column means what: told by its name in English or Indonesian, else by what stands in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Of a conversion, in the order in which they are looked for: the first column that fits a field has it.
_NAMES: dict[str, tuple[str, ...]] = {
    "phone": (
        "phone", "mobile", "telephone", "tel", "cell", "cellphone", "mobile phone", "phone number", "mobile number", "whatsapp",
        "whatsapp number", "wa", "hp", "handphone", "telepon", "telp", "telpon", "ponsel", "kontak", "contact", "msisdn",
    ),
    "email": ("email", "e mail", "mail", "email address", "alamat email", "surel"),
    "birth_date": ("birth date", "birthdate", "date of birth", "dob", "birthday", "tanggal lahir", "tgl lahir", "ttl"),
    "booking_id": (
        "booking id", "booking", "booking code", "kode booking", "order id", "order", "order number", "kode order",
        "invoice", "invoice number", "invoice id", "faktur", "nota", "kode nota", "pesanan", "kode pesanan", "id pesanan", "id booking",
        "transaction id", "transaction", "id transaksi", "kode transaksi", "transaksi", "resi", "struk",
    ),
    "first_name": ("first name", "firstname", "given name", "nama depan"),
    "last_name": ("last name", "lastname", "surname", "family name", "nama belakang"),
    "name": ("name", "full name", "nama", "nama lengkap", "customer", "pelanggan", "customer name", "nama pelanggan", "nama customer"),
    "occurred_at": (
        "date", "datetime", "date time", "timestamp", "time stamp", "occurred at", "completed at", "completed", "paid at", "created at",
        "order date", "transaction date", "purchase date", "event time", "tanggal", "tgl", "waktu", "tanggal transaksi", "tgl transaksi",
        "tanggal selesai", "tgl selesai", "tanggal bayar", "tgl bayar", "tanggal order", "tanggal booking", "tgl booking", "hari tanggal",
        "tanggal servis", "tgl servis",
    ),
    "time": ("time", "hour", "jam", "pukul", "jam selesai", "jam transaksi"),
    "value": (
        "value", "amount", "total", "price", "paid", "revenue", "total price", "grand total", "total value", "total amount", "subtotal",
        "harga", "total harga", "jumlah", "nominal", "bayar", "total bayar", "biaya", "total biaya", "nilai", "omzet", "pembayaran", "tarif",
    ),
    "currency": ("currency", "currency code", "mata uang", "valuta"),
    "service": (
        "service", "services", "product", "item", "package", "service name", "product name", "item name", "layanan", "jasa", "paket",
        "produk", "barang", "jenis layanan", "nama layanan", "nama jasa", "servis", "pekerjaan", "treatment",
    ),
    "city": ("city", "town", "kota", "kabupaten", "kab", "kota kabupaten", "kab kota"),
    "region": ("state", "region", "province", "provinsi", "propinsi", "prov"),
    "postal_code": ("postal code", "postcode", "zip", "zip code", "kode pos", "kodepos"),
    "country": ("country", "country code", "negara"),
    "gender": ("gender", "sex", "jenis kelamin", "kelamin", "jk", "l p"),
    "external_id": ("external id", "customer id", "member id", "member", "id pelanggan", "kode pelanggan", "id member", "id customer"),
    "lead_id": ("lead id", "meta lead id", "facebook lead id"),
    "event": ("event", "event name", "type", "conversion", "jenis event", "status event"),
    "source": ("source", "store", "branch", "outlet", "cabang", "toko", "sumber"),
}  # fmt: skip
FIELDS = tuple(_NAMES)
NEEDED_ANY = ("phone", "email", "external_id", "lead_id")
_BY_NAME = {name: field for field, names in _NAMES.items() for name in names}
_FILLERS = frozenset("no nomor number num nr customer pelanggan konsumen client klien pembeli the data rp idr".split())
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:whatsapp:)?(?:\+|00)?[0-9][0-9 ().\-]{7,18}[0-9]|6[0-9]{11,13}")
_ENOUGH = 0.8  # of the sampled cells


def guess(header: Sequence[object], sample: Sequence[Sequence[object]]) -> dict[str, int]:
    """The column (from 0) of each field that could be told."""
    found: dict[str, int] = {}
    for plainly in (str.strip, _without_fillers):
        for index, title in enumerate(header):
            field = _BY_NAME.get(plainly(_plain(str(title))))
            if field is not None and index not in found.values():
                found.setdefault(field, index)
    for field, pattern in (("email", _EMAIL), ("phone", _PHONE)):
        if field not in found and (column := _that_looks_like(pattern, header, sample, found)) is not None:
            found[field] = column
    return found


def chosen(header: Sequence[object], wanted: Mapping[str, str]) -> dict[str, int]:
    """What the user says, as field: column name; an empty name leaves the field out. Raises `ValueError`."""
    titles = [_plain(str(title)) for title in header]
    columns: dict[str, int] = {}
    for field, title in wanted.items():
        if field not in _NAMES:
            raise ValueError(f"{field[:40]!r} is no field: take one of {', '.join(FIELDS)}")
        if not title:
            continue
        if _plain(title) not in titles:
            raise ValueError(f"there is no column {title[:60]!r}")
        columns[field] = titles.index(_plain(title))
    return columns


def _plain(title: str) -> str:
    words = re.sub(r"[\W_]+", " ", normalize("NFKC", title).casefold())
    return words.strip()


def _without_fillers(title: str) -> str:
    return " ".join(word for word in title.split() if word not in _FILLERS)


def _that_looks_like(
    pattern: re.Pattern[str], header: Sequence[object], sample: Sequence[Sequence[object]], found: Mapping[str, int]
) -> int | None:
    for index, title in enumerate(header):
        if index in found.values() or _plain(str(title)) in _BY_NAME:
            continue
        cells = [str(row[index]).strip() for row in sample if index < len(row) and str(row[index]).strip()]
        if cells and sum(bool(pattern.fullmatch(cell)) for cell in cells) >= _ENOUGH * len(cells):
            return index
    return None
