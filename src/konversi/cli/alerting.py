"""`konversi alerts`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from konversi.alerts.statements import message
from konversi.alerts.webhook import AlertNotTold
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.cli.reaching import reach
from konversi.clock import now, unique
from konversi.wiring.alerting import channels_of

if TYPE_CHECKING:
    from konversi.settings import Settings

_COLUMNS = ("severity", "rule", "dataset", "opened_at")


def show_list(settings: Settings, *, as_json: bool) -> int:
    """The open alerts."""
    found = reach(settings).alerts()
    if as_json:
        print_json(found)
    elif found["alerts"]:
        table(found["alerts"], _COLUMNS)
        for one in found["alerts"]:  # sentences: too long for a table
            print(f"\n{one['rule']} of {one['dataset']}: {one['what']}\nWhat to do: {one['remedy']}")
    else:
        words("Nothing needs you.")
    return 1 if found["alerts"] else 0


def test(settings: Settings) -> int:
    """Tell a made-up alert over each channel; exit status 1 where one fails, or there is none."""
    channels = channels_of(settings)
    if not channels:
        words("Nobody is told: set KONVERSI_ALERT_WEBHOOK_URL, or KONVERSI_ALERT_EMAIL_TO and KONVERSI_SMTP_URL.")
        return 1
    at = now()
    row = {
        "cause": "test:default",
        "rule": "test",
        "dataset": "default",
        "severity": "warning",
        "what": "This is a test: nothing is wrong.",
        "remedy": "Nothing. Alerts reach you.",
        "opened_at": at,
        "resolved_at": None,
    }
    body = orjson.dumps(message("test", row, at)).decode()
    sound = True
    for name, channel in channels.items():
        try:
            asyncio.run(channel.tell(f"alert_test_{unique()}", body))
            words(f"{name}: told.")
        except AlertNotTold as error:
            sound = False
            words(f"{name}: {error}")
    return 0 if sound else 1
