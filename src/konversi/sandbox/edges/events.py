"""`POST /v{N}.0/{dataset}/events`: all events or none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from konversi.sandbox import errors
from konversi.sandbox.access import opened
from konversi.sandbox.answers import Answer, received
from konversi.sandbox.errors import Refusal
from konversi.sandbox.ledger import Transmission
from konversi.sandbox.rules import first_refusal
from konversi.sandbox.rules.scene import Scene

if TYPE_CHECKING:
    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta

_log = logging.getLogger(__name__)


async def take_events(meta: LocalMeta, call: Call, fault: Fault | None) -> Answer | Refusal:
    dataset = opened(meta.datasets.find(call.node), call)
    if isinstance(dataset, Refusal):
        return dataset
    if isinstance(call.events, Refusal):
        return call.events
    taken, now = call.events, meta.now()
    refusal = first_refusal(taken, Scene(now, dataset))
    if refusal is not None:
        return refusal
    if fault is not None and fault.kind == "short_received":
        taken = taken[: len(taken) - 1 if fault.received is None else fault.received]
    code = call.given.get("test_event_code")
    try:
        if taken:
            await meta.ledger.append(Transmission(now, dataset.id, call.version, str(code) if code else None), taken)
    except OSError as error:
        _log.error("The ledger could not be written: %s", error)
        return Refusal(errors.DOWN)
    return received(len(taken))
