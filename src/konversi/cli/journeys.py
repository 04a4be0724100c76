"""`konversi journeys`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, table, words
from konversi.cli.reaching import reach

if TYPE_CHECKING:
    from konversi.settings import Settings

_COLUMNS = ("journey", "channel", "customer", "opened_at", "last_message_at", "messages", "ad_id")
_WORDS = {
    "click": "ad click",
    "first_message": "first message",
    "tool_call": "tool call",
    "said_booked_but_did_not": "said booked, but did not book",
    "automatic_event": "Meta saw by itself",
    "event": "event",
    "payment": "payment",
    "refund": "refund",
    "chargeback": "chargeback",
}


def list_journeys(settings: Settings, wanted: dict[str, str | None], *, as_json: bool) -> int:
    """Conversations, newest first."""
    found = reach(settings).journeys(wanted)
    if as_json:
        print_json(found)
        return 0
    if not found["journeys"]:
        words("There are none. They come with the first webhook: docs/how-to/stand-in-front-of-a-bot.md")
        return 0
    table([{name: _shown(one[name]) for name in _COLUMNS} for one in found["journeys"]], _COLUMNS)
    if found["next"]:
        words("There are more: give a larger --limit.")
    return 0


def show(settings: Settings, journey: str, *, as_json: bool) -> int:
    """One conversation on a timeline."""
    found = reach(settings).journey(journey)
    if as_json:
        print_json(found)
        return 0
    fields({name: value for name, value in found.items() if name != "timeline"})
    for entry in found["timeline"]:
        more = ", ".join(_part(name, value) for name, value in entry.items() if name not in ("at", "kind"))
        print(f"{entry['at']}  {_WORDS[entry['kind']]}{': ' if more else ''}{more}")
    return 0


def _part(name: str, value: Any) -> str:
    return f"took {value * 1_000:.1f} ms" if name == "seconds" else f"{name} {value}"


def _shown(value: Any) -> Any:
    return "" if value is None else value
