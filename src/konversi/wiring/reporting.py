"""Who puts Purchases into the outbox where their payments are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.clock import unique
from konversi.intake.payments.reporting import Reporter
from konversi.outbox.store import SqlOutbox

if TYPE_CHECKING:
    from konversi.intake.receive import Rules
    from konversi.wiring.stores import Stores


def reporter_of(stores: Stores, rules: Rules) -> Reporter | None:
    """Nobody where the events are elsewhere, or where writing them shows in traces."""
    store = stores.outbox
    if not isinstance(store, SqlOutbox) or store.database is not stores.database:
        return None
    return Reporter(
        store,
        stores.journeys,
        stores.consents,
        stores.payments,
        rules,
        routes=lambda: stores.datasets.registry,
        now=stores.clock.now,
        unique=unique,
    )
