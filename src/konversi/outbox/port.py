"""The durable promise: what every store behind the gateway can do, and the words it speaks.

One contract suite (`tests/contract/`) holds each store to this. A stream engine fits as well: claim is a fetch, settle
an acknowledgement (deliver, refuse), a negative one with a delay (retry) or a term (discard).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.outbox.states import State, Step


class NewEvent(NamedTuple):
    """An event that is ready to be sent. `body` is its JSON as Meta gets it, in UTF-8: stored once, never changed."""

    lane: str
    dataset: str
    event_name: str  # of the conversion; Meta may hear another one
    event_id: str
    booking_id: str | None
    event_time: int  # Unix seconds
    deadline: int  # Unix seconds from which it is not sent any more
    digest: bytes  # of the conversion, to tell a repeat from a conflict
    body: bytes
    notes: str  # JSON list of [about, code, text]
    journey: int | None = None  # the conversation it came of
    touch: int | None = None  # the ad click it is credited to
    given: str | None = None  # JSON: value and currency before the business's rules, where those changed them
    customer: str | None = None  # keys under which the customer is remembered, one after the other
    match_keys: str | None = None  # that Meta gets and that count, in order, with commas; None: the body tells
    worth: str | None = None  # value and currency before the business's rules: "150000 IDR"; None: the body tells
    withheld: str = ""  # why the customer does not consent; empty: it waits to be sent


class Appended(NamedTuple):
    """What became of one appended event. With `conflict` nothing was stored: the id belongs to other contents."""

    id: int
    repeat: bool = False
    conflict: bool = False


class Candidate(NamedTuple):
    """A waiting event as the planner of batches sees it."""

    id: int
    batch_limit: int  # at most so many events in its batch: halved each time Meta refuses the batch
    size: int  # bytes of its body
    tries: int
    deadline: int


class Choice(NamedTuple):
    """What the planner takes of the candidates it was shown."""

    batch: Sequence[int]
    expired: Sequence[int] = ()


class Batch(NamedTuple):
    """Claimed events whose intent to send is on durable storage. `data` is their bodies, joined by commas."""

    attempt: int
    lane: str
    ids: Sequence[int]
    data: bytes
    tries: int  # of the event tried most
    batch_limit: int
    names: Sequence[tuple[str, str]]  # (event name, event id) of the first few, for the log


class Settlement(NamedTuple):
    """How an attempt ended, for all of its events."""

    step: Step
    verdict: str  # stable word for the attempt's record: delivered, throttled, in_doubt...
    ended_at: float
    due_at: float = 0.0  # when to try again (retry, split)
    batch_limit: int = 0  # the new limit (split)
    in_doubt: bool = False  # the request left and no answer came
    counts_as_try: bool = True
    reason: str = ""  # plain words: what Meta said and what to do
    http_status: int | None = None
    code: int | None = None
    subcode: int | None = None
    fbtrace_id: str | None = None
    events_received: int | None = None
    answer: str | None = None  # Meta's answer, redacted, where it was not a plain success


class Attempt(NamedTuple):
    """One request to Meta."""

    id: int
    lane: str
    started_at: float
    ended_at: float | None
    events: int
    verdict: str | None
    reason: str
    http_status: int | None
    code: int | None
    subcode: int | None
    fbtrace_id: str | None
    events_received: int | None
    answer: str | None


class Stored(NamedTuple):
    """An accepted event as it stands now."""

    id: int
    lane: str
    dataset: str
    event_name: str
    event_id: str
    booking_id: str | None
    event_time: int
    accepted_at: float
    deadline: int
    state: State
    due_at: float
    tries: int
    in_doubt: int  # how often a send of it ended without an answer
    reason: str
    attempts: Sequence[int]
    notes: str
    body: bytes
    digest: bytes
    journey: int | None
    touch: int | None
    given: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which events to list, newest first. `before` is the cursor: only ids below it."""

    state: State | None = None
    dataset: str | None = None
    event_id: str | None = None
    booking_id: str | None = None
    journey: int | None = None
    before: int | None = None
    limit: int = 50


class Counts(NamedTuple):
    """How many events stand where. `totals` counts steps since the database was made; the rest is now."""

    states: dict[State, int]
    totals: dict[str, int]
    oldest_waiting: float | None  # Unix seconds at which the oldest waiting event was accepted
    by_lane: dict[str, int] | None = None  # waiting events


class Commits(NamedTuple):
    """What was written together since the process started."""

    number: int
    events: int  # in them


class Course(NamedTuple):
    """How a lane is doing, as everybody who delivers it should know. `konversi.delivery` gives it its meaning."""

    lane: str
    changed_at: float
    at_once: int  # requests that may be under way, of all who deliver it
    failures: int
    rests: int
    open_until: float
    cause: str
    paused: bool


class Outbox(Protocol):
    """A store of accepted events. Every method that changes something has changed it durably when it returns.

    All raise `StorageUnavailable` where that can't be said, and `Overloaded` where too much is queued already.
    """

    @property
    def broken(self) -> str | None:
        """Why the storage can't be trusted any more, if so: then the process has to end."""
        ...

    @property
    def commits(self) -> Commits:
        """Of appended events: how well callers share them."""
        ...

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]:
        """Accept events, one verdict each, in order; a known (dataset, name, id) is a repeat or a conflict."""
        ...

    async def homes(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The dataset of each accepted event among these (event name, event id); the first one where there are more."""
        ...

    async def lanes(self) -> Sequence[tuple[str, float]]:
        """Each lane with waiting events, and the Unix seconds at which its first one is due."""
        ...

    async def unfinished(self) -> tuple[Sequence[tuple[str, float]], int]:
        """The same, and how many events are being sent, at one moment."""
        ...

    async def claim(
        self,
        lane: str,
        now: float,
        lease_until: float,
        choose: Callable[[Sequence[Candidate]], Choice],
        *,
        at_once: int | None = None,
    ) -> Batch | None:
        """Lease the batch that `choose` takes from the lane's due events, and write down the intent to send it.

        Events that `choose` finds expired end there. `None` where nothing is due or taken, or where `at_once` attempts
        of the lane are under way already, whoever makes them.
        """
        ...

    async def courses(self) -> Sequence[Course]:
        """How the lanes are doing, of which somebody said it."""
        ...

    async def keep_course(self, course: Course) -> None:
        """Let the others know how a lane is doing."""
        ...

    async def extend(self, attempt: int, lease_until: float) -> None:
        """Keep the lease of an attempt that takes longer."""
        ...

    async def settle(self, batch: Batch, settlement: Settlement) -> None:
        """Write down how an attempt ended, and move its events on. One that was rescued meanwhile is left alone."""
        ...

    async def rescue(self, now: float, step_of: Callable[[str], Step], *, all_leases: bool = False) -> Sequence[int]:
        """End attempts whose lease ran out (or all): nobody knows how they ended, so their events are in doubt.

        Their events take the step of their lane (retry or hold). Returns the ids of those events.
        """
        ...

    async def expire(self, now: float) -> int:
        """End waiting events whose deadline passed, however far away their next try is."""
        ...

    async def hold_tests(self) -> int:
        """Hold waiting test events: called where production starts on a database that has some."""
        ...

    async def find(self, event: int) -> Stored | None:
        """One event."""
        ...

    async def search(self, search: Search) -> Sequence[Stored]:
        """Events, newest first."""
        ...

    async def attempts(self, ids: Sequence[int]) -> Sequence[Attempt]:
        """Attempts by id, oldest first."""
        ...

    async def counts(self) -> Counts:
        """How many events stand where."""
        ...

    async def change(self, event: int, step: Step, *, now: float, reason: str, lane: str | None = None) -> State:
        """Replay or discard one event. Raises `NotFound` and `WrongState`."""
        ...

    async def prune(self, accepted_before: float, limit: int, failed_before: float | None = None) -> int:
        """Forget up to `limit` finished events accepted before then, and attempts that old. Returns how many events.

        Those that were not delivered have a time of their own, `failed_before`, where that is given.
        """
        ...

    async def aclose(self) -> None:
        """Finish what was asked, and let go of the storage."""
        ...


def receipt(event: int) -> str:
    """The receipt of an accepted event: sortable, and easy to read aloud."""
    return f"rc_{event:012d}"


_LONGEST_NUMBER = 18  # digits: what a 64-bit id can have


def event_of(text: str) -> int | None:
    """The event that a receipt stands for, or `None` where the text is not a receipt."""
    digits = text[3:]
    if not text.startswith("rc_") or not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_NUMBER:
        return None
    return int(digits)
