"""Graph's part of the server: `POST /v{N}.0/{dataset}/events` and `GET /v{N}.0/{dataset}`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from konversi.sandbox import errors
from konversi.sandbox.access import access
from konversi.sandbox.answers import Answer, new_trace, received, refused
from konversi.sandbox.call import Call, read
from konversi.sandbox.errors import Refusal
from konversi.sandbox.ledger import Transmission
from konversi.sandbox.local import LocalMeta, Seen
from konversi.sandbox.rules import first_refusal
from konversi.sandbox.rules.scene import Scene
from konversi.sandbox.spoil import spoil

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from konversi.sandbox.datasets import Dataset
    from konversi.sandbox.faults import Fault

_log = logging.getLogger(__name__)
_NODE_FIELDS = frozenset({"id", "name", "is_consolidated_container"})


async def graph(request: Request) -> Response:
    """Answer it, or do what a fault on demand says."""
    meta: LocalMeta = request.app.state.meta
    call = await read(request)
    if isinstance(call, Refusal):
        return _noted(meta, request, refused(call, language=meta.language))
    language = _language(meta, call)
    fault = await _strike(meta, call)
    answer = None
    if fault is None or fault.accept:
        answer = await _answer(meta, call, language, fault)
        if fault is None or answer.refusal is not None:
            return _noted(meta, request, answer, call.size)
    return _noted(meta, request, spoil(fault, answer, call, language, meta.release), call.size, fault)


def _language(meta: LocalMeta, call: Call) -> str:
    """Meta writes to people in the language of the token's owner."""
    dataset = meta.datasets.find(call.node)
    return call.language or (dataset.locale if dataset else None) or meta.language


async def _strike(meta: LocalMeta, call: Call) -> Fault | None:
    """Wait as delays say; the fault that is left."""
    found = None
    for fault in meta.faults.strike(call):
        if fault.kind == "latency":
            await _wait(fault.seconds, meta.release)
        else:
            found = fault
    return found


async def _wait(seconds: float, release: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(release.wait(), seconds)


async def _answer(meta: LocalMeta, call: Call, language: str, fault: Fault | None) -> Answer:
    answer: Answer | Refusal
    dataset = access(call, meta.datasets)
    if isinstance(dataset, Refusal):
        answer = dataset
    elif call.method == "GET":
        answer = _look(dataset, call)
    else:
        answer = await _take(meta, dataset, call, fault)
    return refused(answer, language=language, node=call.node) if isinstance(answer, Refusal) else answer


def _look(dataset: Dataset, call: Call) -> Answer | Refusal:
    node = {"id": dataset.id, "name": f"Sandbox dataset {dataset.id}", "is_consolidated_container": True}
    wanted = [name for name in str(call.given.get("fields") or "name").split(",") if name]
    if not _NODE_FIELDS.issuperset(wanted):
        return Refusal(errors.NO_FIELD)
    return Answer({name: node[name] for name in dict.fromkeys((*wanted, "id"))}, trace=new_trace())


async def _take(meta: LocalMeta, dataset: Dataset, call: Call, fault: Fault | None) -> Answer | Refusal:
    """All events or none."""
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


def _noted(meta: LocalMeta, request: Request, answer: Response, size: int = 0, fault: Fault | None = None) -> Response:
    refusal = answer.refusal if isinstance(answer, Answer) else None
    meta.seen.append(
        Seen(
            at=meta.now(),
            method=request.method,
            path=request.url.path,
            events=size,
            status=answer.status_code or None,
            code=refusal.error.code if refusal else None,
            subcode=refusal.error.subcode if refusal else None,
            field=refusal.where if refusal and refusal.path else "",
            fault=fault.kind if fault else "",
        )
    )
    return answer
