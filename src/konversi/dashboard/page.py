"""What a page is before it is written: its data, and the template that shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Page:
    """`data` is the page's JSON twin as it stands; `title` is in English, as the catalogue has it."""

    template: str
    title: str
    data: dict[str, Any]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moved:
    """Where to look next, after something was done."""

    to: str
    cookies: dict[str, str] = field(default_factory=dict)  # kept for a year
    headers: dict[str, str] = field(default_factory=dict)
