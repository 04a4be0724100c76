"""What Graph does at each of its addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.sandbox.edges.account_dataset import make_dataset, show_dataset
from konversi.sandbox.edges.custom_conversions import list_conversions, make_conversion
from konversi.sandbox.edges.debug_token import debug_token
from konversi.sandbox.edges.events import take_events
from konversi.sandbox.edges.insights import insights
from konversi.sandbox.edges.objects import look
from konversi.sandbox.edges.quality import dataset_quality
from konversi.sandbox.edges.whatsapp import send_message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from konversi.sandbox.answers import Answer
    from konversi.sandbox.call import Call
    from konversi.sandbox.errors import Refusal
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta

    Edge = Callable[[LocalMeta, Call, Fault | None], Awaitable[Answer | Refusal]]

EDGES: Mapping[tuple[str, str], Edge] = {
    ("GET", ""): look,
    ("POST", "events"): take_events,
    ("GET", "dataset"): show_dataset,
    ("POST", "dataset"): make_dataset,
    ("POST", "messages"): send_message,
    ("GET", "insights"): insights,
    ("GET", "customconversions"): list_conversions,
    ("POST", "customconversions"): make_conversion,
}
"""By HTTP method and the last part of `/v{N}.0/{node}/{edge}`."""

ROOTS: Mapping[tuple[str, str], Edge] = {
    ("GET", "dataset_quality"): dataset_quality,
    ("GET", "debug_token"): debug_token,
    ("POST", "debug_token"): debug_token,
}
"""By HTTP method and the whole of `/v{N}.0/{root}`."""
