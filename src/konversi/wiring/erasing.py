"""Who forgets people, with what it needs from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.aftercare.erasing import Erasures, Ways
from konversi.intake.call import SEALED_AS, Call
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores


def erasures_of(settings: Settings, stores: Stores, *, alone: bool = False) -> Erasures:
    """For this installation; `alone` where no gateway runs."""

    def dataset_id(name: str) -> str:
        return settings.pixel_id or name if name == DEFAULT_DATASET else name

    def unsealed(sealed: bytes) -> bytes:
        return Call.unpacked(stores.seal.open(sealed, SEALED_AS)).body

    ways = Ways(dataset_id, unsealed)
    return Erasures(stores.database, stores.consents, stores.seal, stores.secret, ways, alone=alone)
