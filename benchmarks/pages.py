"""What each page asks of the database beside a long history, a large backlog and much trouble: milliseconds of
processor time in SQLite.

python benchmarks/pages.py [--keep FOLDER]

Each page is asked for as a browser does. Ten million events take six minutes and 10 GB to make; with --keep they are
made once.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2

from filling import Size, fill
from konversi.alerts import facts
from konversi.dashboard import pages
from konversi.intake.http.app import application
from konversi.settings import load
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from konversi.database.port import Database
    from konversi.intake.gateway import Gateway

_LOOKS = 15
_SIZES = {
    "10,000 delivered": Size(),
    "a million delivered": Size(1_000_000),
    "ten million delivered": Size(10_000_000),
    "a million waiting": Size(waiting=1_000_000),
    "ten million waiting": Size(waiting=10_000_000),
    "a million dead": Size(dead=1_000_000),
}
_PAGES = {
    "overview": "/overview.json?period=28d",
    "AI metrics": "/ai.json?period=28d",
    "events": "/events.json",
    "... by state": "/events.json?state={state}",
    "... that wait": "/events.json?state=waiting",
    "... that wait, by reason": "/events.json?state=waiting&reason={reason}",
    "... being sent": "/events.json?state=sending",
    "... by dataset": "/events.json?dataset=ds7",
    "... by a dataset that there isn't": "/events.json?dataset=none",
    "... by a name that there isn't": "/events.json?event=None",
    "... in doubt": "/events.json?doubt=1",
    "... that took long": "/events.json?slower=1e9",
    "... of the last 7 days": "/events.json?range=7d",
    "... by reason": "/events.json?reason={reason}",
    "... by event id": "/events.json?q=Lead:10004000",
    "... by fbtrace id": "/events.json?q=trace50",
    "an event": "/events/rc_000000004000.json",
    "journeys": "/journeys.json",
    "... by ad": "/journeys.json?ad=ad7",
    "... by ad and stage": "/journeys.json?ad=ad7&stage=paid",
    "... by stage": "/journeys.json?stage=paid",
    "... by click": "/journeys.json?click=no_click_id",
    "... by tool and error": "/journeys.json?tool=create_booking&error=SlotTaken",
    "... unfounded": "/journeys.json?case=unfounded",
    "a journey": "/journeys/jn_000000001000.json",
    "quality": "/quality.json?period=28d",
    "return": "/return.json?period=28d&by=ad",
    "needs attention": "/attention.json",
    "datasets and keys": "/datasets.json",
    "system": "/system.json",
    "/metrics": "/metrics",
    "/v1/status": "/v1/status",
}


class _Stopwatch:
    """How long the jobs of a database took: processor time of their threads, since others are busy on the machine."""

    def __init__(self, database: Database) -> None:
        self.seconds = 0.0
        for name in ("read", "write", "look_up"):
            setattr(database, name, self._timed(getattr(database, name)))

    def _timed(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def timed(job: Callable[..., Any], **given: Any) -> Any:
            def measured(connection: Any) -> Any:
                began = time.thread_time()
                try:
                    return job(connection)
                finally:
                    self.seconds += time.thread_time() - began

            return await work(measured, **given)

        return timed


async def _costs(path: Path) -> dict[str, float]:
    """Milliseconds of the quickest look at each page."""
    settings = load(database_url=f"sqlite:///{path}", data_dir=path.parent, pixel_id=None, token=None)
    gateways: list[Gateway] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[Gateway]:
        async with open_gateway(settings) as gateway:
            gateways.append(gateway)
            yield gateway

    app = application(opened, None, pages=pages())
    inner: Any = app._inner  # noqa: SLF001 - a transport runs no lifespan
    async with inner.router.lifespan_context(inner):
        (gateway,) = gateways
        database = gateway.tail._database  # noqa: SLF001 - all stores share it
        watch = _Stopwatch(database)
        transport = httpx2.ASGITransport(app, client=("127.0.0.1", 1))
        found = {}
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=120) as client:
            for name, address in _PAGES.items():
                found[name] = await _least(watch, partial(_get, client, address))
        found["the alerts' look"] = await _least(
            watch, lambda: database.read(lambda connection: facts.read(connection, [], time.time(), str))
        )
        found["looking for what is too old"] = await _least(watch, lambda: gateway.outbox.expire(0))
        return found


async def _get(client: httpx2.AsyncClient, address: str) -> None:
    reason = quote("Meta refused it: 3")
    answer = await client.get(address.format(state="dead", reason=reason))
    assert answer.status_code in (200, 404), (address, answer.text)


async def _least(watch: _Stopwatch, look: Callable[[], Awaitable[object]]) -> float:
    await look()  # what is on the disk only comes to memory
    times: list[float] = []
    for _ in range(_LOOKS):
        watch.seconds = 0.0
        await look()
        times.append(watch.seconds)
        if sum(times) > 2 and len(times) > 2:
            break
    return min(times) * 1_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", nargs="*", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        costs = {}
        for number, (what, size) in enumerate(_SIZES.items()):
            if given.only and number not in given.only:
                continue
            path = place / f"{'-'.join(map(str, size))}.db"
            if not path.exists():
                fill(path, size, time.time())
            costs[what] = asyncio.run(_costs(path))
            print(what, {name: round(cost, 1) for name, cost in costs[what].items()}, flush=True)
            if not given.keep:
                path.unlink()
    print(f"{'':<36}" + "".join(f"{what:>23}" for what in costs))
    for name in next(iter(costs.values())):
        print(f"{name:<36}" + "".join(f"{cost[name]:>23.1f}" for cost in costs.values()))


if __name__ == "__main__":
    main()
