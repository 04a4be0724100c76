"""What the pages ask of the database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.insight import (
    ad_costs,
    attention,
    customers,
    event_search,
    funnel,
    journey_search,
    key_sums,
    money_sums,
    overview,
    quality,
    returns,
    standings,
    summing,
    time_to_meta,
)
from konversi.insight.walking import Follower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.database.port import Database
    from konversi.insight.ad_costs import Costs
    from konversi.insight.attention import Cause
    from konversi.insight.event_search import Found, Wanted
    from konversi.insight.journey_search import Found as JourneysFound
    from konversi.insight.journey_search import Wanted as JourneysWanted
    from konversi.insight.periods import Period
    from konversi.outbox.states import Step

_LOOKS = 4  # at what is new, before a page is shown: a backlog is upkeep's


class Insight:
    """Questions, each answered in bounded time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.sums = Follower(database, (summing.accepted, summing.delivered))
        self.standings = Follower(database, (standings.stirred_journeys, standings.told_uses))
        self.key_sums = Follower(database, (key_sums.keys,))
        self.customers = Follower(database, (customers.customers,))
        looks = money_sums.conversations, money_sums.results, money_sums.TakenBack(), money_sums.went_back
        self.money = Follower(database, looks)

    @property
    def _followed(self) -> tuple[tuple[Follower, int], ...]:
        """All of them, with looks that get equally far: whoever stays behind makes the others look again for little."""
        return (self.sums, 1), (self.standings, 5), (self.key_sums, 1), (self.money, 1), (self.customers, 5)

    async def overview(self, period: Period) -> dict[str, Any]:
        """The sums of a period, with what happened up to this moment."""
        behind = await self.sums.follow(_LOOKS)
        sums = await self._database.read(partial(overview.read, period))
        return {**overview.shape(sums, period), "complete": not behind}

    async def waits(self) -> dict[int, int]:
        """How long all events so far took to Meta, by bucket: days are summed, not events."""
        return await self._database.read(overview.all_waits)

    async def follow(self) -> bool:
        """Add what is new to all sums; whether there may be more."""
        followed = [await sums.follow(looks) for sums, looks in self._followed]
        return any(followed)

    async def quality(self, since: float, dataset: str | None) -> dict[str, Any]:
        """Which match keys were sent since that day, how good they probably are, and how late events came."""
        behind = await self.key_sums.follow(_LOOKS) | await self.sums.follow(_LOOKS)
        sums = await self._database.read(partial(quality.read, since, dataset))
        return {**quality.shape(sums), "complete": not behind}

    async def returns(self, since: float, by: str, within: dict[str, str]) -> dict[str, Any]:
        """What ads cost since that day, and what came of them."""
        behind = await self.money.follow(_LOOKS)
        found = await self._database.read(partial(returns.report, since, by, within))
        return {**found, "complete": not behind}

    async def costs(self, since: float) -> Costs | None:
        """What the ads cost since that day, where it can be divided by what came since."""
        await self.money.follow(_LOOKS)
        return await self._database.read(partial(ad_costs.read, since))

    async def funnel(self, period: Period) -> dict[str, Any]:
        """How far the conversations of a period came, and the agent's work in it, up to this moment."""
        behind = await self._follow_journeys()
        sums = await self._database.read(partial(funnel.read, period))
        return {**funnel.shape(sums, period), "complete": not behind}

    async def journeys(self, wanted: JourneysWanted, before: int | None, limit: int) -> JourneysFound:
        """A page of conversations, up to this moment."""
        await self._follow_journeys()
        return await self._database.read(
            lambda connection: journey_search.search(connection, wanted, before=before, limit=limit)
        )

    async def _follow_journeys(self) -> bool:
        behind = await self.sums.follow(_LOOKS)
        return await self.standings.follow(_LOOKS) or behind

    async def events(self, wanted: Wanted, before: int | None, limit: int) -> Found:
        """A page of events."""
        return await self._database.read(
            lambda connection: event_search.search(connection, wanted, before=before, limit=limit)
        )

    async def seconds_to_meta(self, ids: Sequence[int]) -> dict[int, float]:
        """How long these events took, by event, of those that are delivered."""
        return await self._database.read(lambda connection: time_to_meta.seconds_of(connection, ids))

    async def deciding(self, wanted: Wanted, step: Step, most: int, after: int = 0) -> tuple[int, list[int]]:
        """How many of these events can take the step, and the first so many of their ids."""
        return await self._database.read(
            lambda connection: event_search.deciding(connection, wanted, step, most=most, after=after)
        )

    async def causes(self) -> Sequence[Cause]:
        """What waits for a person, by cause."""
        return await self._database.read(attention.causes)
