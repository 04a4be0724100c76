"""Konversi: the self-hosted conversion gateway for chat commerce.

```python
from konversi import Customer, Konversi, Lead

async with Konversi() as k:
    await k.track(Lead(booking_id="BK-1001", customer=Customer(phone="0812-3456-7890"), value=150000))
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi._version import __version__

if TYPE_CHECKING:
    from konversi.agents.conversation import conversation
    from konversi.agents.on_success import on_success
    from konversi.client import Konversi, SyncKonversi
    from konversi.events.conversion import (
        Click,
        Client,
        Conversion,
        Customer,
        InitiateCheckout,
        Lead,
        Purchase,
        Service,
    )
    from konversi.intake.receipts import Receipt

__all__ = [
    "Click",
    "Client",
    "Conversion",
    "Customer",
    "InitiateCheckout",
    "Konversi",
    "Lead",
    "Purchase",
    "Receipt",
    "Service",
    "SyncKonversi",
    "__version__",
    "conversation",
    "on_success",
]

_HOMES = {
    "Konversi": "konversi.client",
    "Receipt": "konversi.intake.receipts",
    "SyncKonversi": "konversi.client",
    "conversation": "konversi.agents.conversation",
    "on_success": "konversi.agents.on_success",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name when it is first asked for, so that `import konversi` and the test plugin stay cheap."""
    if name not in __all__:
        raise AttributeError(f"module 'konversi' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOMES.get(name, "konversi.events.conversion")), name)
