"""What the gateway and its preparer tell each other: pickled, each behind its length.

A list goes two ways, as the two steps of `intake/prepare.py` do: read it, and what it wants to know is answered; then
what is known, and the events are answered. One that wants to know nothing comes back as events at once.

Busy callers' events are read by the preparer, and so begin in the middle: `Arrived`, where nobody has to be looked up
with the events, and `Kept`.
"""

from __future__ import annotations

import pickle
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from konversi.events.faults import Note
from konversi.intake.prepare import Preparation, Ready, Refusal
from konversi.outbox.port import NewEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from konversi.events.conversion import Conversion
    from konversi.events.faults import Refused
    from konversi.intake.answer import Answer
    from konversi.intake.payments.doors import Terms
    from konversi.intake.prepare import Past, Rules
    from konversi.intake.receipts import Receipt, Tally
    from konversi.intake.routes import Routes
    from konversi.journeys.keyring import Keyring
    from konversi.payments.deciding import Told
    from konversi.value.in_effect import InEffect

LENGTH = struct.Struct("<I")
Flat: TypeAlias = "Refusal | tuple[tuple[Any, ...], tuple[tuple[str, ...], ...], Mapping[str, Any]]"


class Listing(Protocol):
    """Many conversions, in the form in which they came."""

    @property
    def is_long(self) -> bool:
        """Whether preparing it takes longer than telling another process of it."""
        ...

    def conversions(self) -> Sequence[Conversion | Refused]:
        """Each of them, or why it can't be read. Raises a `KonversiError` where none can."""
        ...


class Circumstances(NamedTuple):
    """All that the two steps go by besides the conversions. A list is prepared under the last ones told before it."""

    rules: Rules
    values: InEffect  # those of the rules at this moment
    routes: Routes
    keyring: Keyring
    named: bool  # whether the customers' match keys are wanted back

    @classmethod
    def now(cls, rules: Rules, routes: Routes, keyring: Keyring, *, named: bool = False) -> Circumstances:
        """As they are at this moment."""
        return cls(rules, rules.values.now, routes, keyring, named)

    def are(self, others: Circumstances | None) -> bool:
        """Whether the others are these very ones: what changes is replaced as a whole."""
        return others is not None and all(mine is theirs for mine, theirs in zip(self, others, strict=True))

    def portable(self) -> Circumstances:
        """The same for another process."""
        return self._replace(routes=self.routes.portable())

    def preparation(self, unique: Callable[[], str]) -> Preparation:
        """The two steps under these circumstances; `unique` gives ids that never come twice."""
        return Preparation(self.rules, lambda: self.keyring, lambda: self.routes, unique)


class Started(NamedTuple):
    """The preparer's first word, after `Trusted`: it has loaded all that it needs, of this version of Konversi."""

    version: str


class Reading(NamedTuple):
    """A list to read, which came at `now` (Unix seconds)."""

    number: int
    listing: Listing
    now: float


class Asked(NamedTuple):
    """What one conversion of a list wants to know, as `intake.prepare.Read` has it."""

    name: str
    event_id: str
    dataset: str | None
    keys: Sequence[bytes]
    customer: Sequence[str]


class Asking(NamedTuple):
    """What a list wants to know before it becomes events."""

    number: int
    wanted: Sequence[Asked]


class Composing(NamedTuple):
    """What is known of that."""

    number: int
    past: Past


class Forgotten(NamedTuple):
    """Nobody waits for this list any more."""

    number: int


class Prepared(NamedTuple):
    """What a list became; nothing where the gateway has to do it itself."""

    number: int
    events: Sequence[Flat] | None


class Who(NamedTuple):
    """Who calls, as far as calls are let in by it."""

    address: str
    headers: tuple[tuple[bytes, bytes], ...]  # but the body's length; names in lower case


class Arrived(NamedTuple):
    """A list of single events that the preparer took itself, after its first step. Its number is negative."""

    number: int
    events: int
    callers: Sequence[Who]  # each once
    circumstances: int  # how many of them the preparer had been told of when it read the list
    first: Asking | Prepared


class Trusted(NamedTuple):
    """How the calls of those payment providers that are set up are known and read, by path. Told first, and once."""

    terms: Mapping[str, Terms]


class Notified(NamedTuple):
    """What a provider's calls told of payments, which the preparer took and read. As `Arrived`."""

    number: int
    path: str
    callers: Sequence[Who]  # each once
    notices: Sequence[Sequence[Told]]  # of each call


class Kept(NamedTuple):
    """What became of such a list: of each call, or the same for all; nothing where each has to be taken by itself."""

    number: int
    each: Sequence[Receipt | Tally | None] | None
    all: Answer | None = None


class Called(NamedTuple):
    """A call that the preparer took, and the gateway has to take by itself."""

    number: int
    path: str
    who: Who
    body: bytes


class Replied(NamedTuple):
    """The answer to a call."""

    number: int
    answer: Answer


class Alive(NamedTuple):
    """The preparer says so once a second."""


class Finish(NamedTuple):
    """Take no more calls, and hang up once those under way are answered."""


class Finished(NamedTuple):
    """Nobody is connected to the preparer any more."""


def flat(one: Ready | Refusal, *, named: bool) -> Flat:
    """As it goes over the wire: plain tuples are written and read in a third of the time."""
    if isinstance(one, Refusal):
        return one
    return tuple(one.new), tuple(tuple(note) for note in one.notes), one.user_data if named else {}


def raised(one: Flat) -> Ready | Refusal:
    """What `flat` made so."""
    if isinstance(one, Refusal):
        return one
    new, notes, user_data = one
    return Ready(NewEvent._make(new), tuple(map(Note._make, notes)), user_data)


def packed(message: Any) -> bytes:
    """A message as it goes over the wire."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(body)) + body


def unpacked(body: bytes | memoryview) -> Any:
    """A message without its length. Both ends are this program, and nobody else holds the wire."""
    return pickle.loads(body)  # noqa: S301 - as said
