"""The Graph API's face: what this Meta takes, and what it shows of a dataset."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.clock import now
from konversi.sandbox import arrival
from konversi.sandbox.answers import Json, accepted, refused
from konversi.sandbox.errors import (
    BAD_TOKEN,
    DEAD_VERSION,
    OLD_TOKEN,
    OLDEST_VERSION,
    UNKNOWN_NODE_GET,
    UNKNOWN_NODE_POST,
    UNKNOWN_PATH,
    GraphError,
    Refusal,
)
from konversi.sandbox.faults import Faults
from konversi.sandbox.ledger import Transmission
from konversi.sandbox.misbehave import meet, refuse
from konversi.sandbox.rules import first_refusal
from konversi.sandbox.rules.scene import Scene

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from konversi.sandbox.datasets import Dataset, Datasets
    from konversi.sandbox.ledger import Ledger

_VERSION = re.compile(r"v([0-9]{1,3})\.0").fullmatch
_SHORTEST_TOKEN = 8


class LocalMeta:
    """Meta's side of the conversation."""

    def __init__(self, ledger: Ledger, datasets: Datasets) -> None:
        self.ledger = ledger
        self.datasets = datasets
        self.faults = Faults()

    async def take(self, request: Request) -> Response:
        """`POST /v26.0/{dataset}/events`: all events are taken, or none."""
        fields = await _fields(request)
        events = fields if isinstance(fields, Refusal) else arrival.events(fields)
        handle = partial(self._judge, request, fields, events)
        sources = set() if isinstance(events, Refusal) else {_source(event) for event in events}
        fault = self.faults.take(request.path_params["dataset"], sources)
        return await (meet(fault, self.faults, request, handle) if fault else handle())

    async def show(self, request: Request) -> Response:
        """`GET /v26.0/{dataset}`: its id and name."""
        dataset_id = request.path_params["dataset"]
        fault = self.faults.refusing(dataset_id)
        if fault:
            return refuse(fault, dataset_id)
        fields = await _fields(request)
        dataset = self.datasets.find(dataset_id)
        refusal = _not_let_in(request, fields, dataset, unknown=UNKNOWN_NODE_GET)
        if refusal:
            return refused(refusal, language=_language(request, fields, dataset), node=dataset_id)
        return Json({"id": dataset_id, "name": f"Local dataset {dataset_id}"})

    async def unknown(self, request: Request) -> Response:
        """Any other address."""
        return refused(Refusal(UNKNOWN_PATH), node=request.path_params["path"])

    async def _judge(
        self, request: Request, fields: arrival.Fields | Refusal, events: list[Any] | Refusal, *, short_by: int = 0
    ) -> Response:
        dataset_id = request.path_params["dataset"]
        dataset = self.datasets.find(dataset_id)
        judged = _not_let_in(request, fields, dataset, unknown=UNKNOWN_NODE_POST) or events
        moment = now()
        if not isinstance(judged, Refusal) and dataset is not None:
            judged = first_refusal(judged, Scene(moment, dataset)) or judged
        if isinstance(judged, Refusal):
            return refused(judged, language=_language(request, fields, dataset), node=dataset_id)
        taken = judged[: len(judged) - short_by]
        if taken:
            code = fields.get("test_event_code") if isinstance(fields, dict) else None
            version = request.path_params["version"]
            await self.ledger.append(Transmission(moment, dataset_id, version, str(code) if code else None), taken)
        return accepted(len(taken))


async def _fields(request: Request) -> arrival.Fields | Refusal:
    return arrival.fields(request.url.query, request.headers.get("content-type", ""), await request.body())


def _not_let_in(
    request: Request, fields: arrival.Fields | Refusal, dataset: Dataset | None, *, unknown: GraphError
) -> Refusal | None:
    """What is wrong with the version, the token or the dataset, in this order."""
    version = _VERSION(request.path_params["version"])
    if not version:
        return Refusal(UNKNOWN_PATH)
    if int(version[1]) < OLDEST_VERSION:
        return Refusal(DEAD_VERSION)
    token = arrival.token({} if isinstance(fields, Refusal) else fields, request.headers.get("authorization", ""))
    error = _token_error(token or "")
    if error:
        return Refusal(error)
    if dataset is None or dataset.token not in (None, token):
        return Refusal(unknown)
    return None


def _token_error(token: str) -> GraphError | None:
    if token.startswith("expired"):
        return OLD_TOKEN
    return BAD_TOKEN if len(token) < _SHORTEST_TOKEN or token.startswith("invalid") else None


def _language(request: Request, fields: arrival.Fields | Refusal, dataset: Dataset | None) -> str:
    """The dataset's, as Meta writes in the language of the token's owner; or what the caller asks for."""
    asked = None if isinstance(fields, Refusal) else fields.get("locale")
    own = dataset.locale if dataset else None
    return str(asked or own or request.headers.get("accept-language", "en"))[:2].lower()


def _source(event: Any) -> str:
    return str(event.get("action_source")) if isinstance(event, dict) else ""
