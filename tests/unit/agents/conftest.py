"""The adapters' tests have the fake tracker; the core they stand on is tested with the same one."""

import sys
from pathlib import Path

import pytest
import structlog

from konversi.agents import tracker as handing_over

sys.path.append(str(Path(__file__).parents[2] / "agents"))


@pytest.fixture
def told():
    from agent_cases import Told

    return Told()


@pytest.fixture
def logged(monkeypatch):
    captured = structlog.testing.LogCapture()
    capturing = structlog.wrap_logger(None, processors=[captured], wrapper_class=structlog.BoundLogger)
    monkeypatch.setattr(handing_over, "logger", lambda: capturing)
    return captured.entries
