"""The setup guide's shape: an agent's result with `metadata.toolsUsed`, and the tools' results where it has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from konversi.detection.paths import RECORDS, layers_of
from konversi.detection.plain import decoded, entries, fields, fold
from konversi.detection.transcript import Call, arguments_of, is_failure, is_one_of, name_of, payload_of

_RESULTS = ("toolresults", "tooloutputs", "toolcalls")


def reports_in(result: Any, wanted: frozenset[str]) -> list[Call]:
    """The wanted tools' calls that come with a result of their own."""
    metadata = _metadata(result)
    used = _used(metadata)
    names = [_name(entry) for entry in used]
    given = next((metadata[key] for key in _RESULTS if metadata.get(key)), None)
    listed = entries(given)
    if listed is None and given is not None:
        return _by_name(given, wanted)
    if listed is None:
        listed = tuple(entry for entry in used if not isinstance(entry, str))
    reports = [_report(entry, _name_at(index, entry, names, len(listed)), wanted) for index, entry in enumerate(listed)]
    return [report for report in reports if report is not None]


def claims_in(result: Any, wanted: frozenset[str]) -> list[Call]:
    """The wanted tools that are only said to have been used: what there is to judge by is the agent's own result."""
    metadata = _metadata(result)
    names = filter(None, map(_name, _used(metadata)))
    return [Call(name, result=(result, metadata), answered=True) for name in names if is_one_of(wanted, name)][:1]


def used_in(result: Any) -> list[str]:
    """The names of the tools that are said to have been used."""
    return [name for name in map(_name, _used(_metadata(result))) if name is not None]


def has_booking(result: Any) -> bool:
    """Whether any layer holds a booking of its own."""
    return any(fields(layer[key]) for layer in layers_of(result) for key in RECORDS & layer.keys())


def _metadata(result: Any) -> dict[str, Any]:
    own = fields(result) or {}
    return fields(own.get("metadata")) or own


def _used(metadata: dict[str, Any]) -> tuple[Any, ...]:
    return entries(metadata.get("toolsused")) or ()


def _name(entry: Any) -> str | None:
    return entry if isinstance(entry, str) else name_of(fields(entry) or {})


def _name_at(index: int, entry: Any, names: list[str | None], length: int) -> str | None:
    """The entry's own name, if it is a tool's (a booking's is the customer's); else the tool in the same place."""
    own = name_of(fields(entry) or {})
    if own is not None and own in names:
        return own
    only_one_tool = len(set(names)) == 1
    return names[index] if len(names) == length else names[0] if only_one_tool else own


def _by_name(given: Any, wanted: frozenset[str]) -> list[Call]:
    """Results under the tools' names: `{"createBooking": {...}}`."""
    known = decoded(given)
    names = {fold(name): name for name in known if isinstance(name, str)} if isinstance(known, Mapping) else {}
    return [
        report
        for folded, found in (fields(given) or {}).items()
        for entry in entries(found) or (found,)
        if (report := _report(entry, names.get(folded, folded), wanted)) is not None
    ]


def _report(entry: Any, name: str | None, wanted: frozenset[str]) -> Call | None:
    if name is None or not is_one_of(wanted, name):
        return None
    own = fields(entry) or {}
    payload = payload_of(own)
    call_id = next((own[key] for key in ("toolcallid", "callid") if isinstance(own.get(key), str)), None)
    if payload is None:
        return Call(name, call_id, result=entry, answered=True)
    return Call(name, call_id, arguments_of(own), answered=True, result=payload, is_error=is_failure(own))
