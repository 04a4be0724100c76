"""`konversi doctor`: is everything as it should be? Each check says what it found, and the remedy of a fault."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from konversi.cli.database_checks import schema, secret, server, unusable
from konversi.cli.datasets import desk
from konversi.cli.findings import Finding, Mark, show
from konversi.cli.findings import sound as all_sound
from konversi.cli.over_http import OverHttp, gateway_url
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import words
from konversi.clock import now
from konversi.database.direct import reading
from konversi.database.schema import readable
from konversi.database.sqlite import path_of
from konversi.errors import InvalidSettings, KonversiError, MissingCredentials
from konversi.events.faults import Fault
from konversi.events.money import currency_code
from konversi.intake.payments import stripe
from konversi.intake.payments.doors import PROVIDERS
from konversi.meta.answers import Kind
from konversi.meta.graph import GraphClient
from konversi.settings import LOOPBACK, Settings, load, secret_files, world_readable
from konversi.wiring import credentials_of
from konversi.wiring.valuing import rules_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_LITTLE_DISK = 0.05
_SCARCE_DISK = 0.15
_MOST_SKEW = 60.0  # seconds: further ahead, Meta refuses events as coming from the future
_OLDEST_SQLITE = (3, 35, 0)
_WAL_RESET_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


async def run(*, as_json: bool) -> int:
    """All checks; exit status 1 where one found a fault."""
    findings = [finding async for finding in _findings()]
    sound = all_sound(findings)
    if as_json:
        print_json({"ok": sound, "checks": [finding._asdict() for finding in findings]})
    else:
        show(findings)
        words("All is well." if sound else "Mend the faults above, then run `konversi doctor` again.")
    return 0 if sound else 1


async def _findings() -> AsyncIterator[Finding]:
    try:
        settings = load()
    except InvalidSettings as error:
        yield Finding("configuration", Mark.FAULT, f"{error.title()} {error.detail}".strip(), error.remedy())
        return
    kept = _postgres(settings) if settings.shared else (*_storage(settings), _sqlite())
    for finding in (*_configuration(settings), *kept, _gateway(settings)):
        yield finding
    datasets = await asyncio.to_thread(_datasets, settings)  # it may run an event loop of its own
    for finding in datasets:
        yield finding
    if any(one.check == f"dataset {settings.pixel_id}" for one in datasets):
        return  # what was added for META_PIXEL_ID goes before the settings' own token
    async for finding in _meta(settings, instead=any(one.mark is not Mark.WARNING for one in datasets)):
        yield finding


def _configuration(settings: Settings) -> Iterator[Finding]:
    code = settings.test_event_code
    sent_as = f"every event is a test event ({code})" if code else "events are sent as real ones"
    yield Finding("configuration", Mark.OK, f"{settings.environment}: {sent_as}")
    currency = currency_code(settings.default_currency)
    if isinstance(currency, Fault):
        yield Finding("currency", Mark.FAULT, f"KONVERSI_DEFAULT_CURRENCY {currency.detail}", currency.remedy)
    if settings.value_rules is not None:
        yield _value_rules(settings)
    if settings.host not in LOOPBACK and settings.api_key is None:
        yield Finding(
            "access",
            Mark.WARNING,
            f"it listens on {settings.host} without KONVERSI_API_KEY, so it takes no calls from other machines",
            "Set KONVERSI_API_KEY to a long random text.",
        )
    if settings.stripe_webhook_secret is not None and not stripe.installed():
        yield Finding(
            "payments",
            Mark.FAULT,
            "STRIPE_WEBHOOK_SECRET is set, but Stripe's library is not installed: its calls can't be checked",
            'pip install "konversi[stripe]"',
        )
    doors = [name for name, one in PROVIDERS.items() if getattr(settings, one.secret) is not None]
    if doors:
        yield Finding("payments", Mark.OK, f"taken from {', '.join(doors)}; part payments: {settings.part_payments}")
    for name in secret_files():
        path = os.environ.get(f"{name}_FILE")
        if path and Path(path).exists() and world_readable(path):
            yield Finding("secrets", Mark.FAULT, f"{name}_FILE can be read by everybody", f"chmod 600 {path}")
    for file in (".env.local", ".env"):
        if Path(file).exists() and world_readable(file):
            yield Finding("secrets", Mark.WARNING, f"{file} can be read by everybody", f"chmod 600 {file}")


def _storage(settings: Settings) -> Iterator[Finding]:
    folder = path_of(settings.database).parent
    existing = next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path("/"))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            "storage",
            Mark.FAULT,
            f"{existing} can't be written",
            "Give this user the folder, or set KONVERSI_DATA_DIR to another one.",
        )
        return
    disk = shutil.disk_usage(existing)
    free = disk.free / disk.total if disk.total else 0.0
    found = f"{folder} on a disk with {disk.free / 2**30:.1f} GiB free ({free:.0%})"
    if free < _LITTLE_DISK and disk.free < 2**30:
        yield Finding("storage", Mark.FAULT, found, "Make room: without it no event can be accepted.")
    elif free < _SCARCE_DISK and disk.free < 10 * 2**30:
        yield Finding("storage", Mark.WARNING, found, "Make room soon.")
    else:
        yield Finding("storage", Mark.OK, found)


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    found = f"SQLite {sqlite3.sqlite_version}"
    if version < _OLDEST_SQLITE:
        return Finding("sqlite", Mark.FAULT, found, "Use a Python built with SQLite 3.35 or newer.")
    fixed = any(version[:2] == good[:2] and version >= good for good in _WAL_RESET_FIXED) or version > (3, 52)
    if not fixed:
        found += ", with the WAL-reset fault, which one writing connection can't meet: Konversi has one"
    return Finding("sqlite", Mark.OK, found)


def _postgres(settings: Settings) -> list[Finding]:
    """The server; `konversi db check` looks at the rows as well."""
    try:
        with reading(settings.database) as connection:
            found = [*server(connection), *schema(connection)]
            return [*found, *(secret(connection, settings) if readable(connection) else ())]
    except KonversiError as error:
        return [unusable(error)]


def _gateway(settings: Settings) -> Finding:
    url = gateway_url(settings)
    try:
        ready = OverHttp(settings).ask("GET", "/readyz").get("ready")
    except KonversiError:
        return Finding("gateway", Mark.WARNING, f"none answers at {url}", "Start it: konversi serve")
    if ready:
        return Finding("gateway", Mark.OK, f"runs at {url}")
    return Finding("gateway", Mark.FAULT, f"runs at {url}, but is not ready", "Look at its log.")


def _datasets(settings: Settings) -> list[Finding]:
    """What Meta says of each dataset that was added."""
    if not settings.url and not settings.shared and not path_of(settings.database).exists():
        return []
    try:
        place = desk(settings)
        added = [one["id"] for one in place.listed()["datasets"] if one["from"] == "added"]
        return [_dataset(place.check(one)) for one in added]
    except KonversiError as error:
        return [Finding("datasets", Mark.WARNING, f"{error.title()} {error.detail}".strip(), error.remedy())]


def _dataset(checked: dict[str, Any]) -> Finding:
    check = f"dataset {checked['id']}"
    if checked["ok"]:
        return Finding(check, Mark.OK, "Meta knows it and takes the token")
    means, _, remedy = checked["fault"].partition(". ")
    return Finding(check, Mark.FAULT, means, remedy)


async def _meta(settings: Settings, *, instead: bool) -> AsyncIterator[Finding]:
    """What Meta says of the settings' own dataset; `instead` where others were added."""
    credentials = credentials_of(settings)
    if credentials is None and instead:
        found = "there is none for META_PIXEL_ID: events that belong to no dataset that was added wait"
        yield Finding("token", Mark.WARNING, found, MissingCredentials.remedy())
        return
    if credentials is None:
        missing = "META_PIXEL_ID" if settings.pixel_id is None else "META_CONVERSION_API_TOKEN"
        found = f"Missing Meta credentials: {missing} is not set"
        yield Finding("token", Mark.FAULT, found, MissingCredentials.remedy())
        return
    async with GraphClient(settings.graph_url, settings.api_version) as graph:
        sent = await graph.look(credentials)
    verdict = sent.verdict
    if verdict.kind is Kind.DELIVERED:
        yield Finding("token", Mark.OK, "Meta takes it")
        yield Finding("dataset", Mark.OK, f"{credentials.pixel_id} is there")
    elif verdict.kind in (Kind.PAUSED, Kind.REFUSED):
        means, _, remedy = verdict.reason.partition(". ")
        check = "dataset" if means.startswith("Pixel") else "token"
        yield Finding(check, Mark.FAULT, means, remedy)
    else:
        found = f"{settings.graph_url}: {verdict.reason}"
        yield Finding("meta", Mark.FAULT, found, "Check the network and META_GRAPH_URL.")
    if sent.clock is not None:
        yield _clock(now() - sent.clock)


def _value_rules(settings: Settings) -> Finding:
    assert settings.value_rules is not None
    try:
        rules = rules_in(settings.value_rules, settings.retention_days)
    except InvalidSettings as error:
        return Finding("value rules", Mark.FAULT, f"{error.title()} {error.detail}", error.remedy())
    return Finding("value rules", Mark.OK, f"{settings.value_rules}: {len(rules.rules)} rules")


def _clock(skew: float) -> Finding:
    if abs(skew) <= _MOST_SKEW:
        return Finding("clock", Mark.OK, "agrees with Meta's")
    direction = "ahead of" if skew > 0 else "behind"
    return Finding(
        "clock", Mark.FAULT, f"is {abs(skew):.0f} s {direction} Meta's", "Switch on time synchronisation (NTP)."
    )
