"""The datasets, whose chats belong to them, and whether their tokens work; the API keys; the webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from konversi.access.roles import Scope
from konversi.dashboard.lanes import standing
from konversi.dashboard.page import Moved, Page
from konversi.errors import InvalidRequest, KonversiError
from konversi.insight.describe import moment
from konversi.intake import people
from konversi.intake.catalogue import DatasetInUse, DatasetUnknown
from konversi.intake.dataset_forms import NewDataset
from konversi.intake.hot_paths import WEBHOOK_PATHS
from konversi.intake.payments.doors import PROVIDERS
from konversi.intake.webhooks import PLATFORMS
from konversi.settings import DEFAULT_DATASET, variable

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.intake.gateway import Gateway
    from konversi.intake.payments.doors import Provider
    from konversi.intake.webhooks import Platform
    from konversi.settings import Settings


_DOORS: dict[str, Platform | Provider] = {**PLATFORMS, **PROVIDERS}


async def show(asked: Asked) -> Page:
    """All of them."""
    return await _page(asked)


async def _page(asked: Asked, error: str | None = None) -> Page:
    gateway = asked.gateway
    keys = await gateway.entrance.keys.all() if asked.visitor.may("admin") else []
    return Page(
        "datasets.html",
        "Datasets and keys",
        {
            "datasets": await _listed(gateway),
            "test_event_code": gateway.settings.test_event_code,
            "checked": asked.query("checked"),
            "keys": [people.key(key) for key in keys],
            "scopes": [scope.value for scope in Scope],
            "webhooks": await _webhooks(gateway),
            "done": asked.query("done"),
            "error": error,
        },
        status=422 if error else 200,
    )


async def _listed(gateway: Gateway) -> list[dict[str, Any]]:
    """Each dataset, with what stands in the way of its events at this moment: that is what its token is worth."""
    causes = {lane["dataset"]: lane["cause"] for lane in await standing(gateway) if lane["paused"]}
    return [
        {**one, "paused": causes.get(DEFAULT_DATASET if one["default"] else one["id"])}
        for one in gateway.catalogue.listed()["datasets"]
    ]


async def _webhooks(gateway: Gateway) -> list[dict[str, Any]]:
    """Each platform's door, with what all processes of the last day told of it, and this one at this moment."""
    told = [one["webhooks"] for one in await gateway.processes.listed() if one["id"] != gateway.process]
    told.append(gateway.heard())
    return [_webhook(platform, gateway.settings, [one.get(platform, {}) for one in told]) for platform in _DOORS]


def _webhook(platform: str, settings: Settings, told: list[dict[str, Any]]) -> dict[str, Any]:
    door = _DOORS[platform]
    wanted = [name for name in (door.secret, door.verify_token) if name is not None]
    refused: dict[str, int] = {}
    for one in told:
        for code, number in one.get("refused", {}).items():
            refused[code] = refused.get(code, 0) + number
    heard = [one["heard_at"] for one in told if one.get("heard_at")]
    return {
        "platform": platform,
        "path": f"{WEBHOOK_PATHS}{platform}",
        "missing": [variable(name) for name in wanted if getattr(settings, name) is None],
        "heard_at": moment(max(heard)) if heard else None,
        "refused": refused,
    }


async def check(asked: Asked) -> Moved:
    """Ask Meta whether a dataset's token works, and let waiting events be tried again where it does."""
    dataset = (await asked.fields()).get("dataset", "")
    if not dataset.isdigit():
        raise InvalidRequest("dataset: Meta's id, in digits.")
    await _checked(asked.gateway, dataset)
    return Moved(f"/datasets?checked={dataset}")


async def _checked(gateway: Gateway, dataset: str) -> None:
    found = await gateway.catalogue.check(dataset)
    if found["ok"]:
        gateway.catalogue.try_again(dataset)


async def add(asked: Asked) -> Page | Moved:
    """A new dataset, or another token of one that is there; then Meta is asked about it."""
    fields = {name: text for name, text in (await asked.fields()).items() if text.strip()}
    try:
        form = NewDataset.model_validate({name: fields.get(name) for name in NewDataset.model_fields})
    except ValidationError as error:
        return await _page(asked, " ".join(f"{one['loc'][0]}: {_plain(one['msg'])}" for one in error.errors()))
    await asked.gateway.catalogue.add(form)
    await _checked(asked.gateway, form.id)
    return Moved(f"/datasets?checked={form.id}")


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".") + "."


async def remove(asked: Asked) -> Page | Moved:
    """Forget a dataset."""
    try:
        await asked.gateway.catalogue.remove((await asked.fields()).get("dataset", ""))
    except (DatasetInUse, DatasetUnknown) as error:
        return await _page(asked, _said(error))
    return Moved("/datasets?done=removed")


def _said(error: KonversiError) -> str:
    return f"{error.title()} {error.remedy()}"
