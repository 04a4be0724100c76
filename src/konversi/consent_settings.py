"""The settings of consent: what silence means, and which words in a chat are a decision."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class ConsentSettings(BaseSettings):
    """Without any, everything that is reported is sent, until a customer says no."""

    consent: Literal["assumed", "required"] = Field(
        "assumed",
        validation_alias="KONVERSI_CONSENT",
        description="What it means that nobody recorded a customer's consent: `assumed` sends, `required` withholds.",
    )
