"""What a business tells Konversi: a conversion (the intent). What Meta gets of it is composed elsewhere.

The same names serve JSON and Python, so one page of documentation serves both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from konversi.events.names import INITIATE_CHECKOUT, LEAD, PURCHASE

if TYPE_CHECKING:
    from collections.abc import Mapping

Channel = Literal["whatsapp", "messenger", "instagram", "website", "store", "phone", "crm", "app"]

_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_CONTROL)]
Text = Annotated[str, StringConstraints(max_length=500, pattern=_NO_CONTROL)]
LongText = Annotated[str, StringConstraints(max_length=2_048, pattern=_NO_CONTROL)]
Several = Text | Annotated[list[Text], Field(max_length=10)]
Whole = Annotated[int, Field(strict=True)]
Number = Whole | Annotated[float, Field(strict=True)]
# The bounds stand in each branch: around the union pydantic calls Python for each, which costs a tenth of all reading.
# The fraction comes first, since its branch says of any number out of bounds just that.
Amount = Annotated[float, Field(strict=True, ge=0, le=1e15)] | Annotated[int, Field(strict=True, ge=0, le=10**15)]
Own = Text | Number | Annotated[bool, Field(strict=True)]  # a value of custom data
Preferences = Annotated[dict[Identifier, Own | Annotated[list[Text], Field(max_length=20)]], Field(max_length=20)]


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class _Private(_Words):
    """Holds identities: prints none of them."""

    def __repr_args__(self) -> Any:
        return [(name, "***") for name in sorted(self.model_fields_set)]


class Customer(_Private):
    """Who converted, in the clear or already SHA-256 hashed (64 hexadecimal digits).

    Every value is normalised and hashed on arrival and never stored or logged in the clear, but for Meta's own ids,
    `language` and `preferences`, which tell of nobody. A value that can't be used is dropped with a note; what each
    becomes is in `docs/reference/matching.md`.
    """

    phone: Several | None = None  # any spelling; national ones are read in the dataset's default country
    email: Several | None = None
    name: Text | None = None  # a full name: the first word and the rest; a single word is a first name only
    first_name: Text | None = None
    last_name: Text | None = None
    gender: Text | None = None
    birth_date: Text | None = None  # ISO 8601 (1990-03-05) or YYYYMMDD
    city: Text | None = None
    region: Text | None = None  # state or province
    postal_code: Text | None = None
    country: Text | None = None  # ISO 3166-1 alpha-2 or alpha-3, or the English name
    external_id: Several | None = None  # the business's own customer number; the phone where none is given
    lead_id: Whole | Text | None = None  # Meta lead ads' id, 15 to 17 digits
    whatsapp_user_id: Text | None = None  # the business-scoped user id of a WhatsApp user, who may hide the phone
    whatsapp_business_account_id: Text | None = None
    page_id: Text | None = None
    page_scoped_user_id: Text | None = None
    ig_account_id: Text | None = None
    ig_sid: Text | None = None
    subscription_id: Text | None = None
    fb_login_id: Whole | Text | None = None
    anon_id: Text | None = None
    madid: Text | None = None
    f5first: Text | None = None
    f5last: Text | None = None
    fi: Text | None = None
    dobd: Text | None = None
    dobm: Text | None = None
    doby: Text | None = None
    language: Text | None = None  # ISO 639-1 (id), a tag (id-ID) or a name: custom data
    preferences: Preferences | None = None  # what the customer likes: custom data

    def given(self) -> Mapping[str, Any]:
        """The fields that were given, with what they hold."""
        fields = self.__dict__
        return {name: fields[name] for name in self.__pydantic_fields_set__}


class Service(_Words):
    """One thing booked or bought. `price` is for one piece, in major units of the conversion's currency."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_NO_CONTROL)]
    price: Amount | None = None
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    id: Identifier | None = None
    category: Identifier | None = None


class Click(_Private):
    """The ad click that led here. All are opaque and case-sensitive."""

    ctwa_clid: Text | None = None  # from the WhatsApp webhook's referral
    fbc: Text | None = None  # the _fbc cookie
    fbp: Text | None = None  # the _fbp cookie
    fbclid: Text | None = None  # from the landing page's address
    clicked_at: Annotated[int, Field(strict=True, ge=0)] | None = None  # Unix seconds at which fbclid was first seen


class Client(_Private):
    """The customer's own browser, for website conversions: never a proxy's or the bot's."""

    ip: Text | None = None
    user_agent: LongText | None = None
    page_url: LongText | None = None


class Conversion(_Words):
    """Something the business wants its ads to bring about.

    `value` is in major units of `currency` (IDR 150000 is one hundred and fifty thousand rupiah). `occurred_at` is Unix
    seconds or ISO 8601 with a time zone, and is "now" where absent.
    """

    event: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=_NO_CONTROL)]
    event_id: Identifier | None = None
    booking_id: Identifier | None = None
    payment_id: Identifier | None = None  # of a Purchase: it counts once by that, and joins its booking
    occurred_at: Number | Text | None = None
    customer: Customer = Customer()
    value: Amount | None = None
    currency: Text | None = None
    services: Annotated[tuple[Service, ...], Field(max_length=100)] = ()
    channel: Channel | None = None
    click: Click | None = None
    client: Client | None = None
    source: Text | None = None
    dataset: Identifier | None = None
    limited_data_use: Annotated[bool, Field(strict=True)] | Text | None = None  # or a state of the USA, such as CA
    custom: Annotated[dict[Identifier, Own], Field(max_length=50)] = Field(default_factory=dict)

    def said(self) -> bytes:
        """All that it says, as JSON: the same for the same conversion, however its fields were ordered."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


class Lead(Conversion):
    """A booking or an enquiry: Meta's `Lead`, or `LeadSubmitted` in a chat that an ad opened."""

    event: str = LEAD


class Purchase(Conversion):
    """A completed payment. Needs `value`."""

    event: str = PURCHASE


class InitiateCheckout(Conversion):
    """A booking attempt that is not finished yet."""

    event: str = INITIATE_CHECKOUT


FIELD_NAMES: frozenset[str] = frozenset(
    name for model in (Conversion, Customer, Service, Click, Client) for name in model.model_fields
)
