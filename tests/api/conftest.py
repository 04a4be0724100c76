"""What the tests of the HTTP doors share."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import api_harness
import pytest
from api_harness import PIXEL, TOKEN, FakeMeta, Running, running
from api_postgres import Databases

from konversi.insight import tail
from konversi.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx2


@pytest.fixture(scope="module", autouse=True)
def bare_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of the machine and no `.env` of the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        for name in list(os.environ):
            if name.startswith(("META_", "KONVERSI_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="module", autouse=True)
def streams_are_short() -> Iterator[None]:
    """Whoever walks through all addresses comes to the end of a stream."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "_LONGEST", 0.05)
        yield


@pytest.fixture(autouse=True)
def every_line_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG, logger="konversi")


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings with credentials; `pixel_id=None` and the like take them away."""

    def make(**changed: Any) -> Settings:
        given = {"pixel_id": PIXEL, "token": TOKEN, "data_dir": tmp_path / "data", **changed}
        return load(**given)

    return make


@pytest.fixture
def meta() -> FakeMeta:
    return FakeMeta()


@pytest.fixture
def gateway(settings: Callable[..., Settings], meta: FakeMeta) -> Iterator[Running]:
    """A configured gateway in memory."""
    with running(settings(), meta=meta) as server:
        yield server


@pytest.fixture
def http(gateway: Running) -> Iterator[httpx2.Client]:
    with gateway.client() as client:
        yield client


@pytest.fixture(scope="module")
def on_postgres() -> Iterator[Databases]:
    """The gateways of the module keep everything in PostgreSQL, each folder's in a database of its own."""
    databases = Databases()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api_harness, "elsewhere", databases)
        yield databases
    databases.close()


@pytest.fixture
def emptied(on_postgres: Databases) -> Iterator[None]:
    """What a test has kept is gone after it."""
    before = on_postgres.folders()
    yield
    on_postgres.release(before)
