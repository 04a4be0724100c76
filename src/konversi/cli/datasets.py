"""`konversi datasets`: through the running gateway, or in its database where none runs."""

from __future__ import annotations

import asyncio
import sys
from getpass import getpass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, table, words
from konversi.cli.reaching import running
from konversi.errors import InvalidRequest
from konversi.events.faults import faults_of
from konversi.intake.dataset_forms import AccountDataset, NewAccount, NewDataset
from konversi.intake.invalid_fields import InvalidFields
from konversi.wiring import open_catalogue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from konversi.cli.over_http import OverHttp
    from konversi.intake.catalogue import Catalogue
    from konversi.settings import Settings

_SECONDS = 40.0  # longer than asking Meta twice
_CHECKED = ("fault", "checked_at", "token_expires", "token_expires_at")
_COLUMNS = ("id", "name", "from", "token", "on_in_doubt", "accounts", "checked_at", "expires", "fault")

Said = dict[str, Any]
Form = TypeVar("Form", bound=BaseModel)


class Desk(Protocol):
    """Where datasets are changed."""

    def listed(self) -> Said: ...
    def add(self, given: Said) -> Said: ...
    def remove(self, dataset: str) -> Said: ...
    def check(self, dataset: str) -> Said: ...
    def link(self, dataset: str, given: Said) -> Said: ...
    def link_own(self, account: str, given: Said) -> Said: ...


class _AtGateway:
    """The running gateway."""

    def __init__(self, over_http: OverHttp) -> None:
        self._gateway = over_http

    def listed(self) -> Said:
        return self._gateway.ask("GET", "/v1/datasets")

    def add(self, given: Said) -> Said:
        return self._gateway.ask("POST", "/v1/datasets", body=given)

    def remove(self, dataset: str) -> Said:
        return self._gateway.ask("DELETE", f"/v1/datasets/{dataset}")

    def check(self, dataset: str) -> Said:
        return self._gateway.ask("POST", f"/v1/datasets/{dataset}/check", seconds=_SECONDS)

    def link(self, dataset: str, given: Said) -> Said:
        return self._gateway.ask("POST", f"/v1/datasets/{dataset}/accounts", body=given)

    def link_own(self, account: str, given: Said) -> Said:
        return self._gateway.ask("POST", f"/v1/accounts/{account}/dataset", body=given, seconds=_SECONDS)


class _InDatabase:
    """The database of a gateway that doesn't run; nobody else can have it meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def listed(self) -> Said:
        async def listed(catalogue: Catalogue) -> Said:
            return catalogue.listed()

        return self._do(listed)

    def add(self, given: Said) -> Said:
        form = _filled(NewDataset, given)
        return self._do(lambda catalogue: catalogue.add(form))

    def remove(self, dataset: str) -> Said:
        return self._do(lambda catalogue: catalogue.remove(dataset))

    def check(self, dataset: str) -> Said:
        return self._do(lambda catalogue: catalogue.check(dataset))

    def link(self, dataset: str, given: Said) -> Said:
        form = _filled(NewAccount, given)
        return self._do(lambda catalogue: catalogue.link(dataset, form))

    def link_own(self, account: str, given: Said) -> Said:
        _filled(NewAccount, {"account": account})
        form = _filled(AccountDataset, given)
        return self._do(lambda catalogue: catalogue.link_own(account, form))

    def _do(self, act: Callable[[Catalogue], Awaitable[Said]]) -> Said:
        async def acting() -> Said:
            async with open_catalogue(self._settings) as catalogue:
                return await act(catalogue)

        return asyncio.run(acting())


def _filled(form: type[Form], given: Said) -> Form:
    try:
        return form.model_validate(given)
    except ValidationError as error:
        raise InvalidFields(faults_of(error, frozenset(form.model_fields))) from None


def desk(settings: Settings) -> Desk:
    """The running gateway, or the database where none runs. Raises `GatewayUnreachable` for one that was named."""
    gateway = running(settings)
    return _InDatabase(settings) if gateway is None else _AtGateway(gateway)


def secret_in(path: Path | None) -> str | None:
    """The secret that a file holds, or standard input for `-`."""
    if path is None:
        return None
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path}: {type(error).__name__} while reading it.") from None
    return text.strip()


def token_from(path: Path | None) -> str:
    """The token of a file, of standard input where something is piped in, or typed without being shown."""
    if path is None and sys.stdin.isatty():
        return getpass("Access token (it is not shown): ").strip()
    if path is None:
        return sys.stdin.read().strip()
    return secret_in(path) or ""


def show_list(settings: Settings, *, as_json: bool) -> int:
    """All datasets with their accounts."""
    found = desk(settings).listed()
    if as_json:
        print_json(found)
        return 0
    if not found["datasets"]:
        words("There are none. Add one: konversi datasets add ID --token-file FILE")
    else:
        table([_row(one) for one in found["datasets"]], _COLUMNS)
    return 0


def _row(dataset: Said) -> Said:
    linked = [f"{one['channel']} {one['account']}" + _numbers(one["lines"]) for one in dataset["accounts"]]
    return {
        **dataset,
        "token": "yes" if dataset["has_token"] else "missing",
        "expires": dataset["token_expires_at"] or dataset["token_expires"],
        "accounts": ", ".join(linked),
        "fault": (dataset["fault"] or "").partition(". ")[0],
    }


def _numbers(lines: Sequence[str]) -> str:
    return f" ({', '.join(lines)})" if lines else ""


def add(settings: Settings, given: Said, *, as_json: bool) -> int:
    """Add a dataset or replace its token, then ask Meta about it."""
    place = desk(settings)
    return _end(place, place.add(given), as_json=as_json)


def remove(settings: Settings, dataset: str, *, as_json: bool) -> int:
    """Forget a dataset."""
    found = desk(settings).remove(dataset)
    if as_json:
        print_json(found)
    else:
        words(f"Dataset {dataset} and its token are forgotten.")
    return 0


def check(settings: Settings, dataset: str | None, *, as_json: bool) -> int:
    """Ask Meta about one dataset or all; exit status 1 where one has a fault."""
    place = desk(settings)
    ids = [dataset] if dataset else [one["id"] for one in place.listed()["datasets"]]
    found = [place.check(one) for one in ids]
    sound = all(one["ok"] for one in found)
    if as_json:
        print_json({"ok": sound, "datasets": found})
        return 0 if sound else 1
    for one in found:
        print(f"{'ok' if one['ok'] else 'fault':<6} {one['id']}  {one['fault'] or _sound(one)}")
    if not found:
        words("There are none. Add one: konversi datasets add ID --token-file FILE")
    return 0 if sound else 1


def _sound(checked: Said) -> str:
    until = checked["token_expires_at"]
    return "Meta knows it and takes the token" + (f", which expires at {until}." if until else ".")


def link(settings: Settings, account: str, dataset: str | None, given: Said, *, as_json: bool) -> int:
    """Link an account to the dataset that was named, else to its own at Meta."""
    place = desk(settings)
    if dataset is None:
        return _end(place, place.link_own(account, given), as_json=as_json)
    if "token" in given:
        place.add({"id": dataset, **{name: given[name] for name in ("token", "name", "app_secret") if name in given}})
    linked: Said = {"account": account, **{name: given[name] for name in ("channel", "lines") if name in given}}
    return _end(place, place.link(dataset, linked), as_json=as_json)


def _end(place: Desk, kept: Said, *, as_json: bool) -> int:
    """Ask Meta about what was kept, and show both; exit status 1 where Meta doesn't take it."""
    checked = place.check(kept["id"])
    found = {**kept, **{name: checked[name] for name in _CHECKED}}
    if as_json:
        print_json(found)
    else:
        row = _row(found)
        fields({name: row[name] for name in _COLUMNS if name != "fault"})
        words(f"It is kept, but: {checked['fault']}" if checked["fault"] else _sound(checked))
    return 0 if checked["ok"] else 1
