"""Options that many commands have."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs.")]
Given = Annotated[str | None, Parameter(negative="")]
