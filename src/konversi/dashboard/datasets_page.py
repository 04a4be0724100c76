"""The datasets, whose chats belong to them, and whether their tokens work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.dashboard.page import Moved, Page
from konversi.errors import InvalidRequest

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked


async def show(asked: Asked) -> Page:
    """All of them."""
    return Page(
        "datasets.html",
        "Datasets",
        {
            **asked.gateway.catalogue.listed(),
            "test_event_code": asked.gateway.settings.test_event_code,
            "checked": asked.query("checked"),
        },
    )


async def check(asked: Asked) -> Moved:
    """Ask Meta whether a dataset's token works, and let waiting events be tried again where it does."""
    dataset = dict(await asked.form()).get("dataset", "")
    if not dataset.isdigit():
        raise InvalidRequest("dataset: Meta's id, in digits.")
    found = await asked.gateway.catalogue.check(dataset)
    if found["ok"]:
        asked.gateway.catalogue.try_again(dataset)
    return Moved(f"/datasets?checked={dataset}")
