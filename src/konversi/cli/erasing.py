"""`konversi erase`: through the running gateway, or in its database where none runs."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from konversi.access.acting import Actor, acting
from konversi.aftercare.erasures import erasure_of
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.cli.reaching import running
from konversi.errors import ErasureUnknown, InvalidRequest
from konversi.intake.persons import Named
from konversi.wiring.erasing import erasures_of, exports_of
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from konversi.cli.options import Who
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores

T = TypeVar("T")
_SECONDS = 60.0
_ALL_SECONDS = 600.0  # to look through everything: a quarter of a minute for a million events
_COLUMNS = ("event_name", "event_id", "event_time", "dataset", "known", "fbtrace_ids")
_NAMES = {
    "events": "events",
    "consent_decisions": "decisions about consent",
    "conversations": "conversations",
    "messages": "remembered messages",
    "ad_clicks": "ad clicks",
    "tool_calls": "tool calls",
    "answers_of_the_agent": "answers of the agent",
    "events_that_meta_saw": "events that Meta saw by itself",
    "payments": "payments",
    "marks_of_a_customer": "marks of a customer",
    "calls_to_the_bot": "calls that waited for your bot",
    "lines_of_result_files": "lines of result files",
}


def _inside(settings: Settings, act: Callable[[Stores], Awaitable[T]]) -> T:
    """Act in the database of a gateway that doesn't run."""

    async def acted() -> T:
        async with open_stores(settings) as stores:
            with acting(Actor("command line", "machine")) as one:
                try:
                    return await act(stores)
                finally:
                    await stores.entrance.audit.keep(one)

    return asyncio.run(acted())


def erase(settings: Settings, who: Who, *, as_json: bool) -> int:
    """Forget a customer; exit status 1 where something is left. Raises `Refused`."""
    if gateway := running(settings):
        begun = gateway.ask("POST", "/v1/erasures", body=who.named, seconds=_SECONDS)
        found = gateway.ask("GET", f"/v1/erasures/{begun['erasure']}", params={"wait": "55"}, seconds=_SECONDS)
    else:
        named = Named.model_validate(who.named)

        async def whole(stores: Stores) -> dict[str, Any]:
            erasures = erasures_of(settings, stores, alone=not settings.shared)
            number = await erasures.begin(named)
            await erasures.catch_up()
            return await erasures.shown(number)

        found = _inside(settings, whole)
    return _told(found, as_json=as_json)


def report(settings: Settings, erasure: str, *, as_json: bool) -> int:
    """The report of an erasure. Raises `ErasureUnknown`."""
    number = erasure_of(erasure)
    if number is None:
        raise ErasureUnknown
    if gateway := running(settings):
        return _told(gateway.ask("GET", f"/v1/erasures/{erasure}"), as_json=as_json)
    return _told(_inside(settings, lambda stores: erasures_of(settings, stores).shown(number)), as_json=as_json)


def lift(settings: Settings, who: Who, *, as_json: bool) -> int:
    """Take a customer's data again. Raises `Refused`."""
    if gateway := running(settings):
        found = gateway.ask("POST", "/v1/erasures/lift", body=who.named)
    else:
        named = Named.model_validate(who.named)
        found = {"lifted": _inside(settings, lambda stores: erasures_of(settings, stores).lift(named))}
    if as_json:
        print_json(found)
    elif found["lifted"]:
        words("What is reported about this customer is taken again.")
    else:
        words("Nothing about this customer was refused.")
    return 0


def export(settings: Settings, who: Who, output: str | None) -> int:
    """Everything that is kept about a customer. Raises `Refused`, or `InvalidRequest` for a file that is there."""
    if gateway := running(settings):
        found = gateway.ask("POST", "/v1/exports", body=who.named, seconds=_ALL_SECONDS)
    else:
        named = Named.model_validate(who.named)
        found = _inside(settings, lambda stores: exports_of(settings, stores).of(named))
    if output is None:
        print_json(found)
        return 0
    try:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise InvalidRequest(f"--output: {output}: {error.strerror}.") from None
    words(f"Written to {output}. Hand it on safely, and delete it.")
    return 0


def _told(found: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(found)
        return 1 if found["found_elsewhere"] else 0
    words(f"{found['erasure']}: {_STATES[found['state']]}")
    removed = [f"{number} {_NAMES[name]}" for name, number in found["removed"].items() if number]
    words(f"Removed: {', '.join(removed)}." if removed else "Nothing was kept about this customer.")
    for reason in found["waits_for"]:
        words(f"Waits for: {reason}.")
    for place, number in found["found_elsewhere"].items():
        words(f"NOT REMOVED: {number} row(s) in {place}. Look at them by hand.")
    if found["meta_has"]:
        words("Meta has these events, and only Meta can delete them. Ask it with this list (--json for all of it):")
        table([{**one, "fbtrace_ids": " ".join(one["fbtrace_ids"])} for one in found["meta_has"]], _COLUMNS)
    else:
        words("Meta has nothing from here about this customer.")
    return 1 if found["found_elsewhere"] else 0


_STATES = {
    "running": "it goes on by itself; see `konversi erase --report` later.",
    "settling": "everything that was found is gone. In a minute it is looked for once more, for what was on its way.",
    "done": "done.",
}
