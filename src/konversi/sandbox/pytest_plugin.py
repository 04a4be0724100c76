"""The fixture `meta_sandbox`: a local Meta for one test.

```python
def test_a_booking_is_reported(meta_sandbox):
    send_a_booking(graph_url=meta_sandbox.graph_url)
    assert meta_sandbox.counts()["events"] == 1
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from konversi.sandbox.threaded import Sandbox


@pytest.fixture
def meta_sandbox() -> Iterator[Sandbox]:
    """A local Meta that applies Meta's rules: any dataset of 5 to 20 digits exists, any token of 8 characters works."""
    from konversi.sandbox.threaded import Sandbox  # noqa: PLC0415 - this module is loaded in every run of pytest

    with Sandbox() as sandbox:
        yield sandbox
