"""`konversi roi`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.cli.reaching import reach

if TYPE_CHECKING:
    from konversi.settings import Settings

_COLUMNS = (
    "name", "spend", "conversations", "bookings", "payments", "per_booking", "per_payment", "paid", "paid_back", "roas",
    "meta_roas",
)  # fmt: skip


def roi(settings: Settings, days: int, by: str, *, as_json: bool) -> int:
    """What the ads cost beside what came of them."""
    found = reach(settings).returns(days, by)
    if as_json:
        print_json(found)
        return 0
    if not found["accounts"]:
        words("No spend is known. Set META_AD_ACCOUNT_ID, and pull it: konversi spend sync")
        return 0
    for account in found["accounts"]:
        words(f"In {account['currency']}, since {found['since']}:")
        table([*map(_row, account["rows"]), {**_row(account["total"]), "name": "all"}], _COLUMNS)
        if account["more"]:
            words(f"{account['more']} more are not shown.")
    if found["asked_since"] != found["since"]:
        words("Earlier days are left out: either their spend or their conversations are not known.")
    words("Meta goes on changing the last three days.")
    return 0


def _row(line: dict[str, Any]) -> dict[str, str]:
    return {
        "name": line["name"],
        **{name: _number(line[name]) for name in ("spend", "conversations", "bookings", "payments")},
        "per_booking": _number(line["cost_per_booking"]),
        "per_payment": _number(line["cost_per_payment"]),
        "paid": _number(line["value"]),
        "paid_back": _number(line["paid_back"]),
        "roas": _number(line["roas"]),
        "meta_roas": _number(line["meta"]["roas"]),
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"
