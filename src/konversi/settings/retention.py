"""The settings of how long things are kept, beside those of the rooms they belong to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

_Days = Annotated[int, Field(ge=1, le=3_650)]


class RetentionSettings(BaseSettings):
    """Each kind of data has its days; see `docs/how-to/keep-no-longer-than-needed.md`."""

    failed_days: _Days | None = Field(
        None,
        validation_alias="KONVERSI_FAILED_DAYS",
        description="Days for dead, expired, discarded and withheld events; as KONVERSI_RETENTION_DAYS where unset.",
    )
    agent_days: _Days | None = Field(
        None,
        validation_alias="KONVERSI_AGENT_DAYS",
        description="Days for which an agent's tool calls and answers are kept; as KONVERSI_JOURNEY_DAYS where unset.",
    )
    payment_days: _Days | None = Field(
        None,
        validation_alias="KONVERSI_PAYMENT_DAYS",
        description="Days for payments, from the last that was told of one; as KONVERSI_JOURNEY_DAYS where unset.",
    )
    import_days: _Days | None = Field(
        None,
        validation_alias="KONVERSI_IMPORT_DAYS",
        description="Days for which imports and their results are kept; as KONVERSI_RETENTION_DAYS where unset.",
    )
    consent_days: _Days = Field(
        1_826,
        validation_alias="KONVERSI_CONSENT_DAYS",
        description="Days for what a customer said about consent and took back later; what counts is kept.",
    )
