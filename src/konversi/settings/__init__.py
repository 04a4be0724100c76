"""Every setting, from the environment, then `.env.local`, then `.env`. Secrets can also come from a file (`*_FILE`)."""

from konversi.settings.here import LOOPBACK, on_this_machine
from konversi.settings.loading import load, secret_files, variable, world_readable
from konversi.settings.whole import DEFAULT_DATASET, Settings

__all__ = [
    "DEFAULT_DATASET",
    "LOOPBACK",
    "Settings",
    "load",
    "on_this_machine",
    "secret_files",
    "variable",
    "world_readable",
]
