"""The settings of consent: what silence means, and which words in a chat are a decision."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]


class ConsentSettings(BaseSettings):
    """Without any, everything that is reported is sent, until a customer says no."""

    consent: Literal["assumed", "required"] = Field(
        "assumed",
        validation_alias="KONVERSI_CONSENT",
        description="What it means that nobody recorded a customer's consent: `assumed` sends, `required` withholds.",
    )
    limited_data_use: Literal["off", "usa", "all"] = Field(
        "off",
        validation_alias="KONVERSI_LIMITED_DATA_USE",
        description="Meta's Limited Data Use: `off`, for customers in the `usa` (by customer.country), or for `all`.",
    )
    stop_words: Words = Field(
        "STOP,BERHENTI,UNSUBSCRIBE",
        validation_alias="KONVERSI_STOP_WORDS",
        description="Messages in a chat that withdraw consent, with commas between them: whole messages, in any case.",
    )
    start_words: Words = Field(
        "START",
        validation_alias="KONVERSI_START_WORDS",
        description="Messages that grant it again; `-` for none.",
    )
