"""The folder for Vercel: what its files say, and that its entry is an application."""

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from konversi.intake.http.apart import Apart
from konversi.intake.http.app import application
from konversi.settings.serverless import SERVERLESS_SECRET, ServerlessSettings

ROOT = Path(__file__).parents[2]
VERCEL = ROOT / "deploy" / "vercel"
CONFIG = json.loads((VERCEL / "vercel.json").read_text(encoding="utf-8"))


def test_the_entry_is_the_application():
    assert isinstance(runpy.run_path(str(VERCEL / "api" / "index.py"))["app"], Apart)


def test_every_address_leads_to_the_entry():
    (rule,) = CONFIG["rewrites"]
    assert rule == {"source": "/(.*)", "destination": "/api/index"}
    assert list(CONFIG["functions"]) == ["api/index.py"]


def test_the_scheduler_calls_a_door_that_is_there():
    (cron,) = CONFIG["crons"]
    assert cron["path"] in application(lambda: None, None)._inner.openapi()["paths"]
    assert len(cron["schedule"].split()) == 5
    assert SERVERLESS_SECRET == "CRON_SECRET"  # the name is Vercel's


def test_a_call_of_the_scheduler_ends_before_the_platform_ends_it():
    working = ServerlessSettings.model_fields["cron_seconds"].default
    assert working + 10 <= CONFIG["functions"]["api/index.py"]["maxDuration"]


def test_the_python_is_one_that_vercel_and_konversi_have():
    version = (VERCEL / ".python-version").read_text().strip()
    assert version in {"3.12", "3.13"}
    assert f'"Programming Language :: Python :: {version}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
def test_the_folder_that_is_deployed_is_complete(tmp_path):
    for part in ("deploy/vercel", "src/konversi"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "requirements/postgres.txt", tmp_path / "requirements")
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "vercel"], cwd=tmp_path, check=True, capture_output=True, timeout=60)

    made = tmp_path / "dist" / "vercel"
    names = {path.name for path in made.iterdir()}
    assert names == {"api", "konversi", "vercel.json", "requirements.txt", ".python-version"}
    assert (made / "konversi" / "serverless" / "__init__.py").is_file()
    pins = re.findall(r"^([\w.-]+)==", (made / "requirements.txt").read_text(), re.MULTILINE)
    assert {"psycopg", "psycopg-binary", "fastapi", "sqlalchemy"} <= set(pins)
