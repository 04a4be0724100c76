"""The one place that knows every adapter: settings in, a gateway out."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from konversi.aftercare.change import Decisions
from konversi.aftercare.memory import memory
from konversi.aftercare.upkeep import Upkeep
from konversi.clock import Clock, SystemClock, unique
from konversi.database.sealed import Seal
from konversi.database.sqlite_database import SqliteDatabase
from konversi.datasets.store import Datasets
from konversi.delivery.destination import Destinations
from konversi.delivery.dispatcher import Dispatcher
from konversi.delivery.watch import Watch
from konversi.errors import InvalidSettings, MissingCredentials, StorageUnavailable
from konversi.intake.catalogue import Catalogue
from konversi.intake.forward import Forwarder
from konversi.intake.gateway import Gateway
from konversi.intake.listen import Listener
from konversi.intake.receive import Receiver, Rules
from konversi.intake.turns import Turns
from konversi.journeys.attribution import Window
from konversi.journeys.store import Journeys
from konversi.logs import logger
from konversi.meta.channels import MESSAGING_NAMES, Tables
from konversi.meta.graph import Credentials, GraphClient
from konversi.outbox.sqlite import SqliteOutbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from konversi.delivery.courier import Sender
    from konversi.outbox.port import Outbox
    from konversi.settings import Settings

_STOP_SECONDS = 20.0  # longer than any request to Meta
_RESTART_SECONDS = 2.0


def credentials_of(settings: Settings) -> Credentials | None:
    """How the default dataset is reached, or `None` where it isn't configured."""
    if settings.pixel_id is None or settings.token is None:
        return None
    app_secret = settings.app_secret.get_secret_value() if settings.app_secret else None
    return Credentials(settings.pixel_id, settings.token.get_secret_value(), app_secret)


@dataclass(frozen=True, slots=True)
class Stores:
    """All that is kept, over one database."""

    outbox: Outbox
    journeys: Journeys
    datasets: Datasets
    seal: Seal


@asynccontextmanager
async def open_stores(
    settings: Settings, secret: bytes, clock: Clock, outbox: Outbox | None = None
) -> AsyncIterator[Stores]:
    """The stores in the database that KONVERSI_DATABASE_URL names; `outbox` stands in for its outbox."""
    async with AsyncExitStack() as stack:
        if outbox is not None:
            stack.push_async_callback(outbox.aclose)
            database = await SqliteDatabase.open(settings.database)
            stack.push_async_callback(database.aclose)
        else:
            outbox = await SqliteOutbox.open(settings.database)
            stack.push_async_callback(outbox.aclose)
            database = outbox.database
        journeys = Journeys(database, secret, country=settings.default_country, now=clock.now)
        await journeys.open()
        seal = Seal(secret)
        datasets = Datasets(database, seal, clock.now, default_id=settings.pixel_id)
        await datasets.load()
        yield Stores(outbox, journeys, datasets, seal)


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
        tables=Tables({**MESSAGING_NAMES, **settings.messaging_names}, settings.ig_account_key),
        window=Window(settings.attribution_days, settings.attribution_model),
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
    async with open_stores(settings, rules.secret, clock, outbox) as stores, _meta(settings, sender) as meta:
        gateway = _assemble(settings, stores, meta, rules, clock)
        upkeep = Upkeep(
            stores.outbox,
            clock=clock,
            on_in_doubt=gateway.destinations.on_in_doubt,
            retention_days=settings.retention_days,
            wake=lambda: _wake_all(gateway),
            forget=memory(stores.journeys, settings.journey_days),
        )
        await upkeep.at_start(sole_owner=True, production=settings.environment == "production")
        if not gateway.configured:
            logger().warning(str(MissingCredentials()))
        async with _running(gateway, upkeep):
            yield gateway


@asynccontextmanager
async def _meta(settings: Settings, sender: Sender | None) -> AsyncIterator[Sender]:
    if sender is not None:
        yield sender
        return
    async with GraphClient(settings.graph_url, settings.api_version) as graph:
        yield graph


def _assemble(settings: Settings, stores: Stores, meta: Sender, rules: Rules, clock: Clock) -> Gateway:
    watch = Watch()
    store = stores.outbox
    destinations = destinations_of(settings, stores.datasets)

    url = settings.whatsapp_forward_url
    forwarder = Forwarder(stores.journeys, stores.seal, url, clock=clock) if url else None

    def wake(lane: str) -> None:
        gateway.dispatcher.wake(lane)  # whichever it is by then: it is replaced after a fault

    def look_again(dataset: str) -> None:
        gateway.dispatcher.look_again(dataset)

    receiver = Receiver(
        store,
        rules,
        conversations=stores.journeys,
        routes=lambda: stores.datasets.registry,
        now=clock.now,
        unique=unique,
        wake=wake,
    )
    gateway = Gateway(
        settings=settings,
        clock=clock,
        outbox=store,
        receiver=receiver,
        journeys=stores.journeys,
        listener=Listener(
            stores.journeys,
            lambda: stores.datasets.registry,
            stores.seal,
            now=clock.now,
            wake_forwarder=forwarder.wake if forwarder else _nobody_waits,
        ),
        turns=Turns(receiver, stores.journeys),
        forwarder=forwarder,
        decisions=Decisions(store, clock=clock, test_code=rules.test_code, wake=wake),
        dispatcher=Dispatcher(store, meta, destinations.of, clock=clock, watch=watch),
        destinations=destinations,
        catalogue=catalogue_of(settings, stores, destinations, clock, look_again),
        watch=watch,
    )
    return gateway


def _nobody_waits() -> None:
    """Nothing is handed on."""


def destinations_of(settings: Settings, datasets: Datasets) -> Destinations:
    """How each dataset is reached: with what was added, else as the settings say."""
    return Destinations(lambda: datasets.registry, default=credentials_of(settings), on_in_doubt=settings.on_in_doubt)


def catalogue_of(
    settings: Settings, stores: Stores, destinations: Destinations, clock: Clock, changed: Callable[[str], None]
) -> Catalogue:
    """What changes the datasets. `changed` hears the name of each that is reached in another way from now on."""
    return Catalogue(
        stores.datasets,
        destinations,
        lanes=stores.outbox.lanes,
        open_graph=lambda: GraphClient(settings.graph_url, settings.api_version),
        changed=changed,
        now=clock.now,
    )


@asynccontextmanager
async def open_catalogue(settings: Settings) -> AsyncIterator[Catalogue]:
    """The datasets of an installation whose gateway doesn't run. Raises as `open_gateway`."""
    clock = SystemClock()
    async with open_stores(settings, installation_secret(settings), clock) as stores:
        destinations = destinations_of(settings, stores.datasets)
        yield catalogue_of(settings, stores, destinations, clock, lambda _dataset: None)


def _wake_all(gateway: Gateway) -> None:
    for courier in gateway.dispatcher.couriers.values():
        courier.wake()


@asynccontextmanager
async def _running(gateway: Gateway, upkeep: Upkeep) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        delivery = group.create_task(_deliver(gateway), name="delivery")
        chores = [group.create_task(upkeep.run(), name="upkeep")]
        if gateway.forwarder is not None:
            chores.append(group.create_task(gateway.forwarder.run(), name="forwarding"))
        gateway.delivering = True
        try:
            yield
        finally:
            gateway.delivering = False
            for chore in chores:
                chore.cancel()
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
