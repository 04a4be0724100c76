"""Whom a call is about: any identity of a customer, hashed on arrival as that of a conversion is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from konversi.consent.people import is_named
from konversi.events.conversion import Customer, Several, Text
from konversi.events.faults import Fault, Refused
from konversi.journeys.identity import linked
from konversi.matching.hashed import already_hashed
from konversi.matching.keys import BY_CUSTOMER_FIELD
from konversi.matching.match import match
from konversi.matching.phone import national
from konversi.matching.reading import Remark, Setting

NOBODY = Fault(
    "phone",
    "nobody_named",
    "tells nobody apart.",
    "Send a phone, an e-mail, your customer number or the chat's user id.",
)


class Named(BaseModel):
    """A customer, by one identity or by several."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    phone: Several | None = None
    email: Several | None = None
    external_id: Several | None = None
    whatsapp_user_id: Text | None = None
    page_scoped_user_id: Text | None = None
    ig_sid: Text | None = None

    def __repr_args__(self) -> Any:
        """Holds identities: prints none of them."""
        return [(name, "***") for name in sorted(self.model_fields_set)]

    def in_the_clear(self, country: str | None) -> list[str]:
        """What was given as itself and not as a hash, normalised: for finding it in texts.

        A phone also as people of its country write it.
        """
        setting = Setting(country)
        found: list[str] = []
        for name in Named.model_fields:
            given = getattr(self, name) or ()
            for one in [given] if isinstance(given, str) else given:
                reading = BY_CUSTOMER_FIELD[name].rule(one, setting)
                normal = reading.normal if isinstance(reading, Remark) else reading
                if normal and not already_hashed(one):
                    found += [normal, one.strip()]
                    found += [national(normal)] if name == "phone" else []
        return list(dict.fromkeys(one for one in found if one))

    def user_data(self, country: str | None, now: float) -> dict[str, Any]:
        """Match keys, hashed. Raises `Refused` where nobody is named, or not so that it can be used.

        `country` is the one in which national phones are read, `now` Unix seconds.
        """
        given = {name: getattr(self, name) for name in Named.model_fields if getattr(self, name)}
        matched = match(Customer.model_validate(given), country=country, seen_ms=int(now * 1_000))
        if is_named(matched.user_data) and not matched.notes:
            return {**matched.user_data, **linked(self.whatsapp_user_id)}
        unused = [
            Fault(note.about.removeprefix("customer."), note.code, note.text, "Correct it.") for note in matched.notes
        ]
        raise Refused(unused or [NOBODY])
