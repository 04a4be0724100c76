"""What callers send about users and API keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from konversi.access.roles import Role, Scope  # noqa: TC001 - pydantic reads the annotations

_Password = Annotated[str, StringConstraints(max_length=2_000)]
_UserName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewUser(_Form):
    """Somebody who may log in on the pages."""

    name: _UserName
    password: _Password = Field(repr=False)
    role: Role


class ChangedUser(_Form):
    """Another role, another password, or both. A new password ends the user's sessions."""

    role: Role | None = None
    password: _Password | None = Field(None, repr=False)


class NewKey(_Form):
    """An API key: what it is for, and what it is good for."""

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*$")
    ]
    scope: Scope
