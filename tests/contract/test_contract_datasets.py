"""The datasets in a database: kept, encrypted, and as they were after a restart."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from konversi.database.opening import open_database
from konversi.database.sealed import Seal
from konversi.datasets.store import Datasets
from konversi.errors import SealBroken
from konversi.settings import DEFAULT_DATASET
from outboxes import kept_in

SECRET = b"k" * 32
TOKEN, NEWER, APP_SECRET = "EAAfirstTokenNeverShown", "EAAnewerTokenNeverShown", "app-secret-never-shown"
SPA, STUDIO = "1000000003", "1000000002"
WABA, NUMBER = "2000000001", "110022003300"


@pytest.fixture
def opened(url):
    @asynccontextmanager
    async def opening(secret=SECRET, default_id=None):
        database = await open_database(url)
        try:
            datasets = Datasets(database, Seal(secret), lambda: 1_700_000_000.0, default_id=default_id)
            await datasets.load()
            yield datasets
        finally:
            await database.aclose()

    return opening


async def test_a_dataset_is_as_it_was_after_a_restart(opened):
    async with opened() as datasets:
        added = await datasets.add(SPA, TOKEN, name="Spa", app_secret=APP_SECRET, on_in_doubt="hold")
        assert datasets.registry.datasets[SPA] == added
    async with opened() as datasets:
        assert datasets.registry.datasets[SPA] == added
        assert (added.token, added.app_secret, added.name, added.on_in_doubt) == (TOKEN, APP_SECRET, "Spa", "hold")
        assert added.added_at == 1_700_000_000.0


async def test_no_secret_is_in_the_databases_bytes(opened, url):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN, name="Spa named", app_secret=APP_SECRET)
        while_open = kept_in(url)
    for kept in (while_open, kept_in(url)):
        assert b"Spa named" in kept
        assert TOKEN.encode() not in kept
        assert APP_SECRET.encode() not in kept


async def test_adding_again_replaces_the_token_and_keeps_the_rest(opened):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN, name="Spa", app_secret=APP_SECRET, on_in_doubt="hold")
        await datasets.link("whatsapp", WABA, SPA)
        await datasets.checked(SPA, "Invalid access token.")
        again = await datasets.add(SPA, NEWER)
        assert (again.token, again.app_secret, again.name, again.on_in_doubt) == (NEWER, APP_SECRET, "Spa", "hold")
        assert (again.fault, again.checked_at) == (None, None)
        assert datasets.registry.dataset_of("whatsapp", WABA) == SPA
        assert len(datasets.registry.datasets) == 1


async def test_what_a_check_found_is_kept(opened):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN)
        await datasets.checked(SPA, "Pixel not found.")
    async with opened() as datasets:
        assert datasets.registry.datasets[SPA].fault == "Pixel not found."
        assert datasets.registry.datasets[SPA].checked_at == 1_700_000_000.0
        await datasets.checked(SPA, None)
        assert datasets.registry.datasets[SPA].fault is None
        await datasets.checked("1000000009", None)
        assert list(datasets.registry.datasets) == [SPA]


async def test_an_account_and_its_numbers_are_linked_and_move_to_another_dataset(opened):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN)
        await datasets.add(STUDIO, NEWER)
        await datasets.link("whatsapp", WABA, SPA, [NUMBER, "+6281234567890"])
        assert datasets.registry.dataset_of("whatsapp", None, NUMBER) == SPA
        await datasets.link("whatsapp", WABA, STUDIO)
    async with opened() as datasets:
        assert datasets.registry.dataset_of("whatsapp", None, NUMBER) == STUDIO
        assert datasets.registry.account_of("+6281234567890") == WABA
        await datasets.link("whatsapp", "2000000002", SPA, [NUMBER])
        assert datasets.registry.dataset_of("whatsapp", None, NUMBER) == SPA


async def test_a_removed_dataset_leaves_nothing(opened):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN)
        await datasets.add(STUDIO, NEWER)
        await datasets.link("whatsapp", WABA, SPA, [NUMBER])
        await datasets.link("whatsapp", "2000000002", STUDIO, ["+6281234567890"])
        await datasets.remove(SPA)
        registry = datasets.registry
        assert list(registry.datasets) == [STUDIO]
        assert list(registry.accounts.values()) == [STUDIO]
        assert dict(registry.lines) == {"+6281234567890": "2000000002"}


async def test_snapshots_follow_each_other_as_the_changes_did(opened):
    async with opened() as datasets:
        before = datasets.registry
        await asyncio.gather(*(datasets.add(str(1_000_000_000 + number), TOKEN) for number in range(30)))
        assert len(datasets.registry.datasets) == 30
        assert not before.datasets


async def test_another_secret_leaves_the_dataset_without_a_token_and_says_why(opened, caplog):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN)
    async with opened(secret=b"z" * 32) as datasets:
        found = datasets.registry.datasets[SPA]
        assert found.token is None
        assert SealBroken.remedy() in found.fault
        mended = await datasets.add(SPA, NEWER)
        assert (mended.token, mended.fault) == (NEWER, None)
    assert TOKEN not in caplog.text


async def test_one_rows_token_does_not_pass_for_anothers(opened):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN)
        await datasets.add(STUDIO, NEWER)
        await datasets._database.write(
            lambda connection: connection.exec_driver_sql(
                "UPDATE datasets SET token = (SELECT token FROM datasets WHERE id = '1000000003')"
            )
        )
        await datasets.load()
        assert datasets.registry.datasets[SPA].token == TOKEN
        assert datasets.registry.datasets[STUDIO].token is None


async def test_the_dataset_of_the_settings_goes_by_its_name_inside(opened):
    async with opened(default_id=SPA) as datasets:
        await datasets.link("whatsapp", WABA, SPA)
        assert datasets.registry.dataset_of("whatsapp", WABA) == DEFAULT_DATASET


async def test_when_a_token_expires_is_kept_until_there_is_another_token(opened):
    async with opened() as datasets:
        await datasets.add(SPA, TOKEN)
        await datasets.expires(SPA, 1_800_000_000.0)
        await datasets.expires("1000000009", None)
    async with opened() as datasets:
        kept = datasets.registry.expiries
        assert kept[SPA] == (1_800_000_000.0, 1_700_000_000.0)
        assert kept["1000000009"].at is None, "one that only the settings know, and that does not expire"
        await datasets.add(SPA, NEWER)
        assert SPA not in datasets.registry.expiries
        await datasets.expires(SPA, 1_900_000_000.0)
        await datasets.remove(SPA)
        assert SPA not in datasets.registry.expiries
