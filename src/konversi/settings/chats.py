"""The settings of the chat side: webhooks, what is handed on, and which click counts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

CHAT_SECRETS = (
    "WHATSAPP_VERIFY_TOKEN",
    "WHATSAPP_APP_SECRET",
    "MESSENGER_VERIFY_TOKEN",
    "MESSENGER_APP_SECRET",
    "TWILIO_AUTH_TOKEN",
    "BAILEYS_WEBHOOK_SECRET",
)


class ChatSettings(BaseSettings):
    """A webhook's door is closed until its secret is set."""

    whatsapp_verify_token: SecretStr | None = Field(
        None,
        validation_alias="WHATSAPP_VERIFY_TOKEN",
        description="The verify token that you gave Meta for `/webhooks/whatsapp`.",
    )
    whatsapp_app_secret: SecretStr | None = Field(
        None,
        validation_alias="WHATSAPP_APP_SECRET",
        description="Secret of the Meta app that signs `/webhooks/whatsapp`.",
    )
    whatsapp_forward_url: str | None = Field(
        None,
        validation_alias="WHATSAPP_FORWARD_URL",
        description="Your own bot's webhook: every WhatsApp call is handed on to it as it came, with its signature.",
    )
    messenger_verify_token: SecretStr | None = Field(
        None,
        validation_alias="MESSENGER_VERIFY_TOKEN",
        description="The verify token that you gave Meta for `/webhooks/messenger`.",
    )
    messenger_app_secret: SecretStr | None = Field(
        None,
        validation_alias="MESSENGER_APP_SECRET",
        description="Secret of the Meta app that signs `/webhooks/messenger` (Messenger and Instagram).",
    )
    twilio_auth_token: SecretStr | None = Field(
        None, validation_alias="TWILIO_AUTH_TOKEN", description="Twilio's auth token, which signs `/webhooks/twilio`."
    )
    baileys_secret: SecretStr | None = Field(
        None,
        validation_alias="BAILEYS_WEBHOOK_SECRET",
        description="What Evolution API or WAHA must send as `Authorization: Bearer` or `X-Webhook-Secret`.",
    )
    public_url: str | None = Field(
        None,
        validation_alias="KONVERSI_PUBLIC_URL",
        description="Address under which the internet reaches Konversi; Twilio signs it.",
    )
    attribution_days: Annotated[int, Field(ge=1, le=90)] = Field(
        7,
        validation_alias="KONVERSI_ATTRIBUTION_DAYS",
        description="Days for which an ad click counts; Meta takes a click id for 7.",
    )
    attribution_model: Literal["last", "first"] = Field(
        "last",
        validation_alias="KONVERSI_ATTRIBUTION",
        description="Which of several ad clicks within those days gets the conversion.",
    )
    customer_days: Annotated[int, Field(ge=0, le=3_650)] = Field(
        0,
        validation_alias="KONVERSI_CUSTOMER_DAYS",
        description="Days after their last booking or purchase for which customers are remembered, as keyed hashes, to"
        " tell Meta who is new and who came back. With 0 nobody is, and Meta isn't told.",
    )
    journey_days: Annotated[int, Field(ge=7, le=3_650)] = Field(
        400,
        validation_alias="KONVERSI_JOURNEY_DAYS",
        description="Days after its last message for which a conversation, its clicks and its tool calls are kept.",
    )
