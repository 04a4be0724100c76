"""The running gateway."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.aftercare.change import Decisions
from konversi.aftercare.memory import memory
from konversi.aftercare.upkeep import Upkeep
from konversi.clock import Clock, unique
from konversi.database.port import FRUGAL, FULL
from konversi.delivery.dispatcher import Dispatcher
from konversi.delivery.rounds import Rounds
from konversi.delivery.watch import Watch
from konversi.errors import InvalidSettings, KonversiError, MissingCredentials
from konversi.intake.forward import Forwarder
from konversi.intake.gateway import Gateway
from konversi.intake.listen import Listener
from konversi.intake.prompt import PromptReceiver
from konversi.intake.receive import Receiver, Rules
from konversi.intake.turns import Turns
from konversi.journeys.attribution import Window
from konversi.logs import logger
from konversi.meta.channels import MESSAGING_NAMES, Tables
from konversi.meta.graph import GraphClient
from konversi.wiring.catalogue import catalogue_of, destinations_of
from konversi.wiring.on_demand import OnDemand
from konversi.wiring.secret import installation_secret
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from konversi.delivery.courier import Sender
    from konversi.outbox.port import Outbox
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores

_STOP_SECONDS = 20.0  # longer than any request to Meta
_RESTART_SECONDS = 2.0
_LANE, _COURSE, _DATASET = "lane", "course", "dataset"  # what processes tell each other about
_ONE_PROCESS = (
    "KONVERSI_ONLY: SQLite serves one process, which does everything. Set KONVERSI_DATABASE_URL to a PostgreSQL"
    " database to run several, or leave it out."
)
_NO_FILES = (
    "KONVERSI_DATABASE_URL: what runs only while it is called keeps no files, so SQLite would lose what was accepted."
    " Set it to a PostgreSQL database."
)
_UNKEPT = (
    "KONVERSI_SECRET: what runs only while it is called keeps no files, so the secret has to be given."
    " Make one, and keep it: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'."
)


def _check_on_demand(settings: Settings) -> None:
    if not settings.shared:
        raise InvalidSettings(_NO_FILES)
    if settings.secret is None:
        raise InvalidSettings(_UNKEPT)


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
    settings: Settings,
    *,
    outbox: Outbox | None = None,
    clock: Clock | None = None,
    sender: Sender | None = None,
    on_demand: bool = False,
) -> AsyncIterator[Gateway]:
    """A running gateway: it accepts and delivers until the block ends, then finishes what is under way.

    With `on_demand` it only delivers while it is called: for a process that may be frozen at any other time.
    `outbox`, `clock` and `sender` stand in for the settings' own store, the machine's clock and Meta.
    Raises `StorageInUse`, `StorageUnavailable` or `InvalidSettings` where it can't start.
    """
    if settings.only and not settings.shared:
        raise InvalidSettings(_ONE_PROCESS)
    if on_demand:
        _check_on_demand(settings)
    rules = rules_of(settings, installation_secret(settings))
    reach = FRUGAL if on_demand else FULL
    async with open_stores(settings, rules.secret, clock, outbox, reach) as stores, _meta(settings, sender) as meta:
        gateway, upkeep = _assemble(settings, stores, meta, rules, on_demand=on_demand)
        if gateway.delivers:
            await upkeep.at_start(sole_owner=not settings.shared, production=settings.environment == "production")
        if not gateway.configured:
            logger().warning(str(MissingCredentials()))
        async with _heeding(gateway, stores), _running(gateway, upkeep):
            yield gateway


@asynccontextmanager
async def _meta(settings: Settings, sender: Sender | None) -> AsyncIterator[Sender]:
    if sender is not None:
        yield sender
        return
    async with GraphClient(settings.graph_url, settings.api_version) as graph:
        yield graph


def _assemble(
    settings: Settings, stores: Stores, meta: Sender, rules: Rules, *, on_demand: bool
) -> tuple[Gateway, Upkeep]:
    watch, clock = Watch(), stores.clock
    store = stores.outbox
    destinations = destinations_of(settings, stores.datasets)

    delivers = settings.only in (None, "delivery")
    url = settings.whatsapp_forward_url
    forwarder = Forwarder(stores.journeys, stores.seal, url, clock=clock) if url else None

    database = stores.database
    upkeep = Upkeep(
        store,
        clock=clock,
        on_in_doubt=destinations.on_in_doubt,
        retention_days=settings.retention_days,
        wake=lambda: _wake_all(gateway),
        forget=memory(stores.journeys, settings.journey_days),
    )
    rounds = Rounds(lambda: gateway.dispatcher, watch)

    def wake(lane: str) -> None:
        if not gateway.delivers:
            database.tell(_LANE, lane)
        elif demanded is not None:
            demanded.want()
        else:
            gateway.dispatcher.wake(lane)  # whichever it is by then: it is replaced after a fault

    def look_again(dataset: str) -> None:
        gateway.dispatcher.look_again(dataset)
        database.tell(_DATASET, dataset)
        if demanded is not None and gateway.delivers:
            demanded.want()

    demanded = OnDemand(settings, stores, rounds, upkeep, forwarder, look_again) if on_demand else None
    receiver = Receiver(store, rules, **(accepting := _accepting(stores, wake)))
    prompt = PromptReceiver(store, rules, deliver=demanded.deliver, **accepting) if demanded and delivers else receiver
    gateway = Gateway(
        settings=settings,
        clock=clock,
        outbox=store,
        receiver=prompt,
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
        dispatcher=Dispatcher(
            store,
            meta,
            destinations.of,
            clock=clock,
            watch=watch,
            tell=partial(database.tell, _COURSE) if database.shared else None,
            on_duty=not on_demand,
        ),
        destinations=destinations,
        catalogue=catalogue_of(settings, stores, destinations, look_again),
        watch=watch,
        on_demand=demanded,
    )
    return gateway, upkeep


def _accepting(stores: Stores, wake: Callable[[str], None]) -> dict[str, Any]:
    return {
        "conversations": stores.journeys,
        "routes": lambda: stores.datasets.registry,
        "now": stores.clock.now,
        "unique": unique,
        "wake": wake,
    }


def _nobody_waits() -> None:
    """Nothing is handed on."""


def _wake_all(gateway: Gateway) -> None:
    gateway.dispatcher.look_around()


@asynccontextmanager
async def _heeding(gateway: Gateway, stores: Stores) -> AsyncIterator[None]:
    """While the block runs, heed what other processes over the same database tell."""
    async with asyncio.TaskGroup() as group:

        async def reload(dataset: str) -> None:
            try:
                await stores.datasets.load()
            except KonversiError as error:
                logger().error("datasets_not_reloaded", cause=error.detail)
                return
            if dataset:
                gateway.dispatcher.look_again(dataset)

        def lane(told: str) -> None:
            if told:
                gateway.dispatcher.wake(told)
            else:
                _wake_all(gateway)

        def dataset(told: str) -> None:
            group.create_task(reload(told))

        heeded: dict[str, Callable[[str], None]] = {
            _LANE: lane,
            _COURSE: lambda _lane: gateway.dispatcher.hear(),
            _DATASET: dataset,
        }
        for topic, listener in heeded.items():
            stores.database.on(topic, listener)
        yield
        for topic in heeded:
            stores.database.on(topic, lambda _told: None)


@asynccontextmanager
async def _running(gateway: Gateway, upkeep: Upkeep) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        if not gateway.delivers:
            yield
            return
        delivery = group.create_task(_deliver(gateway), name="delivery")
        chores = [group.create_task(upkeep.run(), name="upkeep")] if gateway.on_demand is None else []
        if chores and gateway.forwarder is not None:
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
