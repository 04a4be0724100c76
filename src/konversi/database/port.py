"""What a store needs of its database, whichever that is: jobs are functions of a Core connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

T = TypeVar("T")


class Database(Protocol):
    """Runs jobs. All raise `StorageUnavailable` where the storage fails, and `ShuttingDown` once it is closed."""

    async def write(self, job: Callable[[Connection], T], *, brief: bool = False) -> T:
        """Run a job in a transaction that others may share; durable on return. It must bear being run again.

        A brief one takes no longer than its commit.
        """
        ...

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a query that may take long, in nobody's way."""
        ...

    async def look_up(self, job: Callable[[Connection], T]) -> T:
        """Run a query that an index answers in microseconds, at once."""
        ...
