"""The table of match keys: which field becomes which key of Meta's `user_data`, by which rule, hashed or not.

Code and documentation both read it. Source: Meta, Conversions API: customer information parameters; keys marked "SDKs
only" are in Meta's software but not on that page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from konversi.matching import address, birth, clicks, country, email, gender, ids, names, phone, places

if TYPE_CHECKING:
    from konversi.matching.reading import Rule


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One match key."""

    about: str | None  # where the value comes from, as callers write it: "customer.phone"; None: no field of ours
    meta: str  # Meta's name in user_data
    rule: Rule
    words: str  # the rule, for people
    hashed: bool = False  # sent as a list of SHA-256 hashes, else in the clear as a scalar
    shared: bool = False  # many customers have the same value: its hash may be remembered
    whole: bool = False  # Meta wants a number, not text

    @property
    def field(self) -> str:
        """The last part of `about`; Meta's own name where there is no field."""
        return (self.about or self.meta).rpartition(".")[2]


_LETTERS = "lower-case letters only: no spaces, digits or punctuation; UTF-8"
_NAME = "lower-case letters and digits: no spaces or punctuation; UTF-8"
_DIGITS = "the id that Meta gave out: digits"
_OPAQUE = "as received"

KEYS: tuple[Key, ...] = (
    Key("customer.email", "em", email.email_address, "trimmed, lower-case", hashed=True),
    Key("customer.phone", "ph", phone.phone, "digits with the country code, no plus, no leading zeros", hashed=True),
    Key("customer.first_name", "fn", names.person_name, _NAME, hashed=True),
    Key("customer.last_name", "ln", names.person_name, _NAME, hashed=True),
    Key("customer.gender", "ge", gender.gender, "m or f", hashed=True, shared=True),
    Key("customer.birth_date", "db", birth.birth_date, "YYYYMMDD, from 1900 on", hashed=True),
    Key("customer.city", "ct", places.city, _LETTERS, hashed=True, shared=True),
    Key("customer.region", "st", places.region, f"{_LETTERS}; two letters in the USA", hashed=True, shared=True),
    Key(
        "customer.postal_code",
        "zp",
        places.postal_code,
        "lower-case letters and digits before the dash; five digits in the USA",
        hashed=True,
    ),
    Key("customer.country", "country", country.country, "ISO 3166-1 alpha-2, lower-case", hashed=True, shared=True),
    Key(
        "customer.whatsapp_user_id",
        "external_id",
        ids.external_id,
        "the business-scoped user id, beside external_id: lower-case without white space",
        hashed=True,
    ),
    Key("customer.external_id", "external_id", ids.external_id, "lower-case without white space", hashed=True),
    Key("client.ip", "client_ip_address", address.public_ip, "the customer's public IPv4 or IPv6 address"),
    Key("client.user_agent", "client_user_agent", address.user_agent, "the customer's browser, as received"),
    Key(
        "click.fbc", "fbc", clicks.fbc, "fb.<index>.<milliseconds>.<fbclid>; built from fbclid where there is no cookie"
    ),
    Key("click.fbp", "fbp", clicks.fbp, "fb.<index>.<milliseconds>.<digits>"),
    Key("click.ctwa_clid", "ctwa_clid", clicks.ctwa_clid, _OPAQUE),
    Key("customer.subscription_id", "subscription_id", ids.opaque, _OPAQUE),
    Key("customer.fb_login_id", "fb_login_id", ids.digits, "the app-scoped id: a whole number", whole=True),
    Key("customer.lead_id", "lead_id", ids.lead_id, "Meta lead ads' id: a whole number of 15 to 17 digits", whole=True),
    Key("customer.anon_id", "anon_id", ids.opaque, _OPAQUE),
    Key("customer.madid", "madid", ids.advertising_id, "the mobile advertising id, as received"),
    Key("customer.page_id", "page_id", ids.digits, _DIGITS),
    Key("customer.page_scoped_user_id", "page_scoped_user_id", ids.digits, _DIGITS),
    Key("customer.whatsapp_business_account_id", "whatsapp_business_account_id", ids.digits, _DIGITS),
    Key("customer.ig_account_id", "ig_account_id", ids.digits, _DIGITS),
    Key(None, "instagram_business_account_id", ids.digits, f"{_DIGITS}; some of Meta's samples write ig_account_id so"),
    Key("customer.ig_sid", "ig_sid", ids.digits, _DIGITS),
    Key("customer.f5first", "f5first", names.first_five, "the first five of the first name; SDKs only", hashed=True),
    Key("customer.f5last", "f5last", names.first_five, "the first five of the last name; SDKs only", hashed=True),
    Key("customer.fi", "fi", names.initial, "the first letter of the first name; SDKs only", hashed=True),
    Key("customer.dobd", "dobd", birth.birth_day, "day of birth, two digits; SDKs only", hashed=True, shared=True),
    Key("customer.dobm", "dobm", birth.birth_month, "month of birth, two digits; SDKs only", hashed=True, shared=True),
    Key("customer.doby", "doby", birth.birth_year, "year of birth, four digits; SDKs only", hashed=True),
    Key(None, "app_user_id", ids.external_id, "lower-case without white space; SDKs only", hashed=True),
    Key(None, "partner_id", ids.opaque, _OPAQUE),
    Key(None, "partner_name", ids.opaque, _OPAQUE),
)

BY_META: dict[str, Key] = {key.meta: key for key in KEYS}
BY_CUSTOMER_FIELD: dict[str, Key] = {key.field: key for key in KEYS if key.about and key.about.startswith("customer.")}
# In which of the customer's fields a match key that is known already can be told.
FIELD_OF_META: dict[str, str] = {key.meta: field for field, key in BY_CUSTOMER_FIELD.items()} | {
    "external_id": "external_id"
}
BY_NAME: dict[str, Key] = {key.field: key for key in KEYS} | BY_META
