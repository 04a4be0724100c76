"""The words that people write in tables: names of columns and of months (`words.toml`)."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

WORDS: dict[str, dict[str, Any]] = tomllib.loads(files("konversi.imports").joinpath("words.toml").read_text("utf-8"))
