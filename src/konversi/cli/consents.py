"""`konversi consent`: through the running gateway, or in its database where none runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.cli.reaching import running
from konversi.errors import InvalidRequest
from konversi.intake import consenting
from konversi.intake.consenting import Consent
from konversi.intake.persons import Named
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from konversi.cli.options import Who
    from konversi.consent.store import Consents
    from konversi.settings import Settings

_COLUMNS = ("purpose", "state", "at", "source")


def _inside(settings: Settings, act: Callable[[Consents], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    async def acted() -> dict[str, Any]:
        async with open_stores(settings) as stores:
            return await act(stores.consents)

    return asyncio.run(acted())


def decide(settings: Settings, who: Who, said: Mapping[str, str], *, as_json: bool) -> int:
    """What a customer said. Raises `Refused` or `InvalidRequest`."""
    given = {**who.named, **said}
    if gateway := running(settings):
        found = gateway.ask("PUT", "/v1/consents", body=given)
    else:
        try:
            consent = Consent.model_validate(given)
        except ValidationError as error:
            raise InvalidRequest(" ".join(f"{one['loc'][0]}: {one['msg']}." for one in error.errors())) from None
        found = _inside(settings, lambda consents: consenting.decide(consents, consent))
    if as_json:
        print_json(found)
    elif found["counts"]:
        words(f"Kept: {found['state']} for {found['purpose']}.")
    else:
        words(f"Kept; what the customer said later counts: {found['state']} ({found['source']}, {found['at']}).")
    return 0


def show(settings: Settings, who: Who, *, as_json: bool) -> int:
    """What a customer said. Raises `Refused`."""
    if gateway := running(settings):
        found = gateway.ask("POST", "/v1/consents/show", body=who.named)
    else:
        named = Named.model_validate(who.named)
        found = _inside(settings, lambda consents: consenting.shown(consents, named))
    if as_json:
        print_json(found)
        return 0
    for one in found["purposes"]:
        sent = {True: "; events are sent to Meta", False: "; events are withheld", None: ""}[one["sent_to_meta"]]
        words(f"{one['purpose']}: {one['state']}{sent}.")
        if one["said"]:
            table(one["said"], _COLUMNS)
    return 0
