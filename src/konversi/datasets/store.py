"""Keeps the datasets: tokens and app secrets encrypted in the database, everything at hand in memory."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from konversi.datasets import statements
from konversi.datasets.registry import Account, Dataset, OnInDoubt, Registry, TokenExpiry
from konversi.errors import SealBroken
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Database
    from konversi.database.sealed import Seal
    from konversi.datasets.statements import Rows


class Datasets:
    """The store of datasets. `registry` is how they stand: replaced as a whole by every change."""

    def __init__(
        self, database: Database, seal: Seal, now: Callable[[], float], *, default_id: str | None = None
    ) -> None:
        self._database = database
        self._seal = seal
        self._now = now
        self._changing = asyncio.Lock()
        self.registry = Registry(default_id)

    async def load(self) -> None:
        """Read all there is. A token that can't be decrypted leaves its dataset without one, and with a fault."""
        self._take(await self._database.read(statements.everything))

    async def add(
        self,
        dataset: str,
        token: str,
        *,
        name: str | None = None,
        app_secret: str | None = None,
        on_in_doubt: OnInDoubt | None = None,
    ) -> Dataset:
        """Add a dataset, or replace the token of one that is there; what isn't given stays as it was."""
        given: dict[str, Any] = {"token": self._seal.close(token.encode(), _token_of(dataset))}
        if app_secret is not None:
            given["app_secret"] = self._seal.close(app_secret.encode(), _app_secret_of(dataset))
        given |= {key: value for key, value in (("name", name), ("on_in_doubt", on_in_doubt)) if value is not None}
        otherwise = {"name": "", "added_at": self._now()}
        await self._change(lambda connection: statements.add(connection, dataset, given, otherwise))
        return self.registry.datasets[dataset]

    async def remove(self, dataset: str) -> None:
        """Forget a dataset with its token, and which accounts it belongs to."""
        await self._change(lambda connection: statements.remove(connection, dataset))

    async def link(self, channel: str, account: str, dataset: str, lines: Sequence[str] = ()) -> None:
        """Let an account's chats belong to this dataset, and these phone numbers to the account."""
        at = self._now()
        await self._change(lambda connection: statements.link(connection, channel, account, dataset, lines, at))

    async def checked(self, dataset: str, fault: str | None) -> None:
        """Keep what a check found; `None` where all is well."""
        at = self._now()
        await self._change(lambda connection: statements.checked(connection, dataset, at, fault))

    async def expires(self, dataset: str, at: float | None) -> None:
        """Keep when its token expires; `None` where it does not."""
        seen_at = self._now()
        await self._change(lambda connection: statements.expires(connection, dataset, at, seen_at))

    async def _change(self, job: Callable[[Connection], None]) -> None:
        """Change and read in one transaction, so that the snapshots follow each other as the changes did."""

        def changed(connection: Connection) -> Rows:
            self._database.hold(connection, "datasets", [b"all"])
            job(connection)
            return statements.everything(connection)

        async with self._changing:
            self._take(await self._database.write(changed))

    def _take(self, rows: Rows) -> None:
        self.registry = Registry(
            self.registry.default_id,
            MappingProxyType({row["id"]: self._opened(row) for row in rows.datasets}),
            MappingProxyType({Account(channel, account): dataset for channel, account, dataset in rows.accounts}),
            MappingProxyType(dict(rows.lines)),
            MappingProxyType({dataset: TokenExpiry(at, seen) for dataset, at, seen in rows.expiries}),
        )

    def _opened(self, row: dict[str, Any]) -> Dataset:
        dataset = row["id"]
        token, app_secret, fault = None, None, row["fault"]
        try:
            token = self._seal.open(row["token"], _token_of(dataset)).decode()
            if row["app_secret"] is not None:
                app_secret = self._seal.open(row["app_secret"], _app_secret_of(dataset)).decode()
        except SealBroken as error:
            logger().error("token_unreadable", dataset=dataset, remedy=error.remedy())
            token, fault = None, str(error)
        return Dataset(
            dataset,
            row["name"],
            token,
            app_secret,
            row["on_in_doubt"],
            row["added_at"],
            row["checked_at"],
            fault,
        )


def _token_of(dataset: str) -> str:
    return f"dataset {dataset} token"


def _app_secret_of(dataset: str) -> str:
    return f"dataset {dataset} app secret"
