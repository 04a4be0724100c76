"""From what is known of a customer to the match keys that Meta gets: normalised, hashed, with a note on every doubt."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.events.faults import Note
from konversi.matching.clicks import IN_MILLISECONDS, fbc_of, fbclid, holds, in_seconds
from konversi.matching.country import country as country_rule
from konversi.matching.digest import digest, shared_digest
from konversi.matching.hashed import SHORTEST, already_hashed
from konversi.matching.keys import BY_CUSTOMER_FIELD, BY_META, Key
from konversi.matching.names import split
from konversi.matching.places import region_of
from konversi.matching.reading import Remark, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from konversi.events.conversion import Click, Client, Customer

_FIRST, _LAST = BY_META["fn"], BY_META["ln"]
_REGION = BY_META["st"]
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
) -> Match:
    """Normalise and hash a customer.

    `country` is the ISO alpha-2 code in which national phone numbers are read; it is never sent as the customer's own.
    `seen_ms` (Unix milliseconds) is when the click is taken to have been, unless the click says so itself.
    """
    gathered = _gathered(customer.__dict__, customer.__pydantic_fields_set__, country, seen_ms // _DAY_MS)
    if click is not None:
        gathered.take_click(click, seen_ms)
    if client is not None:
        gathered.in_the_clear(_IP, client.ip)
        gathered.in_the_clear(_USER_AGENT, client.user_agent)
    return Match(gathered.user_data, gathered.different_notes())


def match_ids(given: Mapping[str, str], *, country: str | None, day: int) -> Match:
    """As `match`, for fields of a customer that are known to be well-formed texts: the ids that a platform tells.

    `day` is in whole days since 1970.
    """
    gathered = _gathered(given, given, country, day)
    return Match(gathered.user_data, gathered.different_notes())


def _gathered(given: Mapping[str, Any], fields: Iterable[str], country: str | None, day: int) -> _Gathered:
    gathered = _Gathered(_setting(country, given.get("country"), day))
    for field in sorted(fields):
        value = given[field]
        if value is None:
            continue
        key = BY_CUSTOMER_FIELD.get(field)
        if key is None:
            if field == _FULL_NAME:
                gathered.full_name(value, given)
        elif key.hashed and isinstance(value, str):
            gathered.in_hashes(key, value)
        else:
            gathered.take(key, value)
    user_data = gathered.user_data
    if "ct" in user_data and "st" not in user_data:
        gathered.region_of(given["city"])
    if "ph" in user_data and "external_id" not in user_data:
        user_data["external_id"] = user_data["ph"][:1]
    return gathered


@lru_cache(maxsize=1_000)
def _setting(phone_country: str | None, customer_country: str | None, day: int) -> Setting:
    lives_in = country_rule(customer_country, Setting()) if customer_country else None
    return Setting(phone_country, lives_in if isinstance(lives_in, str) else None, day)


@lru_cache(maxsize=8_192)
def _region_of(city: str, phone_country: str | None, customer_country: str | None) -> str | None:
    """The hash of the region in which the city certainly is. Remembered, since many customers share it."""
    setting = Setting(phone_country, customer_country)
    region = region_of(city, setting)
    return None if region is None else digest(_REGION, region, setting)[0]


class _Gathered:
    """The match keys and notes so far."""

    __slots__ = ("notes", "setting", "user_data")

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.user_data: dict[str, Any] = {}
        self.notes: list[Note] = []

    def take(self, key: Key, value: int | str | list[str]) -> None:
        if key.hashed and isinstance(value, list):
            for text in value:
                self.in_hashes(key, text)
        else:
            self.in_the_clear(key, str(value))

    def in_hashes(self, key: Key, text: str, about: str | None = None) -> None:
        """Each different hash once, in the order given. `about` says where it comes from, if not from its own field."""
        if key.shared:
            hashed, remark = shared_digest(key, text, self.setting.phone_country, self.setting.customer_country)
        else:
            hashed, remark = digest(key, text, self.setting)
        if remark is not None:
            self._note(about or key.about, remark)
        if hashed is None:
            return
        user_data = self.user_data
        if key.meta not in user_data:
            user_data[key.meta] = [hashed]
        elif hashed not in user_data[key.meta]:
            user_data[key.meta].append(hashed)

    def region_of(self, city: str) -> None:
        """A city that can only be in one region tells it."""
        hashed = _region_of(city, self.setting.phone_country, self.setting.customer_country)
        if hashed is not None:
            self.user_data[_REGION.meta] = [hashed]

    def full_name(self, name: str, given: Mapping[str, Any]) -> None:
        """Read only where neither part is given by itself."""
        if given.get("first_name") is not None or given.get("last_name") is not None:
            return
        if len(name) >= SHORTEST and already_hashed(name):
            self._note("customer.name", _HASHED_NAME)
            return
        first, last = split(name)
        self.in_hashes(_FIRST, first, "customer.name")
        if last:
            self.in_hashes(_LAST, last, "customer.name")

    def in_the_clear(self, key: Key, text: str | None) -> None:
        if text is None or not text.strip():
            return
        reading = key.rule(text, self.setting)
        if isinstance(reading, Remark):
            self._note(key.about, reading)
        else:
            self.user_data[key.meta] = int(reading) if key.whole else reading

    def take_click(self, click: Click, seen_ms: int) -> None:
        """The cookie as it is, unless the landing page's address tells of another click: that one is newer."""
        self.in_the_clear(_CTWA_CLID, click.ctwa_clid)
        self.in_the_clear(_FBC, click.fbc)
        self.in_the_clear(_FBP, click.fbp)
        if not click.fbclid or holds(self.user_data.get("fbc", ""), click.fbclid):
            return
        reading = fbclid(click.fbclid, self.setting)
        if isinstance(reading, Remark):
            self._note("click.fbclid", reading)
            return
        created_ms = seen_ms
        if click.clicked_at is not None and in_seconds(click.clicked_at):
            created_ms = click.clicked_at * 1_000
        elif click.clicked_at is not None:
            self._note("click.clicked_at", IN_MILLISECONDS)
        self.user_data["fbc"] = fbc_of(reading, created_ms)

    def different_notes(self) -> tuple[Note, ...]:
        """Each once."""
        return tuple(dict.fromkeys(self.notes)) if self.notes else ()

    def _note(self, about: str | None, remark: Remark) -> None:
        self.notes.append(Note(about or "event", remark.code, remark.text))
