"""`konversi tail`: what happens to events, a line each, while it happens."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from konversi.cli.over_http import OverHttp
from konversi.cli.printing import words
from konversi.errors import GatewayUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from konversi.settings import Settings

_AGAIN = 2.0  # seconds until the next try, where the gateway went away
_TRIES = 30
_PAUSE = 0.1  # seconds between two streams: the gateway ends each after a quarter of an hour, and when it stops


def tail(settings: Settings, wanted: dict[str, str | None], *, as_json: bool) -> int:
    """Print until somebody stops it. Raises `GatewayUnreachable` where there is no gateway, or is none for a minute."""
    reached = OverHttp(settings)
    filters = {name: value for name, value in wanted.items() if value}
    reached.ask("GET", "/readyz")  # is it there at all?
    failures = 0
    words("Waiting for events. Stop with Ctrl-C.")
    try:
        while True:
            try:
                for name, content in messages(reached.lines("/v1/tail", filters)):
                    failures = 0
                    _print(name, content, as_json=as_json)
                failures = 0
            except GatewayUnreachable:
                failures += 1
                if failures == 1:
                    words("The gateway went away. Waiting for it.")
                if failures >= _TRIES:
                    raise
            time.sleep(_AGAIN if failures else _PAUSE)
    except KeyboardInterrupt:
        return 0


def messages(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The messages of a stream of server-sent events, each with the name it has."""
    name = "message"
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, orjson.loads(value)
            name = "message"


def _print(name: str, content: dict[str, Any], *, as_json: bool) -> None:
    if name == "missed":
        words(f"{content['events']} more happened than can be told.")
    elif as_json:
        print(orjson.dumps(content).decode(), flush=True)
    else:
        known = content["booking_id"] or content["event_id"]
        why = f"  {content['reason']}" if content["reason"] and content["what"] != "accepted" else ""
        print(
            f"{_clock(content['at'])}  {content['what']:<10}  {content['receipt']}  {content['event']}  {known}{why}",
            flush=True,
        )


def _clock(at: str) -> str:
    """The time of day where the command runs, to the millisecond."""
    return datetime.fromisoformat(at).astimezone().time().isoformat("milliseconds")
