"""`konversi spend sync`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from konversi.access.acting import Action, note
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.cli.reaching import running
from konversi.settings.ads import account_named

if TYPE_CHECKING:
    from konversi.settings import Settings

_USAGE_ERROR = 2
_LONGEST = 900.0  # seconds
_COLUMNS = ("account", "state", "rows", "currency", "since", "until", "fault")


def sync(settings: Settings, account: str | None, days: int, *, as_json: bool) -> int:
    """Exit status 1 where an account could not be pulled."""
    try:
        accounts = (account_named(account),) if account else settings.ad_accounts
    except ValueError:
        words("konversi: --account takes an id such as act_123456789.")
        return _USAGE_ERROR
    if not accounts:
        words("konversi: no ad account is known. Give --account act_123456789, or set META_AD_ACCOUNT_ID.")
        return _USAGE_ERROR
    pulled = _through_the_gateway(settings, accounts, days)
    if pulled is None:
        pulled = asyncio.run(_from_here(settings, accounts, days))
    if as_json:
        print_json({"pulled": pulled})
    else:
        table(pulled, _COLUMNS)
    return 0 if all(one["state"] == "pulled" for one in pulled) else 1


def _through_the_gateway(settings: Settings, accounts: tuple[str, ...], days: int) -> list[dict[str, Any]] | None:
    """What the running gateway did; nothing where none runs."""
    gateway = running(settings)
    if gateway is None:
        return None
    found: list[dict[str, Any]] = []
    for account in accounts:
        given = {"account": account, "days": str(days)}
        found += gateway.ask("POST", "/v1/spend/sync", params=given, seconds=_LONGEST)["pulled"]
    return found


async def _from_here(settings: Settings, accounts: tuple[str, ...], days: int) -> list[dict[str, Any]]:
    from konversi.wiring.spend import open_spending  # noqa: PLC0415 - all the gateway's stores

    async with open_spending(settings, accounts) as spending:
        note(Action.SPEND_PULLED, ", ".join(accounts), days=days)
        return [(await spending.pull(account, days))._asdict() for account in accounts]
