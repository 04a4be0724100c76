"""What is kept of an agent's work: which tools it called and how that ended. Nothing of what was said."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from konversi.events.conversion import Customer, Identifier, Number  # noqa: TC001 - pydantic reads the annotations

Outcome = Literal["succeeded", "failed", "error", "denied", "retried", "pending", "cached", "unknown"]
"""failed: the tool returned and said no. error: it raised. unknown: nothing to judge by."""

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[!-~]+$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class ToolUse(_Record):
    """One call of a tool. `customer` and `conversation` only find the journey, and are kept as keyed hashes."""

    tool: Word
    outcome: Outcome
    error_kind: Word | None = None  # a class or a stable word, never a message: those quote customers
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    called_at: Number | None = None  # Unix seconds; now where absent
    call_id: Identifier | None = None  # the same call, told twice, is kept once
    conversation: Identifier | None = None  # the bot's own name for the chat
    customer: Customer | None = None


class Turn(_Record):
    """One answer of the agent: what it did, and what it said it did."""

    turn_id: Identifier | None = None  # the same turn, told twice, is kept once
    conversation: Identifier | None = None
    customer: Customer | None = None
    at: Number | None = None  # Unix seconds; now where absent
    tools: Annotated[int, Field(ge=0, le=10_000)] = 0  # calls in this turn
    booked: bool = False  # a booking tool succeeded
    claimed: bool = False  # the reply says that something was booked
