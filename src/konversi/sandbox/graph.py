"""Graph's part of the server: each call is read, struck by faults on demand, and answered by its edge."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from konversi.sandbox.access import admitted, unknown
from konversi.sandbox.answers import Answer, refused
from konversi.sandbox.call import Call, read
from konversi.sandbox.edges import EDGES, ROOTS
from konversi.sandbox.errors import Refusal
from konversi.sandbox.local import LocalMeta, Seen
from konversi.sandbox.spoil import spoil

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from konversi.sandbox.faults import Fault


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
    root = None if call.edge else ROOTS.get((call.method, call.node))
    act = root or EDGES.get((call.method, call.edge))
    answer: Answer | Refusal | None = admitted(call)
    if answer is None:
        answer = unknown(call) if act is None else await act(meta, call, fault)
    return refused(answer, language=language, node=call.node) if isinstance(answer, Refusal) else answer


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
            field=refusal.field if refusal else "",
            fault=fault.kind if fault else "",
        )
    )
    return answer
