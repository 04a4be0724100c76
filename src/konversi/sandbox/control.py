"""What the real Meta doesn't have: a view of its ledger, and a say in its faults, datasets and language."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response
from starlette.routing import Route

from konversi.sandbox.accounts import Account, Kind
from konversi.sandbox.datasets import Dataset
from konversi.sandbox.faults import Fault
from konversi.sandbox.ledger import Query
from konversi.sandbox.messages import newest_first
from konversi.sandbox.spend import Told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from konversi.sandbox.local import LocalMeta


class Wanted(BaseModel):
    """The query of `GET /_sandbox/events`. `since` is in Unix seconds; the newest `limit` entries are given."""

    model_config = ConfigDict(extra="forbid")

    event_id: str | None = None
    dataset: str | None = None
    since: float | None = None
    limit: int = Field(1_000, ge=1, le=10_000_000)


class Declared(BaseModel):
    """The body of `POST /_sandbox/datasets`."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern="^[0-9]{5,20}$")
    token: str | None = None
    locale: Literal["en", "id"] | None = None
    waba: str | None = None
    page: str | None = None
    instagram: str | None = None


class DeclaredAccount(BaseModel):
    """The body of `POST /_sandbox/accounts`: an account that has no dataset yet."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern="^[0-9]{5,20}$")
    kind: Kind
    token: str | None = None


class WantedMessages(BaseModel):
    """The query of `GET /_sandbox/messages`."""

    model_config = ConfigDict(extra="forbid")

    to: str | None = None  # the phone or business-scoped user id, as the sender wrote it
    limit: int = Field(1_000, ge=1, le=1_000)


class Language(BaseModel):
    """The body of `POST /_sandbox/locale`."""

    locale: Literal["en", "id", "en_US", "id_ID"]


async def events(meta: LocalMeta, request: Request) -> Any:
    if request.method == "DELETE":
        await meta.ledger.empty()
        return {"total": 0, "events": []}
    wanted = Query(**Wanted.model_validate(dict(request.query_params)).model_dump())
    found = await asyncio.to_thread(meta.ledger.find, wanted)
    return {"total": found.total, "events": found.entries}


async def counts(meta: LocalMeta, _request: Request) -> Any:
    return meta.ledger.counts()


async def requests(meta: LocalMeta, request: Request) -> Any:
    if request.method == "DELETE":
        meta.seen.clear()
    return {"requests": [seen._asdict() for seen in meta.seen]}


async def faults(meta: LocalMeta, request: Request) -> Any:
    if request.method == "POST":
        meta.faults.add(Fault.model_validate_json(await request.body()))
    elif request.method == "DELETE":
        meta.faults.clear()
        meta.let_go()
    return {"faults": [fault.model_dump(exclude_defaults=True) for fault in meta.faults.all()]}


async def datasets(meta: LocalMeta, request: Request) -> Any:
    if request.method == "POST":
        meta.datasets.declare(Dataset(**Declared.model_validate_json(await request.body()).model_dump()))
    elif request.method == "DELETE":
        meta.datasets.forget()
    return {"datasets": meta.datasets.listed()}


async def accounts(meta: LocalMeta, request: Request) -> Any:
    if request.method == "POST":
        given = DeclaredAccount.model_validate_json(await request.body())
        meta.datasets.declare(Account(given.id, (given.kind,), given.token))
    return {"accounts": meta.datasets.accounts()}


async def messages(meta: LocalMeta, request: Request) -> Any:
    if request.method == "DELETE":
        meta.messages.clear()
        return {"messages": []}
    wanted = WantedMessages.model_validate(dict(request.query_params))
    return {"messages": newest_first(meta.messages, to=wanted.to, limit=wanted.limit)}


async def spend(meta: LocalMeta, request: Request) -> Any:
    if request.method == "POST":
        told = Told.model_validate_json(await request.body())
        meta.spending.told[told.account] = told
    elif request.method == "DELETE":
        meta.spending.told.clear()
    return {"accounts": {account: len(told.rows) for account, told in meta.spending.told.items()}}


async def locale(meta: LocalMeta, request: Request) -> Any:
    if request.method == "POST":
        meta.language = Language.model_validate_json(await request.body()).locale[:2]
    return {"locale": meta.language}


def _route(name: str, act: Callable[[LocalMeta, Request], Awaitable[Any]], *methods: str) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            found, status = await act(request.app.state.meta, request), 200
        except ValidationError as error:
            found, status = {"errors": error.errors(include_url=False, include_context=False, include_input=False)}, 422
        return Response(orjson.dumps(found), status, media_type="application/json")

    return Route(f"/_sandbox/{name}", endpoint, methods=["GET", *methods])


ROUTES = [
    _route("events", events, "DELETE"),
    _route("counts", counts),
    _route("requests", requests, "DELETE"),
    _route("faults", faults, "POST", "DELETE"),
    _route("datasets", datasets, "POST", "DELETE"),
    _route("accounts", accounts, "POST"),
    _route("messages", messages, "DELETE"),
    _route("spend", spend, "POST", "DELETE"),
    _route("locale", locale, "POST"),
]
