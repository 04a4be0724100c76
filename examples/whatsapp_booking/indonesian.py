"""Money and days as a customer in Indonesia reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
MONTHS = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November",
    "Desember",
)  # fmt: skip


def rupiah(amount: int) -> str:
    """150000 becomes Rp150.000."""
    return "Rp" + f"{amount:,}".replace(",", ".")


def day_in_words(day: date) -> str:
    """2026-11-25 becomes Rabu, 25 November 2026."""
    return f"{DAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]} {day.year}"


def clock(hour: int) -> str:
    """9 becomes 09.00."""
    return f"{hour:02}.00"
