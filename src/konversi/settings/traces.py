"""The setting of traces; all that OpenTelemetry is told otherwise are its own OTEL_* variables."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class TraceSettings(BaseSettings):
    """Off, nothing of OpenTelemetry is loaded."""

    traces: bool = Field(
        default=False,
        validation_alias="KONVERSI_TRACES",
        description="OpenTelemetry traces (extra `otel`), to where the OTEL_* variables say.",
    )
