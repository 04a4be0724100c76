"""The settings of alerts: whom to tell when something needs a person."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

ALERT_SECRETS = ("KONVERSI_ALERT_WEBHOOK_SECRET", "KONVERSI_SMTP_URL")


class AlertSettings(BaseSettings):
    """Nobody is told where neither a webhook nor an e-mail address is set; alerts are kept and shown all the same."""

    alert_webhook_url: str | None = Field(
        None,
        validation_alias="KONVERSI_ALERT_WEBHOOK_URL",
        description="https address that gets each alert as JSON, signed.",
    )
    alert_webhook_secret: SecretStr | None = Field(
        None,
        validation_alias="KONVERSI_ALERT_WEBHOOK_SECRET",
        description="Secret that signs them (Standard Webhooks); `whsec_` and Base64, or any text.",
    )
    alert_private: bool = Field(
        default=False,
        validation_alias="KONVERSI_ALERT_PRIVATE",
        description="Whether that address may be in a private network.",
    )
    alert_email_to: str | None = Field(
        None,
        validation_alias="KONVERSI_ALERT_EMAIL_TO",
        description="Who gets each alert by e-mail; several with commas.",
    )
    alert_email_from: str | None = Field(
        None,
        validation_alias="KONVERSI_ALERT_EMAIL_FROM",
        description="Sender of those e-mails; the SMTP user where unset.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        validation_alias="KONVERSI_SMTP_URL",
        description="`smtp://USER:PASSWORD@HOST:587` (STARTTLS) or `smtps://USER:PASSWORD@HOST:465`.",
    )
