"""Many processes over one PostgreSQL database under kill -9: nothing is lost, and no more comes twice than was in doubt."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import pytest
from fleets import Member, children_of, fleet, is_alive
from reports import Caller, check

from processes import until

KILLS = int(os.environ.get("KONVERSI_TEST_FLEET_KILLS", "16"))
FAMILY_KILLS = int(os.environ.get("KONVERSI_TEST_FAMILY_KILLS", "3"))
pytestmark = pytest.mark.fault


async def _kill_any(members, chance: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.02, 0.9))
        member = chance.choice(members)
        await asyncio.to_thread(member.end)
        await asyncio.to_thread(member.start, wait=False)
    for member in members:
        await asyncio.to_thread(until, member.is_ready, f"{member.name} is ready again")


def test_kill_9_of_any_process_loses_no_acknowledged_event_and_leaves_no_lease(tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    began = time.monotonic()
    with fleet(tmp_path) as ships:
        doors = [ships.start(f"intake-{number}", KONVERSI_ONLY="intake") for number in (1, 2)]
        workers = [ships.start(f"delivery-{number}", KONVERSI_ONLY="delivery") for number in (1, 2)]
        caller = Caller(*(door.url for door in doors))
        asyncio.run(caller.during(_kill_any([*doors, *workers], random.Random(seed))))
        until(ships.is_idle, "everything is delivered and no lease is left", 30)
        in_doubt, states = ships.in_doubt(), ships.states()
        faults = ships.faults()

    arrived = check(caller, tmp_path / "ledger.jsonl", in_doubt)
    print(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s: {len(caller.receipts)} acknowledged, "
        f"{len(arrived.times)} arrived, {arrived.again} again, {sum(in_doubt.values())} in doubt, {states}"
    )
    assert len(caller.receipts) > KILLS
    assert states.keys() == {"delivered"}
    assert faults == ""


async def _kill_children(family: Family, chance: random.Random) -> None:
    for _ in range(FAMILY_KILLS):
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        child = chance.choice(await asyncio.to_thread(family.children))
        os.kill(child, signal.SIGKILL)
        await asyncio.to_thread(until, lambda: family.is_complete_without(child), "the child is replaced")  # noqa: B023
    orphans = family.children()
    await asyncio.to_thread(family.parent.end)
    await asyncio.to_thread(until, lambda: not any(map(is_alive, orphans)), "the children ended with their parent")
    await asyncio.to_thread(family.parent.start)


class Family:
    """A parent with its children."""

    def __init__(self, parent: Member, size: int) -> None:
        self.parent, self.size = parent, size

    def children(self) -> list[int]:
        return until(self._all, "all children are there")

    def _all(self) -> list[int] | None:
        found = children_of(self.parent.pid)
        return found if len(found) == self.size else None

    def is_complete_without(self, child: int) -> bool:
        found = self._all()
        return found is not None and child not in found


def test_kill_9_of_children_and_of_their_parent_loses_nothing_and_leaves_nobody_behind(tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    began = time.monotonic()
    with fleet(tmp_path) as ships:
        parent = ships.start("parent", KONVERSI_TEST_PROCESSES="2")
        family, caller = Family(parent, 2), Caller(parent.url)
        asyncio.run(caller.during(_kill_children(family, random.Random(seed))))
        until(ships.is_idle, "everything is delivered and no lease is left", 30)
        in_doubt = ships.in_doubt()
        last = family.children()
        assert parent.end(signal.SIGTERM) == 0
        until(lambda: not any(map(is_alive, last)), "nobody is left")
        faults = ships.faults()

    arrived = check(caller, tmp_path / "ledger.jsonl", in_doubt)
    print(
        f"{FAMILY_KILLS} children and a parent killed in {time.monotonic() - began:.0f} s: "
        f"{len(caller.receipts)} acknowledged, {arrived.again} again, {sum(in_doubt.values())} in doubt"
    )
    assert faults == ""
