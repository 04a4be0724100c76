"""The pytest fixture `meta_sandbox`: a local Meta for one test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from konversi.sandbox import Sandbox


@pytest.fixture
def meta_sandbox() -> Iterator[Sandbox]:
    """A local Meta: send to `meta_sandbox.graph_url`, then look at `meta_sandbox.events()`."""
    from konversi.sandbox import Sandbox  # noqa: PLC0415 - only tests that use it pay for the server

    with Sandbox() as meta:
        yield meta
