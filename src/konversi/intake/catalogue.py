"""Adding, checking and removing datasets, and saying whose chats belong to which: behind the doors and the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.access.acting import Action, note
from konversi.errors import KonversiError
from konversi.events.faults import Fault
from konversi.insight.describe import moment
from konversi.intake.invalid_fields import InvalidFields
from konversi.meta import accounts, tokens
from konversi.meta.answers import Kind
from konversi.outbox.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from konversi.datasets.registry import Registry
    from konversi.datasets.store import Datasets
    from konversi.delivery.destination import Destinations
    from konversi.intake.dataset_forms import AccountDataset, NewAccount, NewDataset
    from konversi.meta.answers import Verdict
    from konversi.meta.graph import Credentials, GraphClient

_NETWORK = frozenset({Kind.NOT_SENT, Kind.IN_DOUBT, Kind.FAILED, Kind.THROTTLED, Kind.UNCLEAR})


class DatasetUnknown(KonversiError):
    """There is no such dataset here.

    `konversi datasets list` shows those there are; add it with `konversi datasets add ID`.
    """

    code = "dataset_unknown"
    status = 404


class DatasetInUse(KonversiError):
    """Events wait for this dataset, so it can't be removed.

    Let them be delivered, or discard them: `konversi events list --state waiting`.
    """

    code = "dataset_in_use"
    status = 409


class AccountRefused(KonversiError):
    """Meta would not say which dataset belongs to this account.

    Give the token's system user the account, and the permissions to manage it and its events (WhatsApp:
    whatsapp_business_management and whatsapp_business_manage_events; Messenger: page_events; Instagram:
    instagram_manage_events). Where you know the dataset's id, add it and link it by that.
    """

    code = "account_refused"
    status = 422


class MetaAway(KonversiError):
    """Meta could not be asked.

    Try again; check the network and META_GRAPH_URL if it goes on.
    """

    code = "meta_away"
    status = 503
    retry_after = 10


class Catalogue:
    """The datasets of this installation, for people to change."""

    def __init__(
        self,
        datasets: Datasets,
        destinations: Destinations,
        *,
        lanes: Callable[[], Awaitable[Sequence[tuple[str, float]]]],
        open_graph: Callable[[], AbstractAsyncContextManager[GraphClient]],
        changed: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._datasets = datasets
        self._destinations = destinations
        self._lanes = lanes
        self._open_graph = open_graph
        self._changed = changed  # told the name of a dataset that is reached in another way from now on
        self._now = now
        # What this process found of datasets that only the settings know: there is no row of them to keep it in.
        self._checks: dict[str, tuple[float, str | None]] = {}

    @property
    def _registry(self) -> Registry:
        return self._datasets.registry

    def listed(self) -> dict[str, Any]:
        """All datasets with their accounts, never with a token."""
        return {"datasets": [self._described(dataset) for dataset in self._ids()]}

    def _ids(self) -> tuple[str, ...]:
        added = tuple(self._registry.datasets)
        own = self._registry.default_id
        return added if own is None or own in added else (own, *added)

    async def add(self, form: NewDataset) -> dict[str, Any]:
        """Add a dataset, or replace its token; what waited for that is sent at once."""
        await self._datasets.add(
            form.id, form.token, name=form.name, app_secret=form.app_secret, on_in_doubt=form.on_in_doubt
        )
        note(Action.DATASET_ADDED, form.id)
        self._changed(self._registry.name_of(form.id))
        return self._described(form.id)

    async def remove(self, dataset: str) -> dict[str, Any]:
        """Forget a dataset. Raises `DatasetUnknown`, or `DatasetInUse` where events could not be sent without it."""
        if dataset not in self._registry.datasets:
            raise DatasetUnknown(f"{dataset}.")
        name = self._registry.name_of(dataset)
        if not self._destinations.in_settings(name) and any(
            Lane.parse(lane).dataset == name for lane, _ in await self._lanes()
        ):
            raise DatasetInUse(f"{dataset}.")
        await self._datasets.remove(dataset)
        note(Action.DATASET_REMOVED, dataset)
        self._changed(name)
        return {"id": dataset, "removed": True}

    async def check(self, dataset: str) -> dict[str, Any]:
        """Ask Meta whether the dataset is there and its token may see it, and keep the answer."""
        self._known(dataset)
        to = self._destinations.credentials(self._registry.name_of(dataset))
        if to is None:
            added = self._registry.datasets.get(dataset)
            fault: str | None = (added.fault if added else None) or "It has no token."
        else:
            fault, expiry = await self._looked(to)
            await self._datasets.checked(dataset, fault)
            self._checks[dataset] = (self._now(), fault)
            if expiry is not None:
                await self._datasets.expires(dataset, expiry.at)
            note(Action.DATASET_CHECKED, dataset, found="sound" if fault is None else "fault")
        said = {"id": dataset, "ok": fault is None, "fault": fault, "checked_at": moment(self._now())}
        return {**said, **self._expiry(dataset)}

    async def look_at_tokens(self, before: float) -> None:
        """Ask Meta when each token expires of which that was last asked before then (Unix seconds)."""
        async with self._open_graph() as graph:
            for dataset in self._ids():
                seen = self._registry.expiries.get(dataset)
                to = self._destinations.credentials(self._registry.name_of(dataset))
                if to is not None and (seen is None or seen.seen_at < before):
                    expiry = await tokens.expiry_of(graph, to)
                    if expiry is not None:
                        await self._datasets.expires(dataset, expiry.at)

    def try_again(self, dataset: str) -> None:
        """Let what waits for the dataset be sent at once, though it was paused."""
        self._changed(self._registry.name_of(dataset))

    async def _looked(self, to: Credentials) -> tuple[str | None, tokens.Expiry | None]:
        """What is wrong, and when the token expires where nothing is."""
        async with self._open_graph() as graph:
            verdict = (await graph.look(to)).verdict
            if verdict.kind is not Kind.DELIVERED:
                return _said(verdict), None
            return None, await tokens.expiry_of(graph, to)

    def _last_check(self, dataset: str) -> dict[str, Any]:
        """When Meta last said something of its token, and what was wrong."""
        added = self._registry.datasets.get(dataset)
        expiry = self._registry.expiries.get(dataset)
        if added is not None:
            at, fault = added.checked_at, added.fault
        else:
            at, fault = self._checks.get(dataset, (None, None))
            if expiry is not None and (at is None or expiry.seen_at > at):
                at, fault = expiry.seen_at, None
        return {"checked_at": moment(at), "fault": fault}

    def _expiry(self, dataset: str) -> dict[str, Any]:
        known = self._registry.expiries.get(dataset)
        at = known.at if known else None
        return {
            "token_expires": "unknown" if known is None else "never" if at is None else "at",
            "token_expires_at": moment(at) if at is not None else None,
        }

    async def link(self, dataset: str, form: NewAccount) -> dict[str, Any]:
        """Let an account's chats belong to a dataset that is known here."""
        self._known(dataset)
        _only_whatsapp_has_lines(form.channel, form.lines)
        await self._datasets.link(form.channel, form.account, dataset, form.lines)
        note(Action.ACCOUNT_LINKED, form.account, dataset=dataset, channel=form.channel)
        return self._described(dataset)

    async def link_own(self, account: str, form: AccountDataset) -> dict[str, Any]:
        """Find or make the account's own dataset at Meta, keep the token with it, and link the account to it.

        Raises `AccountRefused` and `MetaAway`, with what Meta said.
        """
        _only_whatsapp_has_lines(form.channel, form.lines)
        token, app_secret = self._token_for(account, form)
        async with self._open_graph() as graph:
            found = await accounts.dataset_of(graph, account, token, app_secret)
        if found.dataset is None:
            raise _error(found.verdict)
        if form.token is not None or not self._destinations.credentials(self._registry.name_of(found.dataset)):
            await self._datasets.add(
                found.dataset, token, name=form.name, app_secret=app_secret, on_in_doubt=form.on_in_doubt
            )
            note(Action.DATASET_ADDED, found.dataset)
            self._changed(self._registry.name_of(found.dataset))
        await self._datasets.link(form.channel, account, found.dataset, form.lines)
        note(Action.ACCOUNT_LINKED, account, dataset=found.dataset, channel=form.channel)
        return self._described(found.dataset)

    def _token_for(self, account: str, form: AccountDataset) -> tuple[str, str | None]:
        if form.token is not None:
            return form.token, form.app_secret
        linked = self._registry.dataset_of(form.channel, account)
        to = (self._destinations.credentials(linked) if linked else None) or self._destinations.default
        if to is None:
            raise InvalidFields(
                [Fault("token", "missing", "is required.", "Give the token of the account's system user.")]
            )
        return to.token, to.app_secret

    def _known(self, dataset: str) -> None:
        if not self._registry.knows(dataset):
            raise DatasetUnknown(f"{dataset}.")

    def _described(self, dataset: str) -> dict[str, Any]:
        registry = self._registry
        added = registry.datasets.get(dataset)
        name = registry.name_of(dataset)
        to = self._destinations.credentials(name)
        return {
            "id": dataset,
            "name": added.name if added else "",
            "default": dataset == registry.default_id,
            "from": "added" if added else "settings",
            "has_token": to is not None,
            "has_app_secret": to is not None and to.app_secret is not None,
            "on_in_doubt": self._destinations.on_in_doubt(name),
            "added_at": moment(added.added_at) if added else None,
            **self._last_check(dataset),
            **self._expiry(dataset),
            "accounts": [
                {
                    "channel": channel,
                    "account": account,
                    "lines": [line for line, owner in registry.lines.items() if owner == account],
                }
                for (channel, account), linked in registry.accounts.items()
                if linked == dataset
            ],
        }


def _only_whatsapp_has_lines(channel: str, lines: Sequence[str]) -> None:
    if lines and channel != "whatsapp":
        fault = Fault("lines", "only_whatsapp", "belong to WhatsApp Business Accounts only.", "Leave them out.")
        raise InvalidFields([fault])


def _error(verdict: Verdict) -> KonversiError:
    return MetaAway(f"{_what(verdict)}.") if verdict.kind in _NETWORK else AccountRefused(verdict.reason)


def _said(verdict: Verdict) -> str:
    """What Meta said and what to do. Nobody tries again by himself here, as delivery does."""
    return f"{_what(verdict)}. {MetaAway.remedy()}" if verdict.kind in _NETWORK else verdict.reason


def _what(verdict: Verdict) -> str:
    return verdict.reason.partition(". ")[0]
