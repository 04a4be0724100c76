"""What a store may leave for later, and what the writer of its database owes it for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection


class WantsTransaction(Exception):
    """Raised by a job that was run outside a transaction and can't be left for later: nothing was done."""


class LeftOver(Protocol):
    """What jobs keep durably somewhere else, for the next transaction to do. Nobody sees it undone."""

    @property
    def left(self) -> bool:
        """Whether there is something."""
        ...

    def do(self, connection: Connection) -> None:
        """Do what is left: a transaction has begun."""
        ...

    def done(self) -> None:
        """The transaction is durable."""
        ...

    def end(self) -> None:
        """The writer has ended. What is left is for the next process."""
        ...
