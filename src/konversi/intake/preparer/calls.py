"""Which calls the preparer takes from busy callers, by their first lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from konversi.intake.hot_paths import EVENTS_PATH, WEBHOOK_PATHS
from konversi.intake.payments.doors import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.intake.payments.doors import Provider

PROVIDERS_AT: Final[Mapping[str, Provider]] = {WEBHOOK_PATHS + name: one for name, one in PROVIDERS.items()}
CALLS: Final[Mapping[bytes, str]] = {
    f"POST {path} HTTP/1.1\r\n".encode(): path for path in (EVENTS_PATH, *PROVIDERS_AT)
}
BEGINNINGS: Final = tuple(CALLS)
