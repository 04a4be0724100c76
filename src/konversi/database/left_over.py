"""What a store may leave for later, and what the writer of its database owes it for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection


class LeftOver(Protocol):
    """What jobs leave for the next transaction to do, so that their own has a small commit. Nobody sees it undone."""

    @property
    def left(self) -> bool:
        """Whether there may be something."""
        ...

    def begin(self, connection: Connection, *, lone: bool) -> None:
        """A transaction begins: do what is left, unless its lone job is one of those that leave something."""
        ...

    def kept(self) -> None:
        """The transaction is durable."""
        ...
