"""The setup guide's shape: `{"type": "booking", "customerPhone": ..., "totalValue": ...}`. Pure."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from konversi.events.conversion import (
    FIELD_NAMES,
    Amount,
    Channel,
    Click,
    Client,
    Conversion,
    Customer,
    Identifier,
    Number,
    Own,
    Preferences,
    Service,
    Several,
    Text,
    Whole,
)
from konversi.events.names import GUIDE_TYPES

_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_NO_CONTROL)]
_Type = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=_NO_CONTROL)]


_CUSTOMER = {  # a customer's fields as the guide writes them
    "phone": "customerPhone",
    "name": "customerName",
    "email": "customerEmail",
    "first_name": "firstName",
    "last_name": "lastName",
    "gender": "gender",
    "birth_date": "birthDate",
    "city": "city",
    "region": "region",
    "postal_code": "postalCode",
    "country": "country",
    "external_id": "externalId",
    "lead_id": "leadId",
    "language": "language",
    "preferences": "preferences",
}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class GuideService(_Shape):
    """A service as the guide writes it."""

    serviceName: _Name  # noqa: N815 - the guide's own name
    price: Amount | None = None
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    id: Identifier | None = None
    category: Identifier | None = None


class GuideConversion(_Shape):
    """The body of `POST /api/meta/conversion`."""

    type: _Type
    customerPhone: Several | None = None  # noqa: N815
    customerName: Text | None = None  # noqa: N815
    customerEmail: Several | None = None  # noqa: N815
    firstName: Text | None = None  # noqa: N815
    lastName: Text | None = None  # noqa: N815
    gender: Text | None = None
    birthDate: Text | None = None  # noqa: N815
    externalId: Several | None = None  # noqa: N815
    leadId: Whole | Text | None = None  # noqa: N815
    language: Text | None = None
    preferences: Preferences | None = None
    totalValue: Amount | None = None  # noqa: N815
    currency: Text | None = None
    services: Annotated[tuple[GuideService, ...], Field(max_length=100)] = ()
    bookingId: Identifier | None = None  # noqa: N815
    eventId: Identifier | None = None  # noqa: N815
    paymentId: Identifier | None = None  # noqa: N815
    city: Text | None = None
    region: Text | None = None
    postalCode: Text | None = None  # noqa: N815
    country: Text | None = None
    source: Text | None = None
    occurredAt: Number | Text | None = None  # noqa: N815
    dataset: Identifier | None = None
    limitedDataUse: Annotated[bool, Field(strict=True)] | Text | None = None  # noqa: N815
    channel: Channel | None = None
    click: Click | None = None
    client: Client | None = None
    custom: Annotated[dict[Identifier, Own], Field(max_length=50)] = Field(default_factory=dict)

    def __repr_args__(self) -> Any:
        """Holds identities: prints none of them."""
        return [(name, "***") for name in sorted(self.model_fields_set)]

    def conversion(self) -> Conversion:
        """The same in Konversi's words."""
        return Conversion(
            event=GUIDE_TYPES.get(self.type.lower(), self.type),
            event_id=self.eventId,
            booking_id=self.bookingId,
            payment_id=self.paymentId,
            occurred_at=self.occurredAt,
            customer=self._customer(),
            value=self.totalValue,
            currency=self.currency,
            services=tuple(
                Service(name=one.serviceName, price=one.price, quantity=one.quantity, id=one.id, category=one.category)
                for one in self.services
            ),
            channel=self.channel,
            click=self.click,
            client=self.client,
            source=self.source or "whatsapp_ai",
            dataset=self.dataset,
            limited_data_use=self.limitedDataUse,
            custom=self.custom,
        )

    def _customer(self) -> Customer:
        given = {field: getattr(self, name) for field, name in _CUSTOMER.items()}
        return Customer.model_construct(**{field: value for field, value in given.items() if value is not None})


FIELDS: frozenset[str] = FIELD_NAMES | frozenset(GuideConversion.model_fields) | frozenset(GuideService.model_fields)

# Fields of a conversion that the guide calls otherwise, so that a refusal speaks of what the caller sent.
_GUIDE_NAMES = {
    "event": "type",
    "customer": "customerPhone",
    **{f"customer.{field}": name for field, name in _CUSTOMER.items()},
    "value": "totalValue",
    "occurred_at": "occurredAt",
    "booking_id": "bookingId",
    "payment_id": "paymentId",
    "event_id": "eventId",
    "limited_data_use": "limitedDataUse",
}


def guide_field(field: str) -> str:
    """The guide's name of a field."""
    return _GUIDE_NAMES.get(field, field)


def masked(pixel_id: str | None) -> str | None:
    """The pixel id as the guide shows it: the first four digits."""
    return f"{pixel_id[:4]}****" if pixel_id else None


def as_json(given: dict[str, Any]) -> dict[str, Any]:
    """An answer without its empty members."""
    return {name: value for name, value in given.items() if value is not None and value != []}
