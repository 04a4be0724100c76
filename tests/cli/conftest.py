"""Commands start quickly here."""

import pytest

from commands import Commands


@pytest.fixture(scope="session")
def commands():
    """What `python -m konversi` would do, without its start: see `commands.py`."""
    commands = Commands()
    yield commands
    commands.close()
