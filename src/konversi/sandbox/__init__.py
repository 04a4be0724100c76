"""A local Meta: it applies the Conversions API's rules, answers with its real error bodies, and fails on demand.

```python
from konversi.sandbox import Sandbox

with Sandbox() as meta:
    meta.fault("rate_limit", requests=2)
    ...  # send to meta.graph_url
    assert meta.events(event_id="Lead:BK-1001")
```

It shares no rule with the gateway: a mistake there must not confirm itself here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from konversi.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    """Fetch the server when it is first asked for, so that the test plugin stays cheap."""
    if name != "Sandbox":
        raise AttributeError(f"module 'konversi.sandbox' has no attribute {name!r}")
    from konversi.sandbox.sandbox import Sandbox  # noqa: PLC0415

    return Sandbox
