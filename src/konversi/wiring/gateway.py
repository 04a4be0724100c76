"""The running gateway."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeGuard

from konversi.aftercare.change import Decisions
from konversi.aftercare.memory import memory
from konversi.aftercare.upkeep import Upkeep
from konversi.clock import Clock, unique
from konversi.delivery.dispatcher import Dispatcher
from konversi.delivery.watch import Watch
from konversi.errors import InvalidSettings, KonversiError, MissingCredentials
from konversi.insight.reading import Insight
from konversi.intake.forward import Forwarder
from konversi.intake.gateway import Gateway
from konversi.intake.listen import Listener
from konversi.intake.prompt import Prompt
from konversi.intake.receive import Receiver, Rules
from konversi.intake.turns import Turns
from konversi.journeys.attribution import Window
from konversi.logs import logger
from konversi.meta.channels import MESSAGING_NAMES, Tables
from konversi.meta.graph import GraphClient
from konversi.outbox.store import SqlOutbox
from konversi.wiring.catalogue import catalogue_of, destinations_of
from konversi.wiring.secret import installation_secret
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from konversi.delivery.courier import Sender
    from konversi.intake.receive import Arrivals
    from konversi.outbox.port import Outbox
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores

_STOP_SECONDS = 20.0  # longer than any request to Meta
_RESTART_SECONDS = 2.0
_LANE, _COURSE, _DATASET, _FORWARD = "lane", "course", "dataset", "forward"  # what processes tell each other about
_ONE_PROCESS = (
    "KONVERSI_ONLY: SQLite serves one process, which does everything. Set KONVERSI_DATABASE_URL to a PostgreSQL"
    " database to run several, or leave it out."
)


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
    if settings.only and not settings.shared:
        raise InvalidSettings(_ONE_PROCESS)
    rules = rules_of(settings, installation_secret(settings))
    async with open_stores(settings, rules.secret, clock, outbox) as stores, _meta(settings, sender) as meta:
        gateway = _assemble(settings, stores, meta, rules)
        upkeep = Upkeep(
            stores.outbox,
            clock=stores.clock,
            on_in_doubt=gateway.destinations.on_in_doubt,
            retention_days=settings.retention_days,
            wake=lambda: _wake_all(gateway),
            forget=memory(stores.journeys, settings.journey_days),
            follow=gateway.insight.sums.follow,
        )
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


def _assemble(settings: Settings, stores: Stores, meta: Sender, rules: Rules) -> Gateway:
    watch, clock = Watch(), stores.clock
    store = stores.outbox
    destinations = destinations_of(settings, stores.datasets)

    url = settings.whatsapp_forward_url
    database = stores.database
    elsewhere = None if settings.delivers else partial(database.tell, _FORWARD)
    forwarder = Forwarder(stores.forwards, stores.seal, url, clock=clock, elsewhere=elsewhere) if url else None

    def wake(lane: str) -> None:
        if settings.delivers:
            gateway.dispatcher.wake(lane)  # whichever it is by then: it is replaced after a fault
        else:
            database.tell(_LANE, lane)

    def look_again(dataset: str) -> None:
        gateway.dispatcher.look_again(dataset)
        database.tell(_DATASET, dataset)

    def receiver_of(outbox: Arrivals, wake: Callable[[str], None]) -> Receiver:
        return Receiver(
            outbox,
            rules,
            conversations=stores.journeys,
            routes=lambda: stores.datasets.registry,
            now=clock.now,
            unique=unique,
            wake=wake,
        )

    receiver = receiver_of(store, wake)
    gateway = Gateway(
        settings=settings,
        clock=clock,
        outbox=store,
        receiver=receiver,
        prompt=receiver_of(Prompt(store), _from_any_thread(wake)) if _writes_at_once(store) else None,
        journeys=stores.journeys,
        listener=Listener(
            stores.journeys,
            lambda: stores.datasets.registry,
            stores.seal,
            now=clock.now,
            onward=forwarder,
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
        ),
        destinations=destinations,
        catalogue=catalogue_of(settings, stores, destinations, look_again),
        watch=watch,
        insight=Insight(database),
    )
    return gateway


def _writes_at_once(store: Outbox) -> TypeGuard[SqlOutbox]:
    return isinstance(store, SqlOutbox) and not store.database.shared


def _from_any_thread(wake: Callable[[str], None]) -> Callable[[str], None]:
    loop = asyncio.get_running_loop()

    def wake_there(lane: str) -> None:
        with suppress(RuntimeError):  # the loop has ended: the next start sends what was accepted
            loop.call_soon_threadsafe(wake, lane)

    return wake_there


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
            _FORWARD: lambda _: gateway.forwarder.wake() if gateway.forwarder and gateway.delivers else None,
        }
        for topic, listener in heeded.items():
            stores.database.on(topic, listener)
        try:
            yield
        finally:
            for topic in heeded:
                stores.database.on(topic, lambda _told: None)


@asynccontextmanager
async def _running(gateway: Gateway, upkeep: Upkeep) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        if not gateway.delivers:
            yield
            return
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
