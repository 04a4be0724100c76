"""How often somebody may try to log in: a table of limits, and what follows from what was tried. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import NamedTuple

WINDOW = 900.0  # seconds
MOST_KEPT = 10_000  # names and addresses that are counted at once


class Limit(NamedTuple):
    """So many tries in a window."""

    what: str
    most: int


class Tried(NamedTuple):
    """What was tried since then (Unix seconds)."""

    since: float
    tries: int


def limits(name: str, address: str) -> tuple[Limit, ...]:
    """What is counted of a try, and how often it may be.

    One address can't lock a name out for everybody: its own limit is reached long before that of the name, which is
    for guesses from many addresses.
    """
    net = network(address)
    return (
        Limit(_hash("both", name, net), 5),
        Limit(_hash("address", net), 30),
        Limit(_hash("name", name), 60),
    )


def after(tried: Tried | None, limit: Limit, now: float) -> tuple[Tried, float]:
    """What is counted after one more try, and the seconds for which it has to wait: 0 where it may be made."""
    if tried is None or tried.since + WINDOW <= now or tried.since > now:
        return Tried(now, 1), 0.0
    if tried.tries >= limit.most:
        return tried, tried.since + WINDOW - now
    return Tried(tried.since, tried.tries + 1), 0.0


def network(address: str) -> str:
    """The address; of IPv6 the /64, which is one subscriber's."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(given, ipaddress.IPv4Address):
        return str(given)
    if given.ipv4_mapped is not None:
        return str(given.ipv4_mapped)
    return str(ipaddress.ip_network((given, 64), strict=False))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
