"""How a dataset is reached, and what is done with its events when no answer comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from konversi.errors import MissingCredentials
from konversi.meta.graph import Credentials
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.datasets.registry import Registry
    from konversi.delivery.decide import OnInDoubt


class Destination(NamedTuple):
    """Where a dataset's events go. Prints nothing secret."""

    to: Credentials
    on_in_doubt: OnInDoubt


class Destinations:
    """All of them, as they stand when asked. A token that was added goes before that of the settings."""

    def __init__(
        self, registry: Callable[[], Registry], *, default: Credentials | None, on_in_doubt: OnInDoubt
    ) -> None:
        self._registry = registry
        self.default = default  # that of the settings
        self._on_in_doubt: OnInDoubt = on_in_doubt

    def of(self, name: str) -> Destination | None:
        """By the dataset's name inside Konversi; `None` where there is no token: its events are kept, and wait."""
        to = self.credentials(name)
        return Destination(to, self.on_in_doubt(name)) if to else None

    def credentials(self, name: str) -> Credentials | None:
        """What the dataset is reached with."""
        added = self._registry().find(name)
        if added is not None and added.token is not None:
            return Credentials(added.id, added.token, added.app_secret)
        return self.default if name == DEFAULT_DATASET else None

    def on_in_doubt(self, name: str) -> OnInDoubt:
        """What the dataset says of it, else the setting."""
        added = self._registry().find(name)
        return (added.on_in_doubt if added else None) or self._on_in_doubt

    def in_settings(self, name: str) -> bool:
        """Whether the dataset is reached without anything that was added."""
        return name == DEFAULT_DATASET and self.default is not None

    def lack(self, name: str) -> str:
        """Why a dataset without a destination has none, and what to do, in plain words."""
        added = self._registry().find(name)
        if added is not None and added.fault:
            return added.fault
        if name == DEFAULT_DATASET:
            return str(MissingCredentials())
        return (
            f"There is no token for dataset {name}: its events are kept, and wait. Run `konversi datasets add {name}`."
        )

    def any(self) -> bool:
        """Whether events can be sent at all."""
        registry = self._registry()
        return any(self.credentials(name) for name in (DEFAULT_DATASET, *registry.datasets))
