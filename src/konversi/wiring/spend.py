"""What asks about ads under these settings: their spend, and custom conversions."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from konversi.insight.spending import Spending
from konversi.intake.custom_conversions import CustomConversions
from konversi.meta.ad_insights import ACTION_TYPES
from konversi.meta.graph import GraphClient
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from konversi.settings import Settings
    from konversi.wiring.stores import Stores


def ads_credentials(settings: Settings) -> tuple[str, str | None] | None:
    """The token for ads and the app's secret, or nothing where there is no token."""
    token = settings.ads_token or settings.token
    if token is None:
        return None
    return token.get_secret_value(), settings.app_secret.get_secret_value() if settings.app_secret else None


def ads_graph(settings: Settings) -> GraphClient:
    """What asks the Marketing API, to be entered: its versions end sooner than those for events."""
    return GraphClient(settings.graph_url, settings.insights_version)


def spending_of(settings: Settings, stores: Stores, accounts: Sequence[str] | None = None) -> Spending:
    """Of the accounts that the settings name, or of others."""
    return Spending(
        stores.database,
        accounts=settings.ad_accounts if accounts is None else accounts,
        credentials=ads_credentials(settings),
        open_graph=lambda: ads_graph(settings),
        types={**ACTION_TYPES, **{str(kind): order for kind, order in settings.action_types.items()}},
        now=stores.clock.now,
    )


def custom_conversions_of(settings: Settings) -> CustomConversions:
    """Of the accounts that the settings name."""
    return CustomConversions(
        accounts=settings.ad_accounts,
        dataset=settings.pixel_id,
        credentials=ads_credentials(settings),
        open_graph=lambda: ads_graph(settings),
    )


@asynccontextmanager
async def open_custom_conversions(settings: Settings) -> AsyncIterator[CustomConversions]:
    """For a command. Raises as `open_gateway`."""
    async with open_stores(settings) as stores, stores.entrance.command():
        yield custom_conversions_of(settings)


@asynccontextmanager
async def open_spending(settings: Settings, accounts: Sequence[str] | None = None) -> AsyncIterator[Spending]:
    """For a command. Raises as `open_gateway`."""
    async with open_stores(settings) as stores, stores.entrance.command():
        yield spending_of(settings, stores, accounts)
