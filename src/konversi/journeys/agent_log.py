"""What agents did, for their metrics: tool calls and turns, each with the conversation that it belongs to."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from konversi.journeys import hot, statements
from konversi.journeys.identity import keyed, keys_of
from konversi.journeys.port import SPOKEN_OF
from konversi.matching.match import match

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Database
    from konversi.events.agent import ToolUse, Turn
    from konversi.events.conversion import Customer

_BRIEF = 100  # records that hold up nobody while they are kept
_PATIENCE = 0.02  # seconds that they wait for more, and never for a booking's commit
_AHEAD = 86_400  # seconds by which another's clock may be ahead
_MOST_QUEUED = 20_000  # records that may wait for a commit


class AgentLog:
    """The agents' work. Everything written is durable on return.

    `are_chats` tells whether there are conversations at all; the rest is as in `Journeys`.
    """

    def __init__(
        self,
        database: Database,
        secret: bytes,
        are_chats: Callable[[], bool],
        *,
        country: str | None,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._secret = secret
        self._are_chats = are_chats
        self._country = country
        self._now = now
        self._uses = database.gathering(self._keep_uses, size=len, brief=_BRIEF, most=_MOST_QUEUED, patience=_PATIENCE)
        self._turns = database.gathering(
            self._keep_turns, size=lambda _turn: 1, brief=_BRIEF, most=_MOST_QUEUED, patience=_PATIENCE
        )

    async def note(self, uses: Sequence[ToolUse]) -> int:
        """Keep tool calls; one that comes with its id, once. Returns how many were new."""
        return await self._uses.bring(uses) if uses else 0

    def _keep_uses(self, connection: Connection, groups: Sequence[Sequence[ToolUse]]) -> list[int]:
        now = self._now()
        rows = [self._use(connection, use, now) for uses in groups for use in uses]
        are_new = iter(statements.note_uses(connection, rows))
        return [sum(islice(are_new, len(uses))) for uses in groups]

    def _use(self, connection: Connection, use: ToolUse, now: float) -> dict[str, Any]:
        return {
            **self._placed(connection, use, "call", use.call_id),
            "at": _when(use.called_at, now),
            "tool": use.tool,
            "outcome": use.outcome,
            "error_kind": use.error_kind,
            "seconds": use.seconds,
        }

    async def note_turn(self, turn: Turn) -> None:
        """Keep one answer of the agent."""
        await self._turns.bring(turn)

    def _keep_turns(self, connection: Connection, given: Sequence[Turn]) -> list[None]:
        now = self._now()
        for turn in given:
            statements.note_turn(connection, self._row(connection, turn, now))
        return [None] * len(given)

    def _row(self, connection: Connection, turn: Turn, now: float) -> dict[str, Any]:
        return {
            **self._placed(connection, turn, "turn", turn.turn_id),
            "at": _when(turn.at, now),
            "tools": turn.tools,
            "booked": turn.booked,
            "claimed": turn.claimed,
        }

    async def booked_lately(self, conversation: str | None, customer: Customer | None, at: float | None) -> bool:
        """Whether a turn before this one, of the same chat, booked what its reply may speak of."""

        def job(connection: Connection) -> bool:
            own, journey = self._found(connection, conversation, customer)[:2]
            return statements.booked_within(connection, own, journey, then - SPOKEN_OF, then)

        then = _when(at, self._now())
        return await self._database.read(job)

    def _placed(self, connection: Connection, told: ToolUse | Turn, kind: str, own_id: str | None) -> dict[str, Any]:
        """The key that it comes again under, where it has an id, and where it belongs."""
        conversation, journey = self._place(connection, told.conversation, told.customer)
        key = keyed(kind, f"{told.conversation or ''}:{own_id}", self._secret) if own_id else None
        return {"key": key, "journey": journey, "conversation": conversation}

    def _place(
        self, connection: Connection, conversation: str | None, customer: Customer | None
    ) -> tuple[bytes | None, int | None]:
        """The bot's conversation as a key, and the journey it belongs to, which is remembered under that key.

        One that the bot gives to chats with several people is remembered for each of them. Where another process is
        just forgetting the journey, there is none.
        """
        own, journey, named_before = self._found(connection, conversation, customer)
        if journey is not None and self._database.shared and not statements.keep(connection, journey):
            journey = None
        if journey is not None and own is not None and named_before != journey:
            statements.name(connection, journey, own)
        return own, journey

    def _found(
        self, connection: Connection, conversation: str | None, customer: Customer | None
    ) -> tuple[bytes | None, int | None, int | None]:
        """The conversation's key, the journey that it or its customer leads to, and the one that it leads to itself."""
        own = keyed("conversation", conversation, self._secret) if conversation else None
        if not self._are_chats():
            return own, None, None
        seen_ms = int(self._now() * 1_000)
        person = match(customer, country=self._country, seen_ms=seen_ms).user_data if customer else {}
        keys = [*keys_of(person, self._secret), *([own] if own else [])]
        found = hot.of_keys(self._database.driver(connection), keys) if keys else {}
        return own, next((found[key] for key in keys if key in found), None), found.get(own) if own else None


def _when(told: float | None, now: float) -> float:
    """The time told, or now where it is none that can have been."""
    return float(told) if told is not None and 0 <= told <= now + _AHEAD else now
