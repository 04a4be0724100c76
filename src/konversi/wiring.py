"""The one place that knows every adapter: settings in, a gateway out."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from konversi.aftercare.change import Decisions
from konversi.aftercare.upkeep import Upkeep
from konversi.clock import Clock, SystemClock, unique
from konversi.delivery.dispatcher import Dispatcher
from konversi.delivery.watch import Watch
from konversi.errors import InvalidSettings, MissingCredentials, StorageUnavailable
from konversi.intake.gateway import Gateway
from konversi.intake.receive import Receiver, Rules
from konversi.logs import logger
from konversi.meta.channels import MESSAGING_NAMES, Tables
from konversi.meta.graph import Credentials, GraphClient
from konversi.outbox.sqlite import SqliteOutbox
from konversi.settings import DEFAULT_DATASET, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from konversi.delivery.courier import Sender
    from konversi.outbox.port import Outbox

_STOP_SECONDS = 20.0  # longer than any request to Meta
_RESTART_SECONDS = 2.0


def credentials_of(settings: Settings) -> Credentials | None:
    """How the default dataset is reached, or `None` where it isn't configured."""
    if settings.pixel_id is None or settings.token is None:
        return None
    app_secret = settings.app_secret.get_secret_value() if settings.app_secret else None
    return Credentials(settings.pixel_id, settings.token.get_secret_value(), app_secret)


async def open_outbox(settings: Settings) -> Outbox:
    """The store that KONVERSI_DATABASE_URL names."""
    url = settings.database
    return await SqliteOutbox.open(url)


def installation_secret(settings: Settings) -> bytes:
    """32 bytes that stay the same for this installation; made at the first start where none is set."""
    if settings.secret:
        given = settings.secret.get_secret_value().encode()
        if len(given) < 16:  # noqa: PLR2004 - said in the message
            raise InvalidSettings("KONVERSI_SECRET: give at least 16 characters of chance.")
        return given[:64]
    return _kept_secret(settings.data_dir)


def _kept_secret(folder: Path) -> bytes:
    path = folder / "secret"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageUnavailable(f"{path}: {error}.") from error
    if len(text) != 64:  # noqa: PLR2004 - 32 bytes in hexadecimal
        raise StorageUnavailable(f"{path}: does not hold the secret that Konversi wrote; restore it from a backup.")
    return bytes.fromhex(text)


def rules_of(settings: Settings, secret: bytes) -> Rules:
    """How conversions are taken under these settings."""
    return Rules(
        secret=secret,
        country=settings.default_country,
        currency=settings.default_currency,
        test_code=settings.test_event_code,
        datasets=frozenset({settings.pixel_id} if settings.pixel_id else ()),
        tables=Tables({**MESSAGING_NAMES, **settings.messaging_names}, settings.ig_account_key),
    )


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, outbox: Outbox | None = None, clock: Clock | None = None, sender: Sender | None = None
) -> AsyncIterator[Gateway]:
    """A running gateway: it accepts and delivers until the block ends, then finishes what is under way.

    `outbox`, `clock` and `sender` stand in for the settings' own store, the machine's clock and Meta.
    Raises `StorageInUse`, `StorageUnavailable` or `InvalidSettings` where it can't start.
    """
    clock = clock or SystemClock()
    rules = rules_of(settings, installation_secret(settings))
    store = outbox or await open_outbox(settings)
    try:
        async with _meta(settings, sender) as meta:
            gateway = _assemble(settings, store, meta, rules, clock)
            upkeep = Upkeep(
                store,
                clock=clock,
                on_in_doubt=settings.on_in_doubt,
                retention_days=settings.retention_days,
                wake=lambda: _wake_all(gateway),
            )
            await upkeep.at_start(sole_owner=True, production=settings.environment == "production")
            if not settings.configured:
                logger().warning(str(MissingCredentials()))
            async with _running(gateway, upkeep):
                yield gateway
    finally:
        await store.aclose()


@asynccontextmanager
async def _meta(settings: Settings, sender: Sender | None) -> AsyncIterator[Sender]:
    if sender is not None:
        yield sender
        return
    async with GraphClient(settings.graph_url, settings.api_version) as graph:
        yield graph


def _assemble(settings: Settings, store: Outbox, meta: Sender, rules: Rules, clock: Clock) -> Gateway:
    watch = Watch()
    dispatcher = _dispatcher(settings, store, meta, clock, watch)

    def wake(lane: str) -> None:
        gateway.dispatcher.wake(lane)  # whichever it is by then: it is replaced after a fault

    gateway = Gateway(
        settings=settings,
        clock=clock,
        outbox=store,
        receiver=Receiver(store, rules, now=clock.now, unique=unique, wake=wake),
        decisions=Decisions(store, clock=clock, test_code=rules.test_code, wake=wake),
        dispatcher=dispatcher,
        watch=watch,
    )
    return gateway


def _dispatcher(settings: Settings, store: Outbox, meta: Sender, clock: Clock, watch: Watch) -> Dispatcher:
    credentials = credentials_of(settings)
    return Dispatcher(
        store,
        meta,
        lambda dataset: credentials if dataset == DEFAULT_DATASET else None,
        clock=clock,
        watch=watch,
        on_in_doubt=settings.on_in_doubt,
    )


def _wake_all(gateway: Gateway) -> None:
    for courier in gateway.dispatcher.couriers.values():
        courier.wake()


@asynccontextmanager
async def _running(gateway: Gateway, upkeep: Upkeep) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        delivery = group.create_task(_deliver(gateway), name="delivery")
        chores = group.create_task(upkeep.run(), name="upkeep")
        gateway.delivering = True
        try:
            yield
        finally:
            gateway.delivering = False
            chores.cancel()
            gateway.dispatcher.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await asyncio.wait([delivery])
            delivery.cancel()


async def _deliver(gateway: Gateway) -> None:
    """Run delivery, and start it anew after a fault: its unfinished attempts are rescued when their leases end."""
    while True:
        try:
            await gateway.dispatcher.run()
        except* Exception as faults:  # noqa: BLE001 - reported, and delivery goes on
            gateway.delivering = False
            logger().error("delivery_restarts", fault=repr(faults.exceptions[0]))
        else:
            return
        if gateway.outbox.broken:
            return
        await asyncio.sleep(_RESTART_SECONDS)
        gateway.dispatcher = gateway.dispatcher.renewed()
        gateway.delivering = True
