"""The Graph API's face: what this Meta takes, and what it shows of a dataset."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.clock import now
from konversi.sandbox import requests
from konversi.sandbox.answers import Json, accepted, refusal
from konversi.sandbox.errors import Problem
from konversi.sandbox.faults import Faults
from konversi.sandbox.ledger import Accepted
from konversi.sandbox.misbehave import meet, refuse
from konversi.sandbox.rules import check

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from konversi.sandbox.datasets import Dataset, Datasets
    from konversi.sandbox.ledger import Ledger


class LocalMeta:
    """Meta's side of the conversation."""

    def __init__(self, ledger: Ledger, datasets: Datasets) -> None:
        self.ledger = ledger
        self.datasets = datasets
        self.faults = Faults()

    async def take(self, request: Request) -> Response:
        """`POST /v26.0/{dataset}/events`: all events are taken, or none."""
        call = await requests.read(request)
        events = requests.events(call.parameters)
        fault = self.faults.take(call.dataset, {str(event.get("action_source")) for event in events or ()})
        handle = partial(self._judge, call, events)
        return await (meet(fault, self.faults, request, handle) if fault else handle())

    async def show(self, request: Request) -> Response:
        """`GET /v26.0/{dataset}`: its id and name."""
        call = await requests.read(request)
        dataset = self.datasets.find(call.dataset)
        fault = self.faults.refusing(call.dataset)
        if fault:
            return refuse(fault, call.dataset)
        problem = requests.refused(call) or (None if dataset else Problem("no_dataset", "id"))
        if problem:
            return refusal(problem, _language(call, dataset))
        return Json({"id": call.dataset, "name": f"Local dataset {call.dataset}"})

    async def unknown(self, _: Request) -> Response:
        """Any other address below a version."""
        return refusal(Problem("unknown_path"), "en")

    async def _judge(self, call: requests.Call, events: list[dict[str, Any]] | None, *, short_by: int = 0) -> Response:
        dataset = self.datasets.find(call.dataset)
        moment = now()
        problem = requests.refused(call) or _problem(call, dataset, events, moment)
        if problem or events is None:
            return refusal(problem or Problem("invalid_parameter", "data"), _language(call, dataset))
        taken = events[: len(events) - short_by]
        if taken:
            code = call.parameters.get("test_event_code")
            request = Accepted(moment, call.dataset, call.version, code if isinstance(code, str) else None, taken)
            await asyncio.to_thread(self.ledger.append, request)
        return accepted(len(taken))


def _problem(
    call: requests.Call, dataset: Dataset | None, events: list[dict[str, Any]] | None, moment: float
) -> Problem | None:
    """The first thing wrong; one bad event is enough to refuse them all."""
    if dataset is None:
        return Problem("no_dataset", "id")
    for at, event in enumerate(events or ()):
        problem = check(event, dataset, moment)
        if problem:
            return Problem(problem.kind, f"data[{at}].{problem.field}")
    return None


def _language(call: requests.Call, dataset: Dataset | None) -> str:
    return call.language or (dataset.language if dataset else "")
