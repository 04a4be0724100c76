"""The states of an accepted event and what leads from one to the next.

Rule 1: everything that decides about states lives in this file. Rule 2: this file knows nothing of storage or Meta.
`docs/reference/event-states.md` is drawn from these tables and checked against them.
"""

from __future__ import annotations

from enum import StrEnum

from konversi.errors import WrongState


class State(StrEnum):
    """Where an accepted event stands."""

    WAITING = "waiting"  # on durable storage, to be sent when its time comes
    SENDING = "sending"  # the intent to send is written; the request may be on its way
    DELIVERED = "delivered"  # Meta said that it received the event
    DEAD = "dead"  # Meta refused it for good; the reason is on the event
    EXPIRED = "expired"  # it grew older than Meta takes before it could be sent
    HELD = "held"  # the outcome of a send is unknown, or a person has to decide
    DISCARDED = "discarded"  # a person decided against sending it
    WITHHELD = "withheld"  # the customer does not consent to it


class Step(StrEnum):
    """What can happen to an accepted event."""

    CLAIM = "claim"  # a sender takes it and writes down the intent to send
    DELIVER = "deliver"  # Meta received it
    RETRY = "retry"  # it was not sent, or Meta asks for patience
    SPLIT = "split"  # Meta refused the batch: try again in smaller ones
    REFUSE = "refuse"  # Meta refused this one event
    HOLD = "hold"  # a person has to decide
    EXPIRE = "expire"  # its deadline passed
    REPLAY = "replay"  # a person wants it sent (again)
    DISCARD = "discard"  # a person wants it not to be sent
    WITHHOLD = "withhold"  # the customer does not consent to it


TRANSITIONS: dict[tuple[State, Step], State] = {
    (State.WAITING, Step.CLAIM): State.SENDING,
    (State.WAITING, Step.EXPIRE): State.EXPIRED,
    (State.WAITING, Step.HOLD): State.HELD,
    (State.WAITING, Step.DISCARD): State.DISCARDED,
    (State.WAITING, Step.WITHHOLD): State.WITHHELD,
    (State.SENDING, Step.DELIVER): State.DELIVERED,
    (State.SENDING, Step.RETRY): State.WAITING,
    (State.SENDING, Step.SPLIT): State.WAITING,
    (State.SENDING, Step.REFUSE): State.DEAD,
    (State.SENDING, Step.HOLD): State.HELD,
    (State.DEAD, Step.REPLAY): State.WAITING,
    (State.DEAD, Step.DISCARD): State.DISCARDED,
    (State.HELD, Step.REPLAY): State.WAITING,
    (State.HELD, Step.DISCARD): State.DISCARDED,
    (State.EXPIRED, Step.DISCARD): State.DISCARDED,
    (State.DISCARDED, Step.REPLAY): State.WAITING,
    (State.WITHHELD, Step.REPLAY): State.WAITING,
    (State.WITHHELD, Step.DISCARD): State.DISCARDED,
}

FINAL = frozenset({State.DELIVERED, State.DEAD, State.EXPIRED, State.HELD, State.DISCARDED, State.WITHHELD})
NEEDS_ATTENTION = frozenset({State.DEAD, State.EXPIRED, State.HELD})


def after(state: State, step: Step) -> State:
    """The state that `step` leads to. Raises `WrongState` where the table has no such step."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise WrongState(f"It is {state.value}, from which there is no {step.value}.") from None


def sources(step: Step) -> frozenset[State]:
    """The states in which `step` is possible."""
    return frozenset(state for state, possible in TRANSITIONS if possible is step)
