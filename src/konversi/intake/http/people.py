"""The doors for users, API keys and the record of changes: for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from konversi.intake import people
from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form
from konversi.intake.people_forms import ChangedUser, NewKey, NewUser

if TYPE_CHECKING:
    from pydantic import BaseModel

    from konversi.access.entrance import Entrance

FORMS: tuple[type[BaseModel], ...] = (NewUser, ChangedUser, NewKey)

router = APIRouter(tags=["who may look"])

_Name = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9._-]+$")]
_Id = Annotated[str, Path(max_length=12, pattern=r"^[0-9a-f]+$")]
_TAKES_A_BODY = (400, 403, 408, 413, 415, 422, 503)


def _entrance(request: Request) -> Entrance:
    entrance: Entrance = request.app.state.gateway.entrance
    return entrance


@router.get("/v1/keys", summary="List the API keys", responses=problems(403, 503))
async def list_keys(request: Request) -> dict[str, Any]:
    """How each begins, what it is good for, and when it was used last; never the key."""
    return {"keys": [people.key(one) for one in await _entrance(request).keys.all()]}


@router.post(
    "/v1/keys",
    summary="Create an API key",
    openapi_extra=body(NewKey),
    responses=problems(409, *_TAKES_A_BODY),
)
async def create_key(request: Request) -> dict[str, Any]:
    """The answer is the only one that ever shows it."""
    form = await read_form(request, NewKey)
    secret, key = await _entrance(request).keys.create(form.name, form.scope)
    return {**people.key(key), "key": secret}


@router.delete("/v1/keys/{key}", summary="Revoke an API key", responses=problems(403, 404, 422, 503))
async def revoke_key(request: Request, key: _Id) -> dict[str, Any]:
    """At once here, and within a minute wherever else the database is shared."""
    await _entrance(request).keys.revoke(key)
    return {"id": key, "revoked": True}


@router.get("/v1/users", summary="List the users", responses=problems(403, 503))
async def list_users(request: Request) -> dict[str, Any]:
    """With their roles and their last logins."""
    return {"users": [people.user(one) for one in await _entrance(request).users.all()]}


@router.post("/v1/users", summary="Add a user", openapi_extra=body(NewUser), responses=problems(409, *_TAKES_A_BODY))
async def add_user(request: Request) -> dict[str, Any]:
    """The password is kept as an argon2id hash."""
    form = await read_form(request, NewUser)
    return people.user(await _entrance(request).users.add(form.name, form.password, form.role))


@router.post(
    "/v1/users/{name}",
    summary="Give a user another role or password",
    openapi_extra=body(ChangedUser),
    responses=problems(404, 409, *_TAKES_A_BODY),
)
async def change_user(request: Request, name: _Name) -> dict[str, Any]:
    """The last admin stays one."""
    form = await read_form(request, ChangedUser)
    users = _entrance(request).users
    if form.role is not None:
        await users.give_role(name, form.role)
    if form.password is not None:
        await users.give_password(name, form.password)
    return {"name": name, "changed": form.role is not None or form.password is not None}


@router.delete("/v1/users/{name}", summary="Remove a user", responses=problems(403, 404, 409, 422, 503))
async def remove_user(request: Request, name: _Name) -> dict[str, Any]:
    """All sessions of the user end."""
    await _entrance(request).users.remove(name)
    return {"name": name, "removed": True}


@router.get("/v1/audit", summary="List changes, newest first", responses=problems(403, 422, 503))
async def list_changes(
    request: Request,
    before: Annotated[int | None, Query(ge=1, le=9_000_000_000_000_000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Who changed what, when, and from where; `next` is `before` of the page after this one."""
    found = await _entrance(request).audit.shown(limit + 1, before)
    following = found[limit - 1]["id"] if len(found) > limit else None
    return {"changes": [people.change(row) for row in found[:limit]], "next": following}
