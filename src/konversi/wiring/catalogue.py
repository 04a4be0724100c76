"""How each dataset is reached, and what changes the datasets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from konversi.delivery.destination import Destinations
from konversi.intake.catalogue import Catalogue
from konversi.meta.graph import Credentials, GraphClient
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from konversi.datasets.store import Datasets
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores


def graph_of(settings: Settings) -> GraphClient:
    """What talks to Meta, to be entered."""
    return GraphClient(settings.graph_url, settings.api_version)


def credentials_of(settings: Settings) -> Credentials | None:
    """How the default dataset is reached, or `None` where it isn't configured."""
    if settings.pixel_id is None or settings.token is None:
        return None
    app_secret = settings.app_secret.get_secret_value() if settings.app_secret else None
    return Credentials(settings.pixel_id, settings.token.get_secret_value(), app_secret)


def destinations_of(settings: Settings, datasets: Datasets) -> Destinations:
    """How each dataset is reached: with what was added, else as the settings say."""
    return Destinations(lambda: datasets.registry, default=credentials_of(settings), on_in_doubt=settings.on_in_doubt)


def catalogue_of(
    settings: Settings, stores: Stores, destinations: Destinations, changed: Callable[[str], None]
) -> Catalogue:
    """What changes the datasets. `changed` hears the name of each that is reached in another way from now on."""
    return Catalogue(
        stores.datasets,
        destinations,
        lanes=stores.outbox.lanes,
        open_graph=partial(graph_of, settings),
        changed=changed,
        now=stores.clock.now,
    )


@asynccontextmanager
async def open_catalogue(settings: Settings) -> AsyncIterator[Catalogue]:
    """The datasets of an installation whose gateway doesn't run. Raises as `open_gateway`."""
    async with open_stores(settings) as stores, stores.entrance.command():
        destinations = destinations_of(settings, stores.datasets)
        yield catalogue_of(settings, stores, destinations, lambda _dataset: None)
