"""What waits for a person: each cause with plain words, what mends it, and one button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.dashboard.lanes import standing
from konversi.dashboard.open_alerts import open_alerts
from konversi.dashboard.page import Page
from konversi.insight.describe import moment
from konversi.outbox.port import receipt
from konversi.outbox.states import State

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.insight.attention import Cause

# What to do, and the step that the button takes.
_REMEDIES = {
    State.DEAD: ("Mend what Meta names, then send them again. Discard what can't be mended.", "replay"),
    State.HELD: (
        "Look in Events Manager whether Meta has them. If not, send them again; if so, discard them.",
        "replay",
    ),
    State.EXPIRED: ("Meta takes nothing that old: they can't be sent any more. Discard them.", "discard"),
}


async def show(asked: Asked) -> Page:
    """The causes, that of the most events first."""
    gateway = asked.gateway
    lanes = await standing(gateway)
    return Page(
        "attention.html",
        "Needs attention",
        {
            "held_up": [
                {**lane, "dataset_id": gateway.settings.pixel_id if lane["dataset"] == "default" else lane["dataset"]}
                for lane in lanes
                if lane["cause"] and (lane["waiting"] or lane["paused"])
            ],
            "alerts": await open_alerts(gateway),
            "flags": await gateway.till.payments.flagged(),
            "causes": [_described(cause) for cause in await gateway.insight.causes()],
            "done": asked.query("done"),
            "left": asked.query("left"),
        },
    )


def _described(cause: Cause) -> dict[str, Any]:
    remedy, step = _REMEDIES[cause.state]
    return {
        "state": cause.state.value,
        "reason": cause.reason,
        "dataset": cause.dataset,
        "events": cause.events,
        "oldest": moment(cause.oldest),
        "example": receipt(cause.newest),
        "remedy": remedy,
        "step": step,
    }
