"""What a store needs of its database, whichever that is: jobs are functions of a Core connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Reach(NamedTuple):
    """How much a process takes of a server that many share."""

    writers: int = 4  # connections, each in a thread of its own
    readers: int = 2
    listens: bool = True  # with one connection more, to what the other processes tell


FULL = Reach()
FRUGAL = Reach(1, 1, listens=False)  # for a process of which there may be hundreds, mostly asleep


class Rows(Protocol):
    """What a statement found, or did."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any:
        """The next row."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...


class Driver(Protocol):
    """The driver's own connection, for statements that are worth it: SQL with `?`, in what both dialects understand."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Rows:
        """Run one statement."""
        ...


Listener = Callable[[str], None]


class Gathered(Protocol[Item_contra, Result_co]):
    """Writes what callers bring, several items in one transaction."""

    async def bring(self, item: Item_contra) -> Result_co:
        """The item's result, once it is durable. Raises `Overloaded` as well."""
        ...


class GatheredWrites(Gathered[Item_contra, Result_co], Protocol[Item_contra, Result_co]):
    """The same, and how well callers share a transaction."""

    departures: int  # transactions, since it was made
    carried: int  # how much was in them


class Database(Protocol):
    """Runs jobs. All raise `StorageUnavailable` where the storage fails, and `ShuttingDown` once it is closed."""

    shared: bool  # other processes may write to it as well

    @property
    def broken(self) -> str | None:
        """Why the storage can't be trusted any more, if so: then the process has to end."""
        ...

    def now(self) -> float:
        """Unix seconds, the same for all who share the database."""
        ...

    def driver(self, connection: Connection) -> Driver:
        """The driver's own connection under one of Core."""
        ...

    def among(self, values: Sequence[bytes]) -> tuple[str, Sequence[Any]]:
        """What stands in a driver's statement after a column that is one of these, and the values for its `?`."""
        ...

    def as_one(self, columns: str) -> str:
        """What stands in a driver's statement after SELECT for rows that come as one text: a JSON list of lists.

        For texts and whole numbers only: fractions would lose digits.
        """
        ...

    def ids(self, driver: Driver, table: str, number: int) -> Sequence[int]:
        """Ids for so many rows that this transaction will insert, in their order."""
        ...

    def hold(self, connection: Connection, what: str, names: Iterable[bytes]) -> None:
        """Until the transaction ends, nobody else goes past here with one of these names of the same kind.

        Who holds several kinds takes them in alphabetical order.
        """
        ...

    def tell(self, topic: str, what: str = "") -> None:
        """Let other processes over the same database know, soon; a sign may get lost."""
        ...

    def on(self, topic: str, listener: Listener) -> None:
        """Call it for what other processes tell, and with an empty text where something may have been missed."""
        ...

    async def write(self, job: Callable[[Connection], T], *, brief: bool = False, alone: bool = False) -> T:
        """Run a job in a transaction that others may share; durable on return. It must bear being run again.

        A brief one takes no longer than its commit. One that is `alone` does all its writing with one statement.
        """
        ...

    def write_at_once(self, job: Callable[[Connection], T]) -> Sequence[T]:
        """Run a brief job in the caller's own thread, whichever that is: its result as the only item.

        No item where it would have to wait for somebody; then nothing was done. It may leave something, as below.
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
        alone: bool = False,
        leaves: bool = False,
        in_turn: bool = False,
    ) -> GatheredWrites[Item, Result]:
        """Where callers bring what goes in together: `job` gets the items of several, and gives one result each.

        `size` tells how much an item is; up to `brief` of it takes no longer than its commit, and more than `most` may
        not wait. With `patience` (seconds) it waits for more. `alone` says that one statement of the job's does all its
        writing, so that it may do without a transaction around it. One that `leaves` may leave something for the next
        transaction to do (`outbox/staging.py`): so no other job finds it undone, and no query but a look-up.
        Jobs `in_turn` are mostly Python: several under way would only take its lock from each other, so that what comes
        meanwhile makes the next one.
        """
        ...

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a query that may take long, in nobody's way."""
        ...

    async def look_up(self, job: Callable[[Connection], T], *, finds_all: bool = False) -> T:
        """Run a query that an index answers in microseconds, at once.

        One that asks for events has to find all of them: also those that were left to be put in their places.
        """
        ...

    def look_ups(
        self, job: Callable[[Connection, Sequence[Item]], Sequence[Result]], *, finds_all: bool = False
    ) -> Gathered[Item, Result]:
        """As `look_up`, for what many callers ask at a time: `job` may get the questions of several."""
        ...

    async def scrub(self, needles: Sequence[bytes]) -> None:
        """Leave none of these in what was freed by deleting, as far as that is ours to say."""
        ...

    async def resume(self) -> None:
        """After a time in which this process may have been frozen: compare clocks, and replace what has died."""
        ...

    async def aclose(self) -> None:
        """Finish what was asked, and let go of the storage."""
        ...
