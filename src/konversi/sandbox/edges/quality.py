"""`GET /v{N}.0/dataset_quality?dataset_id=`: how well the website events of a dataset were matched.

Meta's own formula is not known. Here a score goes by the number and kind of keys, by a rule of the sandbox's own.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from konversi.sandbox import errors
from konversi.sandbox.access import opened
from konversi.sandbox.answers import Answer, new_trace
from konversi.sandbox.errors import Refusal
from konversi.sandbox.ledger import Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta

_LOOKED_AT = 5_000  # of the newest events
_POINTS = {"em": 2.5, "ph": 2.0, "fbc": 1.5, "fbp": 1.0, "external_id": 1.0, "client_ip_address": 0.5}
_ANY_OTHER = 0.25
_MOST_POINTS = 10.0
_NOT_GRANTED = "limited"  # what a token begins with that may send events and not ask this


async def dataset_quality(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    wanted = str(call.given.get("dataset_id") or "")
    dataset = opened(meta.datasets.find(wanted), call)
    if isinstance(dataset, Refusal):
        return dataset
    if (call.token or "").startswith(_NOT_GRANTED):
        return Refusal(errors.NO_PERMISSION)
    found = await asyncio.to_thread(meta.ledger.find, Query(dataset=dataset.id, limit=_LOOKED_AT))
    return Answer({"web": list(_web(entry["event"] for entry in found.entries))}, trace=new_trace())


def _web(events: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    by_name: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if event.get("action_source") == "website":
            by_name[str(event["event_name"])].append(event.get("user_data") or {})
    for name, people in sorted(by_name.items()):
        carried = Counter(key for keys in people for key in keys)
        points = [min(_MOST_POINTS, sum(_POINTS.get(key, _ANY_OTHER) for key in keys)) for keys in people]
        yield {
            "event_name": name,
            "event_match_quality": {
                "composite_score": round(sum(points) / len(points), 1),
                "match_key_feedback": [
                    {"identifier": key, "coverage": {"percentage": round(100 * number / len(people), 1)}}
                    for key, number in carried.most_common()
                ],
            },
            "data_freshness": {"upload_frequency": "real_time", "description": "Events arrive as they happen."},
        }
