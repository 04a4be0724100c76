"""Pulls what ads cost: the last four weeks again each time, since Meta changes them for days."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from konversi.access.acting import Action, note
from konversi.errors import StorageUnavailable
from konversi.insight import spend_store
from konversi.logs import logger
from konversi.meta.ad_account import account_of, spent
from konversi.meta.answers import Kind
from konversi.meta.graph import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from konversi.database.port import Database
    from konversi.insight.spend_store import Pull
    from konversi.meta.answers import Verdict
    from konversi.meta.graph import GraphClient

DAYS = 28
_EVERY = 4 * 3_600.0  # seconds between pulls by itself
_LOOK_EVERY = 300.0
_FIRST_LOOK = 5.0  # after the start
_CLAIM_SECONDS = 900.0  # of one who pulls: longer than a pull may take
_LONGEST = 600.0
_PATIENCE = 8.0  # seconds that a page waits for a pull
_UNSET = "No token is set: put one that may read the ad account into META_ADS_TOKEN."
_NOT_ALLOWED = (
    "Meta does not let this token read the ad account. Check the id in META_AD_ACCOUNT_ID, give the token's"
    " system user the ad account (Business settings > Ad accounts), and put one with ads_read into META_ADS_TOKEN."
)
_TOO_LONG = "Meta took longer than ten minutes. Nothing was changed; try again, or pull fewer days."


class Pulled(NamedTuple):
    """What came of a pull."""

    account: str
    state: str  # pulled, failed, or busy where another process is at it
    rows: int = 0
    currency: str = ""
    since: str = ""
    until: str = ""
    fault: str = ""


class Spending:
    """What the configured accounts' ads cost."""

    def __init__(
        self,
        database: Database,
        *,
        accounts: Sequence[str],
        credentials: tuple[str, str | None] | None,
        open_graph: Callable[[], AbstractAsyncContextManager[GraphClient]],
        types: Mapping[str, Sequence[str]],
        now: Callable[[], float],
    ) -> None:
        """`credentials` are the token and the app's secret; `types` the action types to take, by kind."""
        self.accounts = tuple(accounts)
        self._database = database
        self._credentials = credentials
        self._open_graph = open_graph
        self._types = types
        self._now = now
        self._under_way: asyncio.Task[list[Pulled]] | None = None

    async def known(self) -> list[Pull]:
        """How the last pulls went."""
        return await self._database.read(spend_store.pulls)

    async def run(self) -> None:
        """Pull what is due, for ever. Many processes may: one of them gets the claim."""
        await asyncio.sleep(_FIRST_LOOK)
        while self.accounts:
            try:
                for account in self.accounts:
                    await self.pull(account, unless_within=_EVERY)
            except StorageUnavailable as error:
                logger().error("spend_waits_for_storage", cause=error.detail)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with spend, events are taken and sent
                logger().error("spend_pull_failed", fault=repr(error))
            await asyncio.sleep(_LOOK_EVERY)

    async def pull_now(self) -> bool:
        """Pull all accounts because a person asks; whether it ended before their patience did."""
        note(Action.SPEND_PULLED, ", ".join(self.accounts))
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._pull_all(), name="pull of spend")
        done, _ = await asyncio.wait([self._under_way], timeout=_PATIENCE)
        return bool(done)

    async def aclose(self) -> None:
        """Ask no more."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)

    async def _pull_all(self) -> list[Pulled]:
        return [await self.pull(account) for account in self.accounts]

    async def pull(self, account: str, days: int = DAYS, unless_within: float = 0.0) -> Pulled:
        """Replace the last so many days of an account, unless somebody tried within so many seconds, or is at it."""
        now = self._now()
        claim = partial(
            spend_store.claim, account=account, now=now, until=now + _CLAIM_SECONDS, unless_after=now - unless_within
        )
        if not await self._database.write(claim):
            return Pulled(account, "busy")
        try:
            async with asyncio.timeout(_LONGEST):
                done = await self._ask(account, days)
        except TimeoutError:
            done = Pulled(account, "failed", fault=_TOO_LONG)
        except BaseException:
            await self._database.write(partial(spend_store.failed, account=account, fault="It was interrupted."))
            raise
        if done.fault:
            logger().warning("spend_not_pulled", account=account, reason=done.fault)
            await self._database.write(partial(spend_store.failed, account=account, fault=done.fault))
        return done

    async def _ask(self, account: str, days: int) -> Pulled:
        if self._credentials is None:
            return Pulled(account, "failed", fault=_UNSET)
        to = Credentials(account, *self._credentials)
        async with self._open_graph() as graph:
            found, verdict = await account_of(graph, to)
            if found is None:
                return Pulled(account, "failed", fault=_why(verdict))
            until = datetime.fromtimestamp(self._now(), _zone(found.zone)).date()
            since = until - timedelta(days=days - 1)
            rows, verdict = await spent(graph, to, since, until, self._types)
        if rows is None:
            return Pulled(account, "failed", fault=_why(verdict))
        kept = partial(
            spend_store.replace,
            account=account,
            currency=found.currency,
            since=since,
            until=until,
            rows=rows,
            now=self._now(),
        )
        await self._database.write(kept)
        return Pulled(account, "pulled", len(rows), found.currency, since.isoformat(), until.isoformat())


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _why(verdict: Verdict) -> str:
    if verdict.kind is Kind.PAUSED:
        code = f" (code {verdict.code})" if verdict.code else ""
        return f"{_NOT_ALLOWED[:-1]}{code}."
    return verdict.reason
