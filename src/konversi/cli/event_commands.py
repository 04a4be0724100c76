"""The commands that look at accepted events, and decide about them."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from konversi.cli.options import Json, Limit, Matching
from konversi.outbox.states import State
from konversi.settings import load

All = Annotated[bool, Parameter(name="--all", negative="")]
Yes = Annotated[bool, Parameter(negative="")]
_NOTHING = Matching()

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
def replay(
    *receipts: str, matching: Matching = _NOTHING, everything: All = False, yes: Yes = False, json: Json = False
) -> int:
    """Send dead, held, discarded or withheld events again, with the same event_id and body: some, or all that match.

    Example: konversi events replay --all --state dead --dataset 1234567890

    Parameters
    ----------
    receipts:
        The receipts of those that are meant.
    matching:
        Which of all.
    everything:
        All that match the filters, not those of receipts.
    yes:
        Don't ask.
    json:
        Print JSON for programs.
    """
    from konversi.cli import deciding

    return deciding.decide(load(), "replay", receipts, deciding.Which(matching, everything, yes), "", as_json=json)


@events.command
def discard(
    *receipts: str,
    reason: str,
    matching: Matching = _NOTHING,
    everything: All = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Decide that events are not to be sent: some, or all that match.

    Parameters
    ----------
    receipts:
        The receipts of those that are meant.
    reason:
        Why; kept with them.
    matching:
        Which of all.
    everything:
        All that match the filters, not those of receipts.
    yes:
        Don't ask.
    json:
        Print JSON for programs.
    """
    from konversi.cli import deciding

    return deciding.decide(load(), "discard", receipts, deciding.Which(matching, everything, yes), reason, as_json=json)


@events.command
def export(*, matching: Matching = _NOTHING, format: Literal["csv", "ndjson"] = "csv") -> int:  # noqa: A002 - its name in the shell
    """Write events to standard output, newest first, up to 100,000: for a spreadsheet, or one JSON object a line.

    Example: konversi events export --state dead --format ndjson > dead.ndjson

    Parameters
    ----------
    matching:
        Which; all where nothing is given.
    format:
        csv or ndjson.
    """
    from konversi.cli import deciding

    return deciding.export(load(), matching, format)
