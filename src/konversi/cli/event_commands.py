"""The commands that look at accepted events, and decide about them."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from konversi.cli.options import Json, Limit  # noqa: TC001 - cyclopts reads the annotations
from konversi.outbox.states import State
from konversi.settings import load

events = App(name="events", help="Look at accepted events, and decide about them.", help_format="plaintext")


@events.command(name="list")
def list_events(
    *,
    state: Literal["waiting", "sending", "delivered", "dead", "expired", "held", "discarded", "withheld"] | None = None,
    event_id: str | None = None,
    booking_id: str | None = None,
    dataset: str | None = None,
    limit: Limit = 20,
    json: Json = False,
) -> int:
    """List events, newest first.

    Parameters
    ----------
    state:
        Only those in this state.
    event_id:
        Only those with this id.
    booking_id:
        Only those of this booking.
    dataset:
        Only those of this dataset.
    limit:
        At most so many, up to 500.
    json:
        Print JSON for programs.
    """
    wanted = {
        "state": State(state).value if state else None,
        "event_id": event_id,
        "booking_id": booking_id,
        "dataset": dataset,
    }
    from konversi.cli import looking

    return looking.list_events(load(), {**wanted, "limit": str(limit)}, as_json=json)


@events.command
def show(receipt: str, /, *, json: Json = False) -> int:
    """Show one event: its state, the notes, what Meta gets of it, and each attempt."""
    from konversi.cli import looking

    return looking.show(load(), receipt, as_json=json)


@events.command
def replay(receipt: str, /, *, json: Json = False) -> int:
    """Send a dead, held, discarded or withheld event again, with the same event_id and body."""
    from konversi.cli import looking

    return looking.decide(load(), receipt, "replay", None, as_json=json)


@events.command
def discard(receipt: str, /, *, reason: str, json: Json = False) -> int:
    """Decide that an event is not to be sent.

    Parameters
    ----------
    receipt:
        The event's receipt.
    reason:
        Why; kept with the event.
    json:
        Print JSON for programs.
    """
    from konversi.cli import looking

    return looking.decide(load(), receipt, "discard", reason, as_json=json)
