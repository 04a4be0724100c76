"""The running gateway."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from konversi.aftercare.change import Decisions
from konversi.aftercare.upkeep import Upkeep
from konversi.clock import Clock, unique
from konversi.database.port import FRUGAL, FULL
from konversi.delivery.dispatcher import Dispatcher
from konversi.delivery.rounds import Rounds
from konversi.delivery.watch import Watch
from konversi.errors import MissingCredentials
from konversi.insight.meta_scores import MetaScores
from konversi.insight.processes import Processes
from konversi.insight.reading import Insight
from konversi.insight.tail import Tail
from konversi.intake.forward import Forwarder
from konversi.intake.gateway import Gateway
from konversi.intake.importing import Importer
from konversi.intake.keywords import Keywords
from konversi.intake.listen import Listener
from konversi.intake.on_demand import OnDemandReceiver
from konversi.intake.payments.till import Till
from konversi.intake.prompt import Prompt
from konversi.intake.receive import Receiver, Rules
from konversi.intake.turns import Turns
from konversi.journeys.attribution import Window
from konversi.logs import logger
from konversi.meta.channels import MESSAGING_NAMES, Tables
from konversi.outbox.store import SqlOutbox
from konversi.wiring.alerting import watchman_of
from konversi.wiring.attending import attending
from konversi.wiring.catalogue import catalogue_of, destinations_of, graph_of
from konversi.wiring.erasing import erasures_of, exports_of
from konversi.wiring.forgetting import forgetting
from konversi.wiring.heeding import COURSE, DATASET, FORWARD, LANE, heeding
from konversi.wiring.on_demand import OnDemand
from konversi.wiring.possible import check
from konversi.wiring.preparing import preparer_of
from konversi.wiring.reporting import reporter_of
from konversi.wiring.running import running
from konversi.wiring.spend import custom_conversions_of, spending_of
from konversi.wiring.stores import open_stores
from konversi.wiring.valuing import VALUE, values_of, valuing_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from konversi.delivery.courier import Sender
    from konversi.intake.preparer.beside import Beside
    from konversi.outbox.port import Outbox
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores


def rules_of(settings: Settings, secret: bytes) -> Rules:
    """How conversions are taken under these settings. Raises `ValueRulesInvalid`."""
    return Rules(
        secret=secret,
        country=settings.default_country,
        currency=settings.default_currency,
        test_code=settings.test_event_code,
        tables=Tables({**MESSAGING_NAMES, **settings.messaging_names}, settings.ig_account_key),
        window=Window(settings.attribution_days, settings.attribution_model),
        limited_data_use=settings.limited_data_use,
        values=values_of(settings),
    )


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    *,
    outbox: Outbox | None = None,
    clock: Clock | None = None,
    sender: Sender | None = None,
    on_demand: bool = False,
    beside: bool = False,
) -> AsyncIterator[Gateway]:
    """A running gateway: it accepts and delivers until the block ends, then finishes what is under way.

    With `on_demand` it only delivers while it is called: for a process that may be frozen at any other time.
    With `beside` long lists are prepared in a process of their own, where that helps.
    `outbox`, `clock` and `sender` stand in for the settings' own store, the machine's clock and Meta.
    Raises `StorageInUse`, `StorageUnavailable` or `InvalidSettings` where it can't start.
    """
    check(settings, on_demand=on_demand)
    reach = FRUGAL if on_demand else FULL
    async with (
        open_stores(settings, clock, outbox, reach) as stores,
        _meta(settings, sender) as meta,
        preparer_of(settings, wanted=beside) as preparer,
    ):
        stores, meta, kinds = _seen(settings, stores, meta)  # noqa: PLW2901 - as they show in traces
        rules = rules_of(settings, stores.secret)
        gateway, upkeep = _assemble(settings, stores, meta, rules, kinds, preparer, on_demand=on_demand)
        await gateway.valuing.load()
        if gateway.delivers:
            await upkeep.at_start(sole_owner=not settings.shared, production=settings.environment == "production")
        if not gateway.configured:
            logger().warning(str(MissingCredentials()))
        async with heeding(gateway, stores), attending(gateway), running(gateway, upkeep):
            try:
                yield gateway
            finally:
                gateway.tail.close()
                await gateway.meta_scores.aclose()
                await gateway.spending.aclose()


@asynccontextmanager
async def _meta(settings: Settings, sender: Sender | None) -> AsyncIterator[Sender]:
    if sender is not None:
        yield sender
        return
    async with graph_of(settings) as graph:
        yield graph


class _Kinds(NamedTuple):
    """The classes of what traces show."""

    receiver: type[Receiver] = Receiver
    on_demand_receiver: type[OnDemandReceiver] = OnDemandReceiver
    listener: type[Listener] = Listener
    turns: type[Turns] = Turns


def _seen(settings: Settings, stores: Stores, meta: Sender) -> tuple[Stores, Sender, _Kinds]:
    """All as it is, or as it shows in traces where these are on. Raises as `tracing.start`."""
    if not settings.traces:
        return stores, meta, _Kinds()
    from konversi.wiring import traced  # noqa: PLC0415 - an extra

    outbox, meta = traced.traced(stores.outbox, meta)
    kinds = _Kinds(traced.TracedReceiver, traced.TracedOnDemandReceiver, traced.TracedListener, traced.TracedTurns)
    return replace(stores, outbox=outbox), meta, kinds


def _assemble(
    settings: Settings,
    stores: Stores,
    meta: Sender,
    rules: Rules,
    kinds: _Kinds,
    beside: Beside | None,
    *,
    on_demand: bool,
) -> tuple[Gateway, Upkeep]:
    watch, clock = Watch(), stores.clock
    store = stores.outbox
    destinations = destinations_of(settings, stores.datasets)

    url = settings.whatsapp_forward_url
    database = stores.database
    elsewhere = None if settings.delivers else partial(database.tell, FORWARD)
    forwarder = Forwarder(stores.forwards, stores.seal, url, clock=clock, elsewhere=elsewhere) if url else None
    insight = Insight(database)
    erasures = erasures_of(settings, stores)
    upkeep = Upkeep(
        store,
        clock=clock,
        on_in_doubt=destinations.on_in_doubt,
        retention_days=settings.retention_days,
        failed_days=settings.failed_days,
        wake=lambda: gateway.dispatcher.look_around(),  # noqa: PLW0108 - whichever dispatcher it is by then
        forget=forgetting(settings, stores, erasures),
        settle=lambda until: gateway.till.catch_up(until),  # noqa: PLW0108 - made below
        follow=insight.follow,
    )
    rounds = Rounds(lambda: gateway.dispatcher, watch)

    def wake(lane: str) -> None:
        if not settings.delivers:
            database.tell(LANE, lane)
        elif demanded is not None:
            demanded.want()
        else:
            gateway.dispatcher.wake(lane)  # whichever it is by then: it is replaced after a fault

    def look_again(dataset: str) -> None:
        gateway.dispatcher.look_again(dataset)
        database.tell(DATASET, dataset)
        if demanded is not None and gateway.delivers:
            demanded.want()

    alerts = watchman_of(settings, stores, lambda: gateway.lanes())  # noqa: PLW0108 - the gateway is made below
    valuing = valuing_of(settings, stores, rules.values, lambda: database.tell(VALUE))
    demanded = None
    if on_demand:
        demanded = OnDemand(settings, stores, rounds, upkeep, forwarder, look_again, alerts, valuing, erasures)

    accepting = _accepting(stores, wake)
    receiver = kinds.receiver(store, rules, beside=beside, **accepting)
    door = receiver
    if demanded is not None and settings.delivers:
        door = kinds.on_demand_receiver(store, rules, deliver=demanded.deliver, **accepting)
    prompt = None
    if _writes_at_once(store):
        prompt = Receiver(Prompt(store), rules, **_accepting(stores, _from_any_thread(wake)))
    till = Till(
        stores.payments,
        door,
        stores.consents,
        country=rules.country,
        currency=rules.currency,
        now=clock.now,
    )
    receiver.paid = door.paid = till.pay
    stores.payments.reporting = reporter_of(stores, rules)
    gateway = Gateway(
        settings=settings,
        clock=clock,
        outbox=store,
        receiver=door,
        prompt=prompt,
        journeys=stores.journeys,
        consents=stores.consents,
        listener=kinds.listener(
            stores.journeys,
            lambda: stores.datasets.registry,
            stores.seal,
            now=clock.now,
            onward=forwarder,
            consents=stores.consents,
            keywords=Keywords.of(settings.stop_words, settings.start_words),
        ),
        turns=kinds.turns(receiver, stores.journeys.agent_log, stores.consents),
        till=till,
        forwarder=forwarder,
        decisions=Decisions(store, clock=clock, test_code=rules.test_code, wake=wake),
        dispatcher=Dispatcher(
            store,
            meta,
            destinations.of,
            clock=clock,
            watch=watch,
            tell=partial(database.tell, COURSE) if database.shared else None,
            on_duty=not on_demand,
        ),
        destinations=destinations,
        catalogue=catalogue_of(settings, stores, destinations, look_again),
        watch=watch,
        insight=insight,
        importer=Importer(
            stores.imports,
            receiver,
            secret=rules.secret,
            country=rules.country,
            currency=rules.currency,
            kept_days=settings.import_days or settings.retention_days,
        ),
        tail=Tail(database),
        meta_scores=MetaScores(destinations.credentials, partial(graph_of, settings), clock.now),
        spending=spending_of(settings, stores),
        custom_conversions=custom_conversions_of(settings),
        entrance=stores.entrance,
        processes=Processes(database, clock.now),
        alerts=alerts,
        erasures=erasures,
        exports=exports_of(settings, stores),
        valuing=valuing,
        on_demand=demanded,
    )
    return gateway, upkeep


def _accepting(stores: Stores, wake: Callable[[str], None]) -> dict[str, Any]:
    return {
        "conversations": stores.journeys,
        "consents": stores.consents,
        "routes": lambda: stores.datasets.registry,
        "now": stores.clock.now,
        "unique": unique,
        "earlier": stores.payments.earlier,
        "wake": wake,
    }


def _writes_at_once(store: Outbox) -> TypeGuard[SqlOutbox]:
    return isinstance(store, SqlOutbox) and not store.database.shared


def _from_any_thread(wake: Callable[[str], None]) -> Callable[[str], None]:
    loop = asyncio.get_running_loop()

    def wake_there(lane: str) -> None:
        with suppress(RuntimeError):  # the loop has ended: the next start sends what was accepted
            loop.call_soon_threadsafe(wake, lane)

    return wake_there
