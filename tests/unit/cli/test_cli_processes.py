"""The parent of several processes, with children that do as they are told."""

import sys
import threading

import pytest

from konversi.cli import processes, serving
from konversi.cli.serving import STARTED_BADLY
from konversi.errors import InvalidSettings
from konversi.settings import load


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(processes, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(processes, "_RESTS", (0.01,))
    monkeypatch.setattr(processes.signal, "signal", lambda *_: None)
    return load(port=0, database_url="postgresql://nowhere.invalid/x")


def child(monkeypatch, script):
    """What each child does instead of serving."""
    monkeypatch.setattr(
        processes._Parent, "_start", lambda _self, _place: processes.subprocess.Popen([sys.executable, "-c", script])
    )


def test_a_child_that_can_not_start_as_it_is_set_up_ends_them_all(settings, monkeypatch, tmp_path):
    script = (
        "import os, sys, time, pathlib\n"
        "mine = pathlib.Path('first')\n"
        "try:\n    mine.touch(exist_ok=False)\n"
        f"except FileExistsError:\n    sys.exit({STARTED_BADLY})\n"
        "pathlib.Path('pid').write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    child(monkeypatch, script)
    assert processes.serve_in(2, settings) == STARTED_BADLY
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            processes.os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_child_that_fails_otherwise_is_replaced_again_and_again(settings, monkeypatch, tmp_path):
    script = (
        "import os, sys, pathlib\n"
        "pathlib.Path(f'child-{os.getpid()}').touch()\n"
        f"sys.exit({STARTED_BADLY} if len(list(pathlib.Path().glob('child-*'))) > 5 else 1)\n"
    )
    child(monkeypatch, script)
    assert processes.serve_in(2, settings) == STARTED_BADLY
    assert len(list(tmp_path.glob("child-*"))) > 5


def test_a_parent_that_is_told_to_stop_ends_its_children_and_kills_those_that_do_not(settings, monkeypatch):
    monkeypatch.setattr(processes, "_STOP_SECONDS", 0.3)
    child(monkeypatch, "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    with serving.listening(settings) as listener:
        parent = processes._Parent(settings, listener, 2)
        watching = threading.Thread(target=parent.watch)
        watching.start()
        while any(place.child is None for place in parent._places):
            watching.join(0.01)
        children = [place.child for place in parent._places]
        parent._told_to_stop(15, None)
        watching.join(10)
    assert not watching.is_alive()
    assert all(one.returncode is not None and one.returncode < 0 for one in children)


def test_several_processes_on_sqlite_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSettings, match="SQLite"):
        processes.serve_in(2, load())
