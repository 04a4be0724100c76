"""How long an installation remembers what is not an event, as its settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.aftercare.memory import Days, memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from konversi.aftercare.erasing import Erasures
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores


def forgetting(settings: Settings, stores: Stores, erasures: Erasures) -> Callable[[float], Awaitable[bool]]:
    """What forgets, as `Upkeep` wants it."""
    days = Days(
        journeys=settings.journey_days,
        agents=settings.agent_days or settings.journey_days,
        payments=settings.payment_days or settings.journey_days,
        consent=settings.consent_days,
        reports=settings.retention_days,
        customers=settings.customer_days,
    )
    rest = memory(stores.journeys, stores.payments, stores.consents, erasures, days)

    async def forget(now: float) -> bool:
        more = [await rest(now), await stores.entrance.forget(now, settings.audit_days)]
        return any(more)

    return forget
