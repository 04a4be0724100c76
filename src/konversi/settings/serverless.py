"""The settings of a gateway that runs only while it is called."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

SERVERLESS_SECRET = "CRON_SECRET"  # noqa: S105 - a variable's name, which Vercel chose


class ServerlessSettings(BaseSettings):
    """They change nothing for `konversi serve`."""

    deliver_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        3.0,
        validation_alias="KONVERSI_DELIVER_SECONDS",
        description="Serverless: how long a call waits at most for the delivery of what it brought.",
    )
    cron_seconds: Annotated[float, Field(ge=1, le=800)] = Field(
        40.0,
        validation_alias="KONVERSI_CRON_SECONDS",
        description="Serverless: how long a call of `/internal/deliver` works at most; the platform must allow more.",
    )
    cron_secret: SecretStr | None = Field(
        None,
        validation_alias=SERVERLESS_SECRET,
        description="Serverless: what the scheduler sends to `/internal/deliver`, as `Authorization: Bearer`.",
    )
