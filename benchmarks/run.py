"""The benchmarks: every figure beside a reference that was measured in the same run, since machines differ and are noisy.

`make bench`, or `python benchmarks/run.py [single|bulk|today|matching|track|backlog|webhook|...] ... [--rounds N] [--seconds N]`
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import chat
import growth
import imports
import in_process
import payments
import postgres
from processes import bare, gateway, got, receiver, today, wrk

if TYPE_CHECKING:
    from collections.abc import Callable

_DRAIN_SECONDS = 60
_WARM_UP_SECONDS = 2  # the second process starts with the first long list, or the first moment in which many call


def _line(name: str, *values: str) -> None:
    print(f"{name:<58}" + "  ".join(f"{value:>14}" for value in values), flush=True)


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _delivered(url: str) -> int:
    events: int = got(f"{url}/count")["events"]
    return events


def _drained(url: str, expected: int) -> float:
    """Seconds until the receiver has them all."""
    began = time.monotonic()
    while _delivered(url) < expected and time.monotonic() - began < _DRAIN_SECONDS:
        time.sleep(0.02)
    return time.monotonic() - began


def _against_bare(script: str, per_request: int, connections: int, rounds: int, seconds: int) -> None:
    ratios, sent_ratios, tails, backlogs, rates, bares = [], [], [], [], [], []
    before_this = 0  # events that the receiver has from the rounds before
    with bare() as reference, receiver() as meta:
        for number in range(rounds):
            base = wrk(reference, "single.lua", seed=1, seconds=seconds)
            with gateway(meta) as konversi:
                wrk(konversi, script, seed=1_000 + number, seconds=_WARM_UP_SECONDS, connections=connections)
                _drained(meta, before_this + got(f"{konversi}/v1/status")["accepted_ever"])
                before, began = _delivered(meta), time.monotonic()
                load = wrk(konversi, script, seed=2 + number, seconds=seconds, connections=connections)
                took = time.monotonic() - began
                delivered = _delivered(meta) - before
                accepted = got(f"{konversi}/v1/status")["accepted_ever"]
                before_this += accepted
                backlog = _drained(meta, before_this)
            assert load.failed == 0
            bares.append(base.per_second)
            rates.append(load.per_second * per_request)
            ratios.append(load.per_second * per_request / base.per_second)
            sent_ratios.append(delivered / took / base.per_second)
            tails.append(load.p99 / base.p99)
            backlogs.append(backlog)
    _line("bare, events/s", f"{_median(bares):,.0f}")
    _line("Konversi accepted, events/s", f"{_median(rates):,.0f}")
    _line("accepted, x bare", f"{_median(ratios):.2f}")
    _line("delivered while accepting, x bare", f"{_median(sent_ratios):.2f}")
    _line("seconds until the rest was delivered", f"{_median(backlogs):.2f}")
    _line("p99, x bare's", f"{_median(tails):.1f}")


def single(rounds: int, seconds: int) -> None:
    """Single events, 64 connections, durable before 202, delivered in the same run."""
    _against_bare("single.lua", 1, 64, rounds, seconds)


def bulk(rounds: int, seconds: int) -> None:
    """1,000 events a request, 8 connections; bare's events/s are its single ones."""
    _against_bare("bulk.lua", 1_000, 8, rounds, seconds)


def against_today(rounds: int, seconds: int) -> None:
    """Single events against FastAPI and Meta's SDK sending inside the request, at 0 and 100 ms."""
    for distance in (0.0, 0.1):
        ratios = []
        for number in range(rounds):
            with receiver(distance) as meta, today(meta) as reference:
                wrk(reference, "single.lua", seed=1_000, seconds=_WARM_UP_SECONDS)
                base = wrk(reference, "single.lua", seed=1, seconds=seconds)
            with receiver(distance) as meta, gateway(meta) as konversi:
                wrk(konversi, "single.lua", seed=1_000 + number, seconds=_WARM_UP_SECONDS)
                load = wrk(konversi, "single.lua", seed=2 + number, seconds=seconds)
            ratios.append(load.per_second / base.per_second)
            assert load.failed == base.failed == 0
        _line(
            f"accepted, x today, receiver {distance * 1000:.0f} ms away",
            f"{_median(ratios):.1f}",
            f"{base.per_second:,.0f}/s today",
        )


BENCHMARKS: dict[str, Callable[[int, int], None]] = {
    "single": single,
    "bulk": bulk,
    "today": against_today,
    "matching": in_process.matching,
    "track": in_process.track,
    "backlog": in_process.backlog,
    "webhook": chat.webhook,
    "payments": payments.payments,
    "attribution": chat.attribution,
    "hook": chat.hook,
    "shared": postgres.shared,
    "intakes": postgres.intakes,
    "drain": postgres.drain,
    "growth": growth.growth,
    "imports": imports.imports,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="which; all where none is given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    given = parser.parse_args()
    for name in given.names or BENCHMARKS:
        print(f"\n{name}: {BENCHMARKS[name].__doc__}", flush=True)
        BENCHMARKS[name](given.rounds, given.seconds)


if __name__ == "__main__":
    main()
