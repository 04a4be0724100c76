"""What a store needs of its database, whichever that is: jobs are functions of a Core connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Gathered(Protocol[Item_contra, Result_co]):
    """Writes what callers bring, several items in one transaction."""

    async def bring(self, item: Item_contra) -> Result_co:
        """The item's result, once it is durable. Raises `Overloaded` as well."""
        ...


class Database(Protocol):
    """Runs jobs. All raise `StorageUnavailable` where the storage fails, and `ShuttingDown` once it is closed."""

    async def write(self, job: Callable[[Connection], T], *, brief: bool = False) -> T:
        """Run a job in a transaction that others may share; durable on return. It must bear being run again.

        A brief one takes no longer than its commit.
        """
        ...

    def gathering(
        self,
        job: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        size: Callable[[Item], int],
        brief: int,
        most: int,
        patience: float = 0.0,
    ) -> Gathered[Item, Result]:
        """Where callers bring what goes in together: `job` gets the items of several, and gives one result each.

        `size` tells how much an item is; up to `brief` of it takes no longer than its commit, and more than `most` may
        not wait. With `patience` (seconds) it waits for more.
        """
        ...

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a query that may take long, in nobody's way."""
        ...

    async def look_up(self, job: Callable[[Connection], T]) -> T:
        """Run a query that an index answers in microseconds, at once."""
        ...
