"""The lines that the setup guide tells its readers to look for, word for word, and what else becomes of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.logs import logger
from konversi.meta.answers import Kind
from konversi.outbox.states import Step

if TYPE_CHECKING:
    from konversi.outbox.port import Batch, Settlement


def say_sending(batch: Batch) -> None:
    """A batch is about to leave."""
    names = dict.fromkeys(name for name, _ in batch.names)
    more = f" ({len(batch.ids)} events)" if len(batch.ids) > 1 else ""
    say = logger().info
    say(f"[Meta Conversion API] Sending conversion event: {', '.join(names)}{more}")


def say_outcome(batch: Batch, settlement: Settlement) -> None:
    """What came of it."""
    log = logger()
    say = log.info
    if settlement.step is Step.DELIVER:
        answer = f'{{"events_received": {settlement.events_received}, "fbtrace_id": "{settlement.fbtrace_id}"}}'
        say(f"[Meta Conversion API] Success: {answer}")
        for _, event_id in batch.names:
            say(f"[META CONVERSION] Successfully sent to Meta: {event_id}")
        if len(batch.ids) > len(batch.names):
            say(f"[META CONVERSION] Successfully sent to Meta: {len(batch.ids) - len(batch.names)} more")
        if settlement.answer:
            log.warning("meta_warns", answer=settlement.answer)
        return
    say = log.error if settlement.verdict in (Kind.PAUSED, Kind.REFUSED, Kind.IN_DOUBT) else log.warning
    say(
        f"[Meta Conversion API] {settlement.verdict}: {settlement.reason}",
        events=len(batch.ids),
        then=settlement.step.value,
        fbtrace_id=settlement.fbtrace_id,
    )
