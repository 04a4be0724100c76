"""Forgetting one person: begun durably, done in small steps, gone on with after a crash, and looked for once more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.access.acting import Action, actor, note
from konversi.aftercare import erasures, finding, removing
from konversi.aftercare.needles import Needles, Work
from konversi.clock import monotonic
from konversi.consent.people import chat_keys
from konversi.database.deleting import overwriting
from konversi.errors import ErasureUnknown, StorageUnavailable
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.aftercare.erasures import Erasure
    from konversi.consent.store import Consents, Nameable
    from konversi.database.port import Database
    from konversi.database.sealed import Seal

_SCAN = 5_000  # events that are looked at in one go
_EVENTS_AT_ONCE = 100  # that are taken out in one transaction
_SETTLED = 60.0  # seconds after which whatever was under way when it began has arrived
_MARGIN = 10_000  # numbers of events that may be given out and not be there yet
_LEASE = 60.0
_LOOK_SECONDS = 0.05
_EVERY = 5.0  # seconds between looks at what is left to do
_SOON, _LATER = 2.0, 60.0  # seconds until an event on its way has arrived; until a file may have ended
_SEALED_AS = "erasure"


class Ways(NamedTuple):
    """What an erasure needs from elsewhere."""

    dataset_id: Callable[[str], str]  # Meta's id of a dataset
    unsealed: Callable[[bytes], bytes]  # the body of a call that waits for the bot


class Erasures:
    """Forgets people. Everything written is durable on return."""

    def __init__(
        self, database: Database, consents: Consents, seal: Seal, secret: bytes, ways: Ways, *, alone: bool = False
    ) -> None:
        """`alone` says that nobody else can have anything under way: then there is no second look."""
        self._database = database
        self._consents = consents
        self._seal = seal
        self._secret = secret
        self._ways = ways
        self._alone = alone
        self._wake = asyncio.Event()

    async def begin(self, named: Nameable) -> int:
        """Refuse everything about this person from now on, and write down that what there is has to go.

        The erasure's number. Raises `Refused` where nobody is named.
        """
        user_data = self._consents.match(named)
        person = await self._consents.person(user_data)
        needles = Needles.of(person.user_data, self._consents.in_the_clear(named), self._secret)
        keys = self._consents.keys(person.user_data, None)
        now, by = self._database.now(), actor().name

        def job(connection: Connection) -> int:
            with overwriting(connection):
                last = finding.last_event(connection)
                decisions = removing.remove_consents(connection, self._consents.all_keys(person))
                work = Work(needles, again_from=max(0, last - _MARGIN))
                sealed = self._seal.close(work.packed(), _SEALED_AS)
                number = erasures.begin(connection, now, by, sealed, {"consent_decisions": decisions})
                chats = dict.fromkeys([*needles.keys, *finding.names_of(connection, person.journeys)])
                erasures.refuse(connection, [*keys, *chat_keys(chats, self._secret)], number, now)
                return number

        number = await self._database.write(job)
        self._consents.heed()
        note(Action.ERASED, erasures.erasure_id(number))
        logger().info("erasure_began", erasure=erasures.erasure_id(number))
        self._wake.set()
        return number

    async def forget(self, before: float, limit: int) -> int:
        """Forget the reports of erasures that ended before then; what is refused stays refused."""
        return await self._database.write(lambda connection: erasures.forget(connection, before, limit))

    async def lift(self, named: Nameable) -> int:
        """Let a person be known again who was forgotten: how many of the identities given were refused until now."""
        keys = self._consents.keys(self._consents.match(named), None)
        lifted = await self._database.write(lambda connection: erasures.lift(connection, keys))
        note(Action.ERASURE_LIFTED, "", identities=lifted)
        return lifted

    async def listed(self) -> list[dict[str, Any]]:
        """The newest first."""
        return [erasures.described(one) for one in await self._database.read(erasures.newest)]

    async def find(self, number: int) -> Erasure:
        """One erasure. Raises `ErasureUnknown`."""
        found = await self._database.read(lambda connection: erasures.find(connection, number))
        if found is None:
            raise ErasureUnknown
        return found

    async def shown(self, number: int, seconds: float = 0.0) -> dict[str, Any]:
        """The erasure once it was looked through, or after so many seconds. Raises `ErasureUnknown`."""
        until = monotonic() + seconds
        while (found := await self.find(number)).state == erasures.RUNNING and not found.waits_for:
            if monotonic() >= until:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return erasures.described(found)

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.catch_up()
            except StorageUnavailable as error:
                logger().error("erasure_waits_for_storage", cause=error.detail)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one erasure, events are taken and sent
                logger().error("erasure_failed", fault=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._wake.wait()

    async def catch_up(self) -> None:
        """Go on with each erasure that nobody else works on."""
        now = self._database.now()
        for number in await self._database.look_up(lambda connection: erasures.due(connection, now)):
            if await self._database.write(lambda connection, one=number: self._taken(connection, one)):  # type: ignore[misc]
                await self.work_on(number)

    def _taken(self, connection: Connection, number: int) -> bool:
        now = self._database.now()
        return erasures.take(connection, number, now, now + (_LEASE if self._database.shared else 0.0))

    async def work_on(self, number: int) -> None:
        """Take out all that is found now, and say what is left to wait for."""
        erasure = await self.find(number)
        sealed = erasure.sealed
        if sealed is None:
            return
        work = Work.unpacked(self._seal.open(sealed, _SEALED_AS))
        began = self._database.now()
        second = self._alone or began >= erasure.asked_at + _SETTLED
        if second and erasure.state == erasures.SETTLING:
            work.reached = min(work.reached, work.again_from)
        chats = await self._database.read(lambda connection: finding.conversations(connection, work.needles))
        await self._events(number, work, chats)
        await self._conversations(number, work, chats)
        await self._payments(number, work, chats)
        await self._calls(number, work)
        await self._results(number, work)
        waits = await self._waits_for(work, erasure.asked_at)
        state = erasures.RUNNING if waits else erasures.DONE if second else erasures.SETTLING
        said: dict[str, Any] = {"state": state, "waits_for": waits}
        if not (waits and erasure.waits_for):  # that would be the same once more, and reads the whole database
            said["found_elsewhere"] = await self._database.read(partial(finding.remains, needles=work.needles))
            await self._database.scrub(work.needles.bytes)
        await self._write(number, work, {}, (), until=self._next_look(erasure, work, state), **said)
        logger().info("erasure_looked", erasure=erasures.erasure_id(number), state=state)

    def _next_look(self, erasure: Erasure, work: Work, state: str) -> float:
        """When it is worth it."""
        if state == erasures.SETTLING:
            return erasure.asked_at + _SETTLED
        return self._database.now() + (_SOON if work.busy else _LATER)

    async def _events(self, number: int, work: Work, chats: Sequence[int]) -> None:
        busy, work.busy = work.busy, []
        await self._remove_events(number, work, busy)
        last = await self._database.read(finding.last_event)
        while work.reached < last:
            upto = min(work.reached + _SCAN, last)
            look = partial(finding.events_about, needles=work.needles, chats=chats, after=work.reached, upto=upto)
            await self._remove_events(number, work, await self._database.read(look))
            work.reached = upto

    async def _remove_events(self, number: int, work: Work, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), _EVENTS_AT_ONCE):
            some = ids[start : start + _EVENTS_AT_ONCE]

            def job(connection: Connection, some: Sequence[int] = some) -> Work:
                after = Work.unpacked(work.packed())  # the job may have to be run again
                with overwriting(connection):
                    removed, has = removing.remove_events(connection, some, after, self._ways.dataset_id)
                    self._keep(connection, number, after, {"events": removed}, has)
                return after

            after = await self._database.write(job)
            work.busy, work.gone = after.busy, after.gone

    async def _conversations(self, number: int, work: Work, chats: Sequence[int]) -> None:
        def job(connection: Connection) -> None:
            with overwriting(connection):
                removed = removing.remove_conversations(connection, work.needles, chats)
                removed["marks_of_a_customer"] = removing.remove_customers(connection, work.needles)
                self._keep(connection, number, work, removed)

        await self._database.write(job)

    async def _payments(self, number: int, work: Work, chats: Sequence[int]) -> None:
        found = await self._database.read(lambda connection: finding.payments_of(connection, work, chats))
        if found:
            await self._write(number, work, {"payments": partial(removing.remove_payments, ids=found)})

    async def _calls(self, number: int, work: Work) -> None:
        waiting = await self._database.read(finding.waiting_calls)
        theirs = [id_ for id_, sealed in waiting if self._is_theirs(sealed, work.needles)]
        if theirs:
            await self._write(number, work, {"calls_to_the_bot": partial(removing.remove_calls, ids=theirs)})

    def _is_theirs(self, sealed: bytes, needles: Needles) -> bool:
        return needles.mentions(self._ways.unsealed(sealed).decode("utf-8", "replace"))

    async def _results(self, number: int, work: Work) -> None:
        for file, part in await self._database.read(finding.result_parts) if work.gone else ():
            body = await self._database.read(partial(finding.result_part, file=file, part=part))
            after, lines = removing.without_lines(body, work) if body is not None else (b"", 0)
            if lines and body is not None:
                replace = partial(removing.replace_result, file=file, part=part, before=body, after=after, lines=lines)
                await self._write(number, work, {"lines_of_result_files": replace})

    async def _waits_for(self, work: Work, asked_at: float) -> list[str]:
        """Why it can't be said yet that nothing is left."""
        files = await self._database.read(lambda connection: finding.files_before(connection, asked_at))
        waits = [f"{len(work.busy)} event(s) on the way to Meta"] if work.busy else []
        return [*waits, *(f"import {file}: its file is kept encrypted until it has ended" for file in files)]

    async def _write(
        self,
        number: int,
        work: Work,
        removals: dict[str, Callable[[Connection], int]],
        has: Sequence[removing.Facts] = (),
        **more: Any,
    ) -> None:
        """Remove, and write down how much it was, in one transaction."""

        def job(connection: Connection) -> None:
            with overwriting(connection):
                removed = {name: remove(connection) for name, remove in removals.items()}
                self._keep(connection, number, work, removed, has, **more)

        await self._database.write(job)

    def _keep(
        self,
        connection: Connection,
        number: int,
        work: Work,
        removed: dict[str, int],
        has: Sequence[removing.Facts] = (),
        *,
        until: float | None = None,
        **more: Any,
    ) -> None:
        ended = more.get("state") == erasures.DONE
        sealed = None if ended else self._seal.close(work.packed(), _SEALED_AS)
        if ended:
            more["ended_at"] = self._database.now()
        if until is None:
            until = self._database.now() + _LEASE if self._database.shared else 0.0
        erasures.keep(connection, number, sealed, until, removed, has, **more)
