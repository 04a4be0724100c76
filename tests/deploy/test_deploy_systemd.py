"""The service files of systemd: hardened, and in step with how the gateway starts and stops."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from konversi.cli import processes, serving
from konversi.wiring import running

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))
ONE, PART = UNITS
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def settings(unit):
    """Each setting of a unit, with its values in their order."""
    found = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        name, is_one, value = line.partition("=")
        if is_one and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def installed(unit, folder):
    """The unit under a name of its instance, with a command that this machine has."""
    konversi = folder / "konversi"
    konversi.symlink_to(sys.executable)
    copy = folder / unit.name.replace("@", "@intake")
    text = unit.read_text(encoding="utf-8")
    assert "/opt/konversi/bin/konversi " in text
    copy.write_text(text.replace("/opt/konversi/bin/konversi", str(konversi)), encoding="utf-8")
    return copy


def asked(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


def test_there_is_a_unit_for_all_and_one_for_a_part():
    assert [unit.name for unit in UNITS] == ["konversi.service", "konversi@.service"]
    assert settings(ONE)["ExecStart"] == ["/opt/konversi/bin/konversi serve"]
    assert settings(PART)["ExecStart"] == ["/opt/konversi/bin/konversi serve --only %i"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_can_not_start_is_not_started_again(unit):
    assert settings(unit)["RestartPreventExitStatus"] == [str(serving.STARTED_BADLY)]
    assert settings(unit)["Restart"] == ["always"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_there_is_time_to_stop_before_a_kill(unit):
    (seconds,) = settings(unit)["TimeoutStopSec"]
    assert int(seconds) > serving._GRACE_SECONDS + running._STOP_SECONDS
    assert int(seconds) > processes._STOP_SECONDS


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_secret_stands_in_a_unit(unit):
    variables = {name for line in settings(unit)["Environment"] for name in re.findall(r"(\w+)=", line)}
    assert variables == {"KONVERSI_DATA_DIR", "KONVERSI_LOG_STYLE", "PYTHONDONTWRITEBYTECODE"}


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit, tmp_path):
    found = asked("verify", "--man=no", "--recursive-errors=no", str(installed(unit, tmp_path)))
    ours = [line for line in found.stderr.splitlines() if "konversi" in line]
    assert (found.returncode, ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_broken_in_gateway_could_do_little(unit, tmp_path):
    found = asked("security", "--offline=true", "--threshold=25", str(installed(unit, tmp_path)))
    assert found.returncode == 0, found.stdout[-500:]
