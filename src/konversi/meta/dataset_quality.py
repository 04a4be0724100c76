"""What Meta itself says of a dataset's events: the Dataset Quality API. It has a score for website events only.

Source: Meta, Dataset Quality API. Only the system users who may use the dataset's events are let in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.meta.answers import Kind, Verdict

if TYPE_CHECKING:
    from konversi.meta.graph import Credentials, GraphClient

_FIELDS = (
    "web{event_name,event_match_quality{composite_score,match_key_feedback{identifier,coverage{percentage}}},"
    "data_freshness{upload_frequency}}"
)
_MOST_EVENTS, _MOST_KEYS = 100, 50
_BEST = 10.0
_SAFE = ",{}"  # as Graph's own pages write field lists


class EventQuality(NamedTuple):
    """Meta's view of one event name."""

    event: str
    score: float | None  # 0 to 10
    coverage: dict[str, float]  # Meta's name of the key to the percentage of events that carry it
    upload_frequency: str | None  # real_time, hourly...


class Answered(NamedTuple):
    """What came of asking. Without `events`, the verdict says why."""

    events: tuple[EventQuality, ...] | None
    verdict: Verdict

    @property
    def granted(self) -> bool:
        """Whether Meta lets this token ask; it may also be that Meta could not be reached."""
        return self.verdict.kind not in (Kind.PAUSED, Kind.REFUSED)


async def quality_of(graph: GraphClient, to: Credentials) -> Answered:
    """Ask for a dataset's quality. Never raises for what the network does, nor for what Meta's answer lacks."""
    sent, answer = await graph.ask("GET", "/dataset_quality", to, safe=_SAFE, dataset_id=to.pixel_id, fields=_FIELDS)
    if sent.verdict.kind is not Kind.DELIVERED:
        return Answered(None, sent.verdict)
    return Answered(tuple(_read(answer)), sent.verdict)


def _read(answer: dict[str, Any]) -> list[EventQuality]:
    return [
        EventQuality(
            str(one.get("event_name", ""))[:50],
            _number(_object(one.get("event_match_quality")).get("composite_score"), _BEST),
            _coverage(_object(one.get("event_match_quality")).get("match_key_feedback")),
            _word(_object(one.get("data_freshness")).get("upload_frequency")),
        )
        for one in _objects(answer.get("web"))[:_MOST_EVENTS]
    ]


def _coverage(feedback: Any) -> dict[str, float]:
    found = {
        str(one.get("identifier", ""))[:50]: _number(_object(one.get("coverage")).get("percentage"), 100.0)
        for one in _objects(feedback)[:_MOST_KEYS]
    }
    return {key: percentage for key, percentage in found.items() if key and percentage is not None}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any, most: float) -> float | None:
    """Meta writes some numbers as text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number <= most else None


def _word(value: Any) -> str | None:
    return value[:50] if isinstance(value, str) else None
