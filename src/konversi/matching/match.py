"""From what is known of a customer to the match keys that Meta gets: normalised, hashed, with a note on every doubt."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from konversi.events.faults import Note
from konversi.matching.clicks import IN_MILLISECONDS, fbc_of, fbclid, holds, in_seconds
from konversi.matching.country import country as country_rule
from konversi.matching.digest import NOTHING, digest, shared_digest
from konversi.matching.hashed import SHORTEST, already_hashed
from konversi.matching.keys import BY_CUSTOMER_FIELD, BY_META, FIELD_OF_META, Key
from konversi.matching.names import split
from konversi.matching.places import region_of
from konversi.matching.reading import Remark, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.events.conversion import Click, Client, Customer

Hashed: TypeAlias = "Mapping[str, Any] | None"

_FIRST, _LAST = BY_META["fn"], BY_META["ln"]
_REGION = BY_META["st"]
_OF_HOME = frozenset({"city", "country", "region"})
_AT_HOME = frozenset(BY_CUSTOMER_FIELD[field].meta for field in _OF_HOME)
_FBC, _FBP, _CTWA_CLID = BY_META["fbc"], BY_META["fbp"], BY_META["ctwa_clid"]
_IP, _USER_AGENT = BY_META["client_ip_address"], BY_META["client_user_agent"]
_FULL_NAME = "name"  # of the fields that are no match key, the one that becomes some
_DAY_MS = 86_400_000
_HASHED_NAME = Remark(
    None, "name_hashed", "A hashed full name can't be split, so it is left out. Hash first_name and last_name each."
)


class Match(NamedTuple):
    """What of a customer goes to Meta."""

    user_data: dict[str, Any]  # Meta's keys; hashed ones and external_id as lists of lower-case hexadecimal SHA-256
    notes: tuple[Note, ...]  # what was dropped or chosen; never the value


def match(
    customer: Customer,
    *,
    click: Click | None = None,
    client: Client | None = None,
    country: str | None,
    seen_ms: int,
    hashed: Hashed = None,
) -> Match:
    """Normalise and hash a customer. `hashed` are the match keys of one of whom they were made before: they stay.

    `country` is the ISO alpha-2 code in which national phone numbers are read; it is never sent as the customer's own.
    `seen_ms` (Unix milliseconds) is when the click is taken to have been, unless the click says so itself.
    """
    if hashed is None:
        user_data, notes, setting = _of_customer(customer.given(), country, seen_ms // _DAY_MS)
    else:
        user_data, notes, setting = _once_more(hashed), [], Setting(country, None, seen_ms // _DAY_MS)
    if click is not None:
        _take_click(click, seen_ms, setting, user_data, notes)
    if client is not None:
        _in_the_clear(_IP, client.ip, setting, user_data, notes)
        _in_the_clear(_USER_AGENT, client.user_agent, setting, user_data, notes)
    return Match(user_data, _different(notes) if notes else ())


def match_ids(given: Mapping[str, str], *, country: str | None, day: int) -> Match:
    """As `match`, for fields of a customer that are known to be well-formed texts: the ids that a platform tells.

    `day` is in whole days since 1970.
    """
    user_data, notes, _ = _of_customer(given, country, day)
    return Match(user_data, _different(notes) if notes else ())


def _different(notes: list[Note]) -> tuple[Note, ...]:
    """Each once."""
    return tuple(dict.fromkeys(notes))


def _of_customer(
    given: Mapping[str, Any], phone_country: str | None, day: int
) -> tuple[dict[str, Any], list[Note], Setting]:
    at_home, told, setting = _home(given.get("city"), given.get("region"), given.get("country"), phone_country, day)
    user_data, notes = at_home.copy(), [*told]
    for field, key in _in_order(frozenset(given)):
        value = given[field]
        if value is None:
            continue
        if key is None:
            _full_name(value, given, setting, user_data, notes)
        elif not key.hashed:
            _in_the_clear(key, str(value), setting, user_data, notes)
        elif isinstance(value, str):
            _in_hashes(key, value, setting, user_data, notes)
        else:
            for text in value:
                _in_hashes(key, text, setting, user_data, notes)
    _with_own_id(user_data)
    if told:
        notes.sort(key=_about)  # in the order of the fields, those of the home among them
    return user_data, notes, setting


def _once_more(hashed: Mapping[str, Any]) -> dict[str, Any]:
    user_data = {name: hashed[name] for name in _as_made(tuple(hashed))}
    _with_own_id(user_data)
    return user_data


def _with_own_id(user_data: dict[str, Any]) -> None:
    """The phone stands in for a customer number that is not known."""
    if "ph" in user_data and "external_id" not in user_data:
        user_data["external_id"] = user_data["ph"][:1]


@lru_cache(maxsize=1_000)
def _as_made(names: tuple[str, ...]) -> list[str]:
    """These match keys in the order in which they are made: those of the home first, then by their fields."""
    return sorted(names, key=lambda name: (name not in _AT_HOME, FIELD_OF_META[name]))


@lru_cache(maxsize=1_000)
def _in_order(fields: frozenset[str]) -> tuple[tuple[str, Key | None], ...]:
    """What else is read where these fields are given, with no key for the full name. Remembered, since they recur."""
    read = (fields & (BY_CUSTOMER_FIELD.keys() | {_FULL_NAME})) - _OF_HOME
    return tuple((field, BY_CUSTOMER_FIELD.get(field)) for field in sorted(read))


@lru_cache(maxsize=4_096)
def _home(
    city: str | None, region: str | None, country: str | None, phone_country: str | None, day: int
) -> tuple[dict[str, Any], list[Note], Setting]:
    """Where a customer lives, and so in which setting the rest is read.

    Remembered as a whole, since many customers share it; so nobody may change it. A city that can be in one region only
    tells it.
    """
    lives_in = country_rule(country, Setting()) if country else None
    setting = Setting(phone_country, lives_in if isinstance(lives_in, str) else None, day)
    user_data: dict[str, Any] = {}
    notes: list[Note] = []
    for field, text in (("city", city), ("country", country), ("region", region)):
        if text is not None:
            _in_hashes(BY_CUSTOMER_FIELD[field], text, setting, user_data, notes)
    told = region_of(city, setting) if city and "ct" in user_data and "st" not in user_data else None
    if told is not None:
        _in_hashes(_REGION, told, setting, user_data, notes)
    return user_data, notes, setting


def _in_hashes(
    key: Key, text: str, setting: Setting, user_data: dict[str, Any], notes: list[Note], about: str | None = None
) -> None:
    """Each different hash once, in the order given. `about` says where it comes from, if not from its own field."""
    if key.shared:
        reading = shared_digest(key, text, setting.phone_country, setting.customer_country)
    else:
        reading = digest(key, text, setting)
    if not isinstance(reading, str):
        notes.append(_note(about or key.about, reading))
        if reading.normal is None:
            return
        reading = reading.normal
    elif reading == NOTHING:
        return
    if key.meta not in user_data:
        user_data[key.meta] = [reading]
    elif reading not in user_data[key.meta]:
        user_data[key.meta].append(reading)


def _full_name(
    name: str, given: Mapping[str, Any], setting: Setting, user_data: dict[str, Any], notes: list[Note]
) -> None:
    """Read only where neither part is given by itself."""
    if given.get("first_name") is not None or given.get("last_name") is not None:
        return
    if len(name) >= SHORTEST and already_hashed(name):
        notes.append(_note("customer.name", _HASHED_NAME))
        return
    first, last = split(name)
    _in_hashes(_FIRST, first, setting, user_data, notes, "customer.name")
    if last:
        _in_hashes(_LAST, last, setting, user_data, notes, "customer.name")


def _in_the_clear(key: Key, text: str | None, setting: Setting, user_data: dict[str, Any], notes: list[Note]) -> None:
    if text is None or not text.strip():
        return
    reading = key.rule(text, setting)
    if isinstance(reading, Remark):
        notes.append(_note(key.about, reading))
    else:
        user_data[key.meta] = int(reading) if key.whole else reading


def _take_click(click: Click, seen_ms: int, setting: Setting, user_data: dict[str, Any], notes: list[Note]) -> None:
    """The cookie as it is, unless the landing page's address tells of another click: that one is newer."""
    _in_the_clear(_CTWA_CLID, click.ctwa_clid, setting, user_data, notes)
    _in_the_clear(_FBC, click.fbc, setting, user_data, notes)
    _in_the_clear(_FBP, click.fbp, setting, user_data, notes)
    if not click.fbclid or holds(user_data.get("fbc", ""), click.fbclid):
        return
    reading = fbclid(click.fbclid, setting)
    if isinstance(reading, Remark):
        notes.append(_note("click.fbclid", reading))
        return
    created_ms = seen_ms
    if click.clicked_at is not None and in_seconds(click.clicked_at):
        created_ms = click.clicked_at * 1_000
    elif click.clicked_at is not None:
        notes.append(_note("click.clicked_at", IN_MILLISECONDS))
    user_data["fbc"] = fbc_of(reading, created_ms)


def _about(note: Note) -> str:
    return note.about


def _note(about: str | None, remark: Remark) -> Note:
    return Note(about or "event", remark.code, remark.text)
