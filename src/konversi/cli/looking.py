"""`konversi status` and `konversi events`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from konversi.cli.in_database import InDatabase
from konversi.cli.over_http import gateway_url
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, table, words
from konversi.cli.reaching import reach

if TYPE_CHECKING:
    from konversi.settings import Settings

_COLUMNS = ("receipt", "state", "event", "event_id", "accepted_at", "tries", "reason")
_SHOWN_REASON = 60


def status(settings: Settings, *, as_json: bool) -> int:
    """How things stand; exit status 1 where a person is needed."""
    reached = reach(settings)
    found = reached.status()
    paused = [lane for lane in found["lanes"] if lane["paused"]]
    if as_json:
        print_json(found)
    else:
        if isinstance(reached, InDatabase):
            words(f"No gateway answers at {gateway_url(settings)}; this is what its database says.")
            words("If it runs elsewhere, name its address: KONVERSI_URL=http://HOST:PORT konversi status")
        elif not found["ready"]:
            words("The gateway is not ready: it starts, stops, or begins its delivery anew.")
        fields({name: value for name, value in found["states"].items() if value})
        fields(
            {
                "in doubt so far": found["in_doubt_ever"] or None,
                "oldest waiting": f"{found['oldest_waiting_seconds']:.0f} s"
                if found["oldest_waiting_seconds"]
                else None,
            }
        )
        if not any(found["states"].values()):
            words("No events yet. Send one: konversi send Lead --phone 0812-3456-7890 --booking-id BK-1 --value 150000")
        for lane in paused:
            words(f"{lane['lane']} is paused: {lane['cause']}")
        if found["needs_attention"]:
            words(f"{found['needs_attention']} need you: konversi events list --state dead (or held, expired)")
    return 1 if paused or found["needs_attention"] else 0


def list_events(settings: Settings, wanted: dict[str, str | None], *, as_json: bool) -> int:
    """Events, newest first."""
    found = reach(settings).events(wanted)
    if as_json:
        print_json(found)
        return 0
    rows = [{**row, "reason": (row["reason"] or "")[:_SHOWN_REASON]} for row in found["events"]]
    if not rows:
        words("There are none.")
        return 0
    table(rows, _COLUMNS)
    if found["next"]:
        words("There are more: give a larger --limit.")
    return 0


def show(settings: Settings, receipt: str, *, as_json: bool) -> int:
    """One event in full."""
    found = reach(settings).event(receipt)
    if as_json:
        print_json(found)
        return 0
    in_parts = ("notes", "sent_to_meta", "attempts")
    fields({name: value for name, value in found.items() if name not in in_parts})
    for note in found["notes"]:
        print(f"note      {note['about']}: {note['text']}")
    print("sent to Meta (hashed):")
    print(orjson.dumps(found["sent_to_meta"], option=orjson.OPT_INDENT_2).decode())
    for attempt in found["attempts"]:
        print(f"attempt {attempt['attempt']}:")
        fields({name: value for name, value in attempt.items() if name != "attempt"}, indent="  ")
    return 0
