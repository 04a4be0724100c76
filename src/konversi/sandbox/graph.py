"""Graph's part of the server: `POST /v{N}.0/{dataset}/events` and `GET /v{N}.0/{dataset}`."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.sandbox import errors
from konversi.sandbox.answers import Answer, new_trace, received, refused
from konversi.sandbox.arrival import Fields, events, fields, token
from konversi.sandbox.errors import Refusal
from konversi.sandbox.ledger import Transmission, lines
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
_VERSION = re.compile(r"v([0-9]{1,3})\.0").fullmatch
_PROOF = re.compile(r"[0-9a-f]{64}").fullmatch
_SHORTEST_TOKEN = 8
_NODE_FIELDS = ("id", "name", "is_consolidated_container")
_LANGUAGES = ("en", "id")


class Call(NamedTuple):
    """A request to Graph, read."""

    method: str
    version: str
    node: str
    edge: str
    given: Fields
    token: str | None
    language: str
    events: list[Any] | Refusal

    @property
    def size(self) -> int:
        return len(self.events) if isinstance(self.events, list) else 0


async def graph(request: Request) -> Response:
    """Answer it, or do what a fault on demand says."""
    meta: LocalMeta = request.app.state.meta
    call = await _read(request, meta)
    if isinstance(call, Refusal):
        return _noted(meta, request, refused(call, language=meta.language))
    fault = await _strike(meta, call)
    if fault is not None and not fault.accept:
        return _noted(meta, request, spoil(fault, None, call, meta.closing), call.size, fault)
    answer = await _answer(meta, call, fault)
    if fault is None or answer.refusal is not None:
        return _noted(meta, request, answer, call.size)
    return _noted(meta, request, spoil(fault, answer, call, meta.closing), call.size, fault)


async def _read(request: Request, meta: LocalMeta) -> Call | Refusal:
    given = fields(request.url.query, request.headers.get("content-type", ""), await request.body())
    if isinstance(given, Refusal):
        return given
    version, _, rest = request.path_params["path"].partition("/")
    node, _, edge = rest.partition("/")
    bearer = token(given, request.headers.get("authorization", ""))
    wanted = str(given.get("locale") or request.headers.get("accept-language") or meta.language)[:2].lower()
    language = wanted if wanted in _LANGUAGES else meta.language
    found = events(given) if request.method == "POST" else []
    return Call(request.method, version, node, edge.rstrip("/"), given, bearer, language, found)


async def _strike(meta: LocalMeta, call: Call) -> Fault | None:
    """Wait as delays say; the fault that is left."""
    found = None
    for fault in meta.faults.strike(call.node, call.method):
        if fault.kind == "latency":
            await asyncio.sleep(fault.ms / 1_000)
        else:
            found = fault
    return found


async def _answer(meta: LocalMeta, call: Call, fault: Fault | None) -> Answer:
    dataset = _access(meta, call)
    if isinstance(dataset, Refusal):
        return refused(dataset, language=call.language, node=call.node)
    if call.method == "GET":
        answer = _look(dataset, call)
    else:
        answer = await _take(meta, dataset, call, fault)
    return refused(answer, language=call.language, node=call.node) if isinstance(answer, Refusal) else answer


def _access(meta: LocalMeta, call: Call) -> Dataset | Refusal:
    version = _VERSION(call.version)
    number = int(version[1]) if version else 0
    if not call.node or not 1 <= number <= errors.NEWEST_VERSION:
        return Refusal(errors.UNKNOWN_PATH)
    if number < errors.OLDEST_VERSION:
        return Refusal(errors.DEAD_VERSION)
    bad_token = _token_refusal(call)
    if bad_token is not None:
        return bad_token
    dataset = meta.datasets.find(call.node)
    unknown = Refusal(errors.UNKNOWN_NODE_GET if call.method == "GET" else errors.UNKNOWN_NODE_POST)
    if dataset is None or call.edge != ("" if call.method == "GET" else "events"):
        return unknown
    return unknown if dataset.token not in {None, call.token} else dataset


def _token_refusal(call: Call) -> Refusal | None:
    if call.token is None:
        return Refusal(errors.NO_TOKEN)
    if call.token.startswith("expired"):
        return Refusal(errors.OLD_TOKEN)
    if call.token.startswith("invalid") or len(call.token) < _SHORTEST_TOKEN:
        return Refusal(errors.BAD_TOKEN)
    proof = call.given.get("appsecret_proof")
    return None if proof is None or (isinstance(proof, str) and _PROOF(proof)) else Refusal(errors.BAD_PROOF)


def _look(dataset: Dataset, call: Call) -> Answer | Refusal:
    node = {"id": dataset.id, "name": f"Sandbox dataset {dataset.id}", "is_consolidated_container": True}
    names = [name for name in str(call.given.get("fields") or "").split(",") if name]
    for name in names:
        if name not in _NODE_FIELDS:
            return Refusal(errors.NO_FIELD)
    shown = dict.fromkeys((*names, "id")) if names else ("name", "id")
    return Answer({name: node[name] for name in shown}, trace=new_trace())


async def _take(meta: LocalMeta, dataset: Dataset, call: Call, fault: Fault | None) -> Answer | Refusal:
    """All events or none."""
    if isinstance(call.events, Refusal):
        return call.events
    found = call.events
    now = meta.now()
    refusal = first_refusal(found, Scene(now, dataset))
    if refusal is not None:
        return refusal
    if fault is not None and fault.kind == "short_received":
        found = found[: len(found) - 1 if fault.received is None else fault.received]
    code = call.given.get("test_event_code")
    trace = new_trace()
    transmission = Transmission(trace, now, dataset.id, call.version, str(code) if code else None)
    try:
        await meta.ledger.append(lines(transmission, found))
    except OSError as error:
        _log.error("The ledger could not be written: %s", error)  # noqa: TRY400 - the cause says it all
        return Refusal(errors.DOWN)
    return received(len(found), trace)


def _noted(meta: LocalMeta, request: Request, answer: Response, size: int = 0, fault: Fault | None = None) -> Response:
    refusal = answer.refusal if isinstance(answer, Answer) else None
    error = refusal.error if refusal else None
    meta.seen.append(
        Seen(
            at=meta.now(),
            method=request.method,
            path=request.url.path,
            events=size,
            status=answer.status_code or None,
            code=error.code if error else None,
            subcode=error.subcode if error else None,
            where=refusal.where if refusal and refusal.path else "",
            fault=fault.kind if fault else "",
        )
    )
    return answer
