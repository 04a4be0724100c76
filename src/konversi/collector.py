"""Python's collector of cyclic garbage, in processes that serve for long."""

from __future__ import annotations

import gc

_RARE_COLLECTIONS = (50_000, 50, 100)


def settle() -> None:
    """What the start made stays for good: keep the collector from walking through it again and again.

    Full collections took 70 ms each, which was the slowest hundredth of all answers (`benchmarks/README.md`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_RARE_COLLECTIONS)
