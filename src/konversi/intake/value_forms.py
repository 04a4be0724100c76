"""What is asked about value rules."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from konversi.value.rules import LONGEST


class DryRun(BaseModel):
    """Rules to try, as TOML; those in effect where left out."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    rules: Annotated[str, StringConstraints(max_length=LONGEST)] | None = None
