"""What taking a conversion needs to know of the datasets."""

from __future__ import annotations

from typing import Protocol


class Routes(Protocol):
    """Which datasets there are, and whose chats belong to them."""

    @property
    def links_accounts(self) -> bool:
        """Whether a chat can decide about the dataset at all."""
        ...

    def resolve(self, given: str | None) -> str | None:
        """The dataset that a caller means; `None` where it isn't known."""
        ...

    def dataset_of(self, channel: str, account: str | None, line: str | None) -> str | None:
        """The dataset that a chat's events belong to; `None` where its account isn't linked to any."""
        ...

    def portable(self) -> Routes:
        """The same for another process, without secrets."""
        ...

    def account_of(self, line: str | None) -> str | None:
        """The WhatsApp Business Account that a number belongs to, where it was told."""
        ...
