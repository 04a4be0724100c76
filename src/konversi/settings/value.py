"""The settings of what Meta is told that conversions are worth."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings


class ValueSettings(BaseSettings):
    """Without rules, values are told as they are given."""

    value_rules: Path | None = Field(
        None,
        validation_alias="KONVERSI_VALUE_RULES",
        description="TOML file with the rules of what Meta is told that conversions are worth; read at the start.",
    )
    value_learn_hours: Annotated[int, Field(ge=0, le=168)] = Field(
        6,
        validation_alias="KONVERSI_VALUE_LEARN_HOURS",
        description="Hours after which rules that use what past bookings teach learn again; 0: only when told to.",
    )
