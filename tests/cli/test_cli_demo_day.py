"""The made-up day of `konversi demo --data`."""

import asyncio

from konversi.cli.demo_day import fill
from konversi.outbox.port import Search
from konversi.outbox.store import open_outbox
from konversi.settings import Settings


def day(folder, seed):
    settings = Settings(data_dir=folder, database_url=None, secret=None, pixel_id="1234567890")

    async def told():
        number = await fill(settings, until=1_795_500_000.0, seed=seed, chats=20)
        outbox = await open_outbox(settings.database)
        found = await outbox.search(Search(limit=500))
        await outbox.aclose()
        assert len(found) == number
        return sorted((one.event_name, one.booking_id, one.accepted_at) for one in found)

    return asyncio.run(told())


def test_the_same_seed_gives_the_same_day(tmp_path):
    assert day(tmp_path / "one", 7) == day(tmp_path / "two", 7) != day(tmp_path / "three", 8)
