"""With which status the server ends: a service manager starts it again, except after 78."""

import asyncio

import pytest

from konversi.cli.serving import STARTED_BADLY, _serve
from konversi.settings import load

NOWHERE = "postgresql://k@127.0.0.1:9/k"


@pytest.fixture(autouse=True)
def _alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"database_url": NOWHERE}, 1),  # a server comes back
        ({"database_url": "sqlite:////dev/null/konversi.db"}, STARTED_BADLY),
        ({"only": "intake"}, STARTED_BADLY),
    ],
)
def test_what_a_person_has_to_mend_is_not_tried_again(given, status, tmp_path):
    settings = load(**{"port": 0, "data_dir": tmp_path, "pixel_id": "1234567890", "token": "a-token", **given})
    assert asyncio.run(_serve(settings, None)) == status
