"""`konversi custom-conversions`: through the running gateway, or straight to Meta where none runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, table, words
from konversi.cli.reaching import running
from konversi.errors import InvalidRequest
from konversi.events.faults import faults_of
from konversi.intake.custom_conversions import NewCustomConversion
from konversi.intake.invalid_fields import InvalidFields
from konversi.settings.ads import account_named
from konversi.wiring.spend import open_custom_conversions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.settings import Settings

_SECONDS = 60.0  # longer than asking Meta three times
_PATH = "/v1/custom-conversions"
_COLUMNS = ("id", "name", "type", "account", "dataset", "rule")


def create(settings: Settings, given: dict[str, Any], where: Sequence[str], *, as_json: bool) -> int:
    """Make one. Raises `InvalidRequest` for a `where` that is not KEY=TEXT."""
    given = {name: value for name, value in {**given, "where": _pairs(where)}.items() if value is not None}
    gateway = running(settings)
    found = gateway.ask("POST", _PATH, body=given, seconds=_SECONDS) if gateway else asyncio.run(_made(settings, given))
    if as_json:
        print_json(found)
    else:
        fields({**found, "new": None, "rule": orjson.dumps(found["rule"]).decode()})
        words("It is made. Meta counts from now on." if found["new"] else "It was there already: nothing was made.")
    return 0


def show_list(settings: Settings, account: str | None, *, as_json: bool) -> int:
    """All of them."""
    try:
        named = account_named(account) if account else None
    except ValueError:
        raise InvalidRequest("--account: an id such as act_123456789.") from None
    gateway = running(settings)
    if gateway:
        found = gateway.ask("GET", _PATH, params={"account": named} if named else None, seconds=_SECONDS)
    else:
        found = asyncio.run(_listed(settings, named))
    if as_json:
        print_json(found)
    elif found["custom_conversions"]:
        table(found["custom_conversions"], _COLUMNS)
    else:
        words('There are none. Make one: konversi custom-conversions create "Big bookings" --min-value 500000')
    return 0


async def _made(settings: Settings, given: dict[str, Any]) -> dict[str, Any]:
    try:
        form = NewCustomConversion.model_validate(given)
    except ValidationError as error:
        raise InvalidFields(faults_of(error, frozenset(NewCustomConversion.model_fields))) from None
    async with open_custom_conversions(settings) as conversions:
        return await conversions.create(form)


async def _listed(settings: Settings, account: str | None) -> dict[str, Any]:
    async with open_custom_conversions(settings) as conversions:
        return await conversions.listed(account)


def _pairs(where: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in where]
    if not all(key and sign and text for key, sign, text in pairs):
        raise InvalidRequest("--where: KEY=TEXT, such as service_type=repaint.")
    return {key.strip(): text for key, _, text in pairs}
