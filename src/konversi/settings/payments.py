"""The settings of payments: whose notifications are taken, what names the booking, and what part payments count as."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings

PAYMENT_SECRETS = ("MIDTRANS_SERVER_KEY", "XENDIT_CALLBACK_TOKEN", "STRIPE_WEBHOOK_SECRET")

_Fields = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\- ]+(,[A-Za-z0-9_.\- ]+)*$", max_length=300)]


class PaymentSettings(BaseSettings):
    """A provider's door is closed until its secret is set."""

    midtrans_server_key: SecretStr | None = Field(
        None,
        validation_alias="MIDTRANS_SERVER_KEY",
        description="Midtrans's server key, with which `/webhooks/midtrans` is signed.",
    )
    xendit_callback_token: SecretStr | None = Field(
        None,
        validation_alias="XENDIT_CALLBACK_TOKEN",
        description="Xendit's webhook verification token, which `/webhooks/xendit` carries.",
    )
    stripe_webhook_secret: SecretStr | None = Field(
        None,
        validation_alias="STRIPE_WEBHOOK_SECRET",
        description="Stripe's signing secret (`whsec_...`) of `/webhooks/stripe`; needs `konversi[stripe]`.",
    )
    midtrans_booking_field: _Fields = Field(
        "metadata.booking_id,order_id",
        validation_alias="MIDTRANS_BOOKING_FIELD",
        description="Fields of Midtrans's notifications that are, or begin with, the booking's id.",
    )
    xendit_booking_field: _Fields = Field(
        "metadata.booking_id,external_id,reference_id",
        validation_alias="XENDIT_BOOKING_FIELD",
        description="The same for Xendit; of payments, fields below `data`.",
    )
    stripe_booking_field: _Fields = Field(
        "metadata.booking_id,client_reference_id",
        validation_alias="STRIPE_BOOKING_FIELD",
        description="The same for Stripe; fields of the session, payment intent or charge.",
    )
    part_payments: Literal["each", "first", "full"] = Field(
        "each",
        validation_alias="KONVERSI_PART_PAYMENTS",
        description="What of a booking's payments is a Purchase: `each`, the `first`, or all once paid in `full`.",
    )
