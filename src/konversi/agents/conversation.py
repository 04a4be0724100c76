"""`konversi.conversation`: whose chat it is, for every tool call inside it, and what the agent said at its end."""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from konversi.agents.customers import person
from konversi.agents.tracker import at_hand_or_opened, default_tracker, harmless, tell, warn
from konversi.clock import now, unique
from konversi.detection.claims import claims_booking
from konversi.detection.forgiving import build
from konversi.events.agent import Turn

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType
    from typing import Self

    from konversi.agents.tracker import Tracker

_current: ContextVar[Conversation | None] = ContextVar("konversi_conversation", default=None)
_open: dict[str, Conversation] = {}  # by the bot's id: a thread that a framework starts has an empty context


class Conversation:
    """One turn of a chat: `with konversi.conversation(customer="+62812...", id=chat_id) as chat: ...`.

    Set `reply` to what the agent answered, to learn of answers that claim a booking which no tool made.
    """

    def __init__(self, customer: Any = None, id: str | None = None, via: Tracker | None = None) -> None:  # noqa: A002 - as the function below
        self.customer, dropped = person(customer)
        self.id = str(id) if id is not None else None
        self.reply: str | None = None
        self._via = via
        self._tracker = via
        self._calls: list[bool] = []  # of each tool call: whether it booked
        self._tokens: list[Token[Conversation | None]] = []
        if dropped:
            warn("conversation_incomplete", tool=None, code="parts_dropped", parts=dropped)

    @property
    def key(self) -> tuple[str | None, str]:
        """What tells it from other chats, as far as that is known. Not for the log."""
        return self.id, self.customer.model_dump_json(exclude_none=True) if self.customer is not None else ""

    def saw(self, *, booked: bool, tracker: Tracker, conversation: str | None) -> None:
        """A tool call ended within it. Called from any thread."""
        self._calls.append(booked)
        self._tracker = self._via or tracker
        self.id = self.id or conversation

    def __enter__(self) -> Self:
        self._calls.clear()
        self._tokens.append(_current.set(self))
        if self.id is not None:
            _open[self.id] = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        if kind is None and self._happened:
            with harmless("turn_not_recorded", None):
                tell(self._tracker or default_tracker(), "turn", self._turn())

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        if kind is None and self._happened:
            with harmless("turn_not_recorded", None):
                tell(await at_hand_or_opened(self._tracker), "turn", self._turn())

    def _leave(self) -> None:
        if self.id is not None and _open.get(self.id) is self:
            del _open[self.id]
        with suppress(ValueError):  # left in another context than it was entered in: nothing is set there
            _current.reset(self._tokens.pop())

    @property
    def _happened(self) -> bool:
        return bool(self._calls or self.reply)

    def _turn(self) -> Turn | None:
        claimed = isinstance(self.reply, str) and claims_booking(self.reply)
        data: dict[str, Any] = {
            "turn_id": unique(), "conversation": self.id, "customer": self.customer, "at": now(),
            "tools": len(self._calls), "booked": any(self._calls), "claimed": claimed,
        }  # fmt: skip
        turn, dropped = build(Turn, data)
        if dropped:
            warn("turn_incomplete", tool=None, code="parts_dropped", parts=dropped)
        return turn


def conversation(customer: Any = None, id: str | None = None, via: Tracker | None = None) -> Conversation:  # noqa: A002 - the word that reads best where it is used
    """Say whose chat the code inside belongs to: `with` or `async with`, around one turn of the agent.

    Tool calls inside take their customer from it, unless an adapter's or decorator's own `customer=` finds one; their
    conversation is `id`, or else what the framework calls the chat. On the way out, without an exception, one turn is
    recorded: how many tools were called, whether one booked, and whether `reply` says so.

    customer: phone number in any spelling, WhatsApp's business-scoped user id, a Customer, or fields of one.
    id: the bot's own name for the chat; kept as a keyed hash.
    via: takes the turn; else the tracker of the tool calls inside, else the process's own Konversi.
    """
    return Conversation(customer, id, via)


def current(framework_conversation: str | None = None) -> Conversation | None:
    """The conversation that the calling code runs in, or the open one that the framework names."""
    inside = _current.get()
    if inside is None and framework_conversation is not None:
        return _open.get(framework_conversation)
    return inside
