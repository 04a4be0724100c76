"""A local Meta that applies Meta's rules and answers as Meta does, with faults on demand.

It shares no code with the gateway: a rule that the gateway misread is not misread here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from konversi.sandbox.threaded import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    """Load the server when it is first asked for: every run of pytest imports this package for its fixture."""
    if name != "Sandbox":
        raise AttributeError(f"module 'konversi.sandbox' has no attribute {name!r}")
    from konversi.sandbox.threaded import Sandbox  # noqa: PLC0415

    return Sandbox
