"""Two workers over one PostgreSQL database share a backlog, and a large dataset doesn't hold up a small one."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import time

import orjson
import pytest
from fleets import SECRET, fleet, slow_meta
from reports import Arrivals

from konversi.database.opening import open_database
from konversi.database.sealed import Seal
from konversi.datasets.store import Datasets
from konversi.outbox.store import open_outbox
from outboxes import new_event
from processes import until

BACKLOG = int(os.environ.get("KONVERSI_TEST_BACKLOG", "20000"))
DATASET = "9876543210"
LARGE, SMALL = "default|live|chat", f"{DATASET}|live|chat"
pytestmark = pytest.mark.fault


def waiting(lane: str, event_id: str):
    body = {
        "event_name": "Lead", "event_time": int(time.time()), "event_id": event_id, "action_source": "chat",
        "user_data": {"ph": [hashlib.sha256(b"6281234567890").hexdigest()]},
    }  # fmt: skip
    event = new_event(event_id, lane=lane, deadline=int(time.time()) + 86_400, body=orjson.dumps(body))
    return event._replace(dataset=lane.partition("|")[0], event_time=body["event_time"])


async def _append(url: str, events) -> None:
    outbox = await open_outbox(url)
    for start in range(0, len(events), 5_000):
        await outbox.append(events[start : start + 5_000])
    outbox.database.tell("lane", events[0].lane)
    await asyncio.sleep(0.1)  # signs are gathered
    await outbox.aclose()


async def _add_dataset(url: str) -> None:
    database = await open_database(url)
    await Datasets(database, Seal(SECRET.encode()), time.time).add(DATASET, "another-good-token")
    await database.aclose()


def _seconds_of_ten(ships, prefix: str) -> list[float]:
    """Append ten events to the small dataset while workers run; how long each took until it was delivered."""
    events = [waiting(SMALL, f"{prefix}:{number}") for number in range(10)]
    asyncio.run(_append(ships.database, events))
    query = (
        "SELECT max(a.ended_at - e.accepted_at) FROM events e JOIN queue q USING (id)"
        " JOIN attempts a ON a.id = split_part(q.attempts, ',', 1)::bigint"
        f" WHERE e.event_id LIKE '{prefix}:%' AND q.state = 'delivered' GROUP BY e.id"
    )
    return until(
        lambda: len(found := ships.ask(query)) == 10 and [seconds for (seconds,) in found], "ten are delivered", 60
    )


def test_two_workers_share_a_backlog_and_ten_events_of_another_dataset_do_not_wait_for_it(tmp_path):
    with fleet(tmp_path, KONVERSI_ENV="production") as ships:
        asyncio.run(_add_dataset(ships.database))
        idle = ships.start("idle", KONVERSI_ONLY="delivery")
        asyncio.run(_append(ships.database, [waiting(SMALL, "warm:0")]))
        until(ships.is_idle, "the way is known", 40)
        slow_meta(ships.meta, 0.3)  # as it is from most of the world
        alone = max(_seconds_of_ten(ships, "alone"))
        idle.end(signal.SIGTERM)

        asyncio.run(_append(ships.database, [waiting(LARGE, f"large:{number}") for number in range(BACKLOG)]))
        began = time.monotonic()
        workers = [ships.member(f"worker-{number}", KONVERSI_ONLY="delivery") for number in (1, 2)]
        for worker in workers:
            worker.start(wait=False)
        until(lambda: sum(worker.sent() for worker in workers) > 2, "the backlog is under way", 60)
        beside = max(_seconds_of_ten(ships, "beside"))
        left = ships.ask(f"SELECT count(*) FROM queue WHERE state = 'waiting' AND lane = '{LARGE}'")[0][0]
        until(ships.is_idle, "the backlog is gone", 60 + BACKLOG / 500)
        took = time.monotonic() - began
        shares = [worker.sent() for worker in workers]
        in_doubt, states, faults = ships.in_doubt(), ships.states(), ships.faults()

    print(
        f"{BACKLOG} in {took:.1f} s, requests by worker {shares}; ten of another dataset: {alone:.2f} s alone, "
        f"{beside:.2f} s beside ({left} were left then)"
    )
    arrived = Arrivals.of(tmp_path / "ledger.jsonl")
    assert len(arrived.times) == BACKLOG + 21
    assert arrived.again == 0
    assert in_doubt == {}
    assert states == {"delivered": BACKLOG + 21}
    assert min(shares) > 0
    assert left > 0
    assert beside < alone + 3
    assert faults == ""
