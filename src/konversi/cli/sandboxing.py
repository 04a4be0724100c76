"""`konversi sandbox`: the local Meta."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def run(host: str, port: int, ledger: Path | None, datasets: Sequence[str] = ()) -> int:
    """Serve until told to stop."""
    from konversi.sandbox.server import run as run_sandbox  # noqa: PLC0415 - needed by this command only

    return run_sandbox(host=host, port=port, ledger=ledger, datasets=datasets)
