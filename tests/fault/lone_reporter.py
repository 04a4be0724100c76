"""Processes that report events one by one into an SQLite file, each ended at some moment by a signal it can't see.

`lone_reporter.py DATABASE PROCESSES SEED`; prints the event id and the receipt's number of whatever was acknowledged.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from konversi.outbox.port import Search
from konversi.outbox.store import open_outbox
from outboxes import claim_all, ended, new_event

LONGEST = 0.12  # seconds


async def report(url: str, place: int, chance: random.Random) -> None:
    outbox = await open_outbox(url)
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0, LONGEST))
    for number in itertools.count():
        events = [new_event(f"Lead:{place}-{number}")]
        if chance.random() < 0.1:
            events += [new_event(f"Lead:{place}-{number}-{more}") for more in range(3)]
        for event, told in zip(events, await outbox.append(events), strict=True):
            os.write(1, f"{event.event_id} {told.id}\n".encode())
        match chance.randrange(8):
            case 0:
                batch = await claim_all(outbox)
                if batch is not None and chance.random() < 0.7:
                    await outbox.settle(batch, ended())
            case 1:
                await outbox.search(Search())
            case 2:
                await asyncio.sleep(0)  # the loop has its turn, and who comes next goes with it
            case 3:
                outbox.append_at_once([new_event(f"Lead:{place}-{number}-again")])


url, processes, seed = f"sqlite:///{sys.argv[1]}", int(sys.argv[2]), sys.argv[3]
for place in range(processes):
    child = os.fork()
    if child == 0:
        asyncio.run(report(url, place, random.Random(f"{seed} {place}")))
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGALRM, status
