"""The doors for datasets: which there are, how they are reached, and whose chats belong to them. No token comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Request

from konversi.intake.dataset_forms import ID, AccountDataset, NewAccount, NewDataset
from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form

if TYPE_CHECKING:
    from pydantic import BaseModel

    from konversi.intake.catalogue import Catalogue

FORMS: tuple[type[BaseModel], ...] = (NewDataset, NewAccount, AccountDataset)

router = APIRouter(tags=["datasets"])

_Id = Annotated[str, Path(pattern=ID)]
_TAKES_A_BODY = (400, 408, 413, 415, 422, 503)


def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.gateway.catalogue
    return catalogue


@router.get("/v1/datasets", summary="List the datasets with their accounts", responses=problems(503))
async def list_datasets(request: Request) -> dict[str, Any]:
    """What the last check found, and which accounts' chats belong to each; never a token."""
    return _catalogue(request).listed()


@router.post(
    "/v1/datasets",
    summary="Add a dataset, or replace its token",
    openapi_extra=body(NewDataset),
    responses=problems(*_TAKES_A_BODY),
)
async def add_dataset(request: Request) -> dict[str, Any]:
    """The token is kept encrypted. What waited for it is sent at once."""
    return await _catalogue(request).add(await read_form(request, NewDataset))


@router.delete("/v1/datasets/{dataset}", summary="Forget a dataset", responses=problems(404, 409, 422, 503))
async def remove_dataset(request: Request, dataset: _Id) -> dict[str, Any]:
    """With its token and its accounts; refused while events wait for it."""
    return await _catalogue(request).remove(dataset)


@router.post("/v1/datasets/{dataset}/check", summary="Ask Meta about a dataset", responses=problems(404, 422, 503))
async def check_dataset(request: Request, dataset: _Id) -> dict[str, Any]:
    """Whether it is there and its token may see it. `fault` says what is wrong, and what to do."""
    return await _catalogue(request).check(dataset)


@router.post(
    "/v1/datasets/{dataset}/accounts",
    summary="Link an account to a dataset",
    openapi_extra=body(NewAccount),
    responses=problems(404, *_TAKES_A_BODY),
)
async def link_account(request: Request, dataset: _Id) -> dict[str, Any]:
    """The chats of the WhatsApp Business Account, Page or Instagram account belong to the dataset from now on."""
    return await _catalogue(request).link(dataset, await read_form(request, NewAccount))


@router.post(
    "/v1/accounts/{account}/dataset",
    summary="Find or make an account's own dataset at Meta, and link it",
    openapi_extra=body(AccountDataset),
    responses=problems(*_TAKES_A_BODY),
)
async def link_own_dataset(request: Request, account: _Id) -> dict[str, Any]:
    """Asks Meta; the token is kept with the dataset that it names."""
    return await _catalogue(request).link_own(account, await read_form(request, AccountDataset))
