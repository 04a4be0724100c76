"""Who forgets people, and who shows what is kept about them, with what both need from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.aftercare.erasing import Erasures, Ways
from konversi.aftercare.exporting import Exports
from konversi.intake.call import SEALED_AS, Call
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores


def erasures_of(settings: Settings, stores: Stores, *, alone: bool = False) -> Erasures:
    """For this installation; `alone` where no gateway runs."""
    ways = _ways(settings, stores)
    return Erasures(stores.database, stores.consents, stores.seal, stores.secret, ways, alone=alone)


def exports_of(settings: Settings, stores: Stores) -> Exports:
    """For this installation."""
    return Exports(stores.database, stores.consents, stores.secret, _ways(settings, stores))


def _ways(settings: Settings, stores: Stores) -> Ways:
    def dataset_id(name: str) -> str:
        return settings.pixel_id or name if name == DEFAULT_DATASET else name

    def unsealed(sealed: bytes) -> bytes:
        return Call.unpacked(stores.seal.open(sealed, SEALED_AS)).body

    return Ways(dataset_id, unsealed)
