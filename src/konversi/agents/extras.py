"""Frameworks are optional: without one, its adapter says how to install it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from konversi.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a failing import into `MissingExtra` with the line that installs what is missing, or too old."""
    try:
        yield
    except ImportError as error:
        raise MissingExtra(f'pip install "konversi[{extra}]"') from error
