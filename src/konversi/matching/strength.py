"""How well Meta can probably recognise a customer by a set of match keys: an estimate of ours, made before sending.

Meta publishes no formula. It gives a score (event match quality, 0 to 10) afterwards, for website events only; those
of chats that an ad opened are matched by the click id and have none. The weights below are ours. Their order follows
what Meta says of its customer information parameters (e-mail, phone and click id tell most; a name, a birth date or a
city narrow down; a gender or a country hardly do), their size is set so that the usual sets come out near the scores
that Meta shows for them. `docs/explanation/match-quality.md` says how, and how to read the result.

Each weight is the share of customers that Meta recognises by that key alone. Keys are taken to fail independently, so
that what all of them miss is the product of what each misses: a second key adds less than a first.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BY_CLICK = "business_messaging"  # the action source whose events are matched by the ad's click id
_WORTH_SAYING = 0.05  # points
_IN_BROWSERS = frozenset({"website", "app"})

WEIGHTS: Mapping[str, float] = {
    "em": 0.40,
    "ph": 0.35,
    "lead_id": 0.50,
    "fb_login_id": 0.40,
    "madid": 0.30,
    "fbc": 0.30,
    "fbp": 0.20,
    "external_id": 0.15,
    "client_ip_address": 0.12,
    "db": 0.10,
    "ln": 0.10,
    "fn": 0.08,
    "zp": 0.06,
    "client_user_agent": 0.06,
    "ct": 0.05,
    "anon_id": 0.05,
    "subscription_id": 0.05,
    "st": 0.03,
    "country": 0.02,
    "ge": 0.02,
}
CLICK_IDS = ("ctwa_clid", "page_scoped_user_id", "ig_sid")  # what a business-messaging event is matched by


class Addition(NamedTuple):
    """Something that a business can ask for or pass on, and the keys it becomes."""

    what: str  # in English, for people
    field: str  # where it goes
    keys: tuple[str, ...]
    only_in_browsers: bool = False


ADDITIONS = (
    Addition("the e-mail address", "customer.email", ("em",)),
    Addition("the phone number", "customer.phone", ("ph",)),
    Addition("the customer's name", "customer.name", ("fn", "ln")),
    Addition("your customer number", "customer.external_id", ("external_id",)),
    Addition("the birth date", "customer.birth_date", ("db",)),
    Addition("the postal code", "customer.postal_code", ("zp",)),
    Addition("the city", "customer.city", ("ct",)),
    Addition("the click cookie _fbc", "click.fbc", ("fbc",), only_in_browsers=True),
    Addition("the browser cookie _fbp", "click.fbp", ("fbp",), only_in_browsers=True),
    Addition("the customer's own IP address", "client.ip", ("client_ip_address",), only_in_browsers=True),
)


class Advice(NamedTuple):
    """The addition that would help most, and by how many points about."""

    add: Addition
    gain: float


class Estimate(NamedTuple):
    """0 to 10, and what to add; no score where Meta goes by the click id."""

    score: float | None
    advice: Advice | None


def telling_keys(user_data: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of Meta's `user_data` that count here, in order.

    A phone number that stands in for the customer number is one key: it tells nothing twice.
    """
    known = [key for key in (*WEIGHTS, *CLICK_IDS) if user_data.get(key)]
    if "external_id" in known and user_data.get("external_id") == user_data.get("ph", ())[:1]:
        known.remove("external_id")
    return tuple(sorted(known))


def told_by(user_data: Mapping[str, Any]) -> str:
    """The same with commas, remembered: there are few different sets, and each event asks."""
    return _told_by(tuple(user_data), user_data.get("external_id") == user_data.get("ph", ())[:1])


@lru_cache(maxsize=1_024)
def _told_by(names: tuple[str, ...], phone_is_the_id: bool) -> str:  # noqa: FBT001 - of the memory's key
    return ",".join(telling_keys(shape_of(names, phone_is_the_id=phone_is_the_id)))


def shape_of(names: Iterable[str], *, phone_is_the_id: bool) -> dict[str, Any]:
    """Customer information of that shape, without its values."""
    shape: dict[str, Any] = {name: [name] for name in names}
    if phone_is_the_id:
        shape["external_id"] = shape["ph"]
    return shape


def score(keys: Iterable[str]) -> float:
    """0 to 10 for a set of keys."""
    return 10 * (1 - prod(1 - WEIGHTS.get(key, 0.0) for key in set(keys)))


def estimate(sets: Mapping[tuple[str, ...], int], action_source: str) -> Estimate:
    """Of events by their keys: their mean score, and what would raise it most. Pass one set for one event."""
    events = sum(sets.values())
    if action_source == BY_CLICK or not events:
        return Estimate(None, None)
    mean = sum(score(keys) * number for keys, number in sets.items()) / events
    gains = [
        Advice(one, sum((score((*keys, *one.keys)) - score(keys)) * number for keys, number in sets.items()) / events)
        for one in ADDITIONS
        if action_source in _IN_BROWSERS or not one.only_in_browsers
    ]
    best = max(gains, key=lambda advice: advice.gain)
    return Estimate(round(mean, 1), best._replace(gain=round(best.gain, 1)) if best.gain >= _WORTH_SAYING else None)
