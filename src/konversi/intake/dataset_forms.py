"""What callers send about datasets and accounts."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from konversi.datasets.registry import OnInDoubt  # noqa: TC001 - pydantic reads the annotations

ID = r"^[0-9]{5,20}$"
_PLAIN = r"^[\x21-\x7e]{8,1000}$"
_LINE = r"^\+?[1-9][0-9]{6,19}$"

_GAPS = re.compile(r"[\s().-]+")


def _without_gaps(value: str) -> str:
    return _GAPS.sub("", value)


def _of_form(pattern: str, otherwise: str) -> tuple[AfterValidator, WithJsonSchema]:
    """A text of this form; what is said of another one tells what to give instead."""
    fits = re.compile(pattern).fullmatch

    def check(value: str) -> str:
        if not fits(value):
            raise ValueError(otherwise)
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "pattern": pattern})


MetaId = Annotated[
    str, StringConstraints(strip_whitespace=True), *_of_form(ID, "must be 5 to 20 digits, as Meta shows them.")
]
Secret = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    *_of_form(_PLAIN, "must be 8 to 1,000 plain characters without spaces; copy it again."),
]
Line = Annotated[
    str, AfterValidator(_without_gaps), *_of_form(_LINE, "must be a number as +62..., or Meta's phone_number_id.")
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Lines = Annotated[tuple[Line, ...], Field(max_length=100)]
Channel = Literal["whatsapp", "messenger", "instagram"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NewDataset(_Form):
    """A dataset with its token; sent again, it replaces the token."""

    id: MetaId
    token: Secret = Field(repr=False)
    name: Name | None = None
    app_secret: Secret | None = Field(None, repr=False)
    on_in_doubt: OnInDoubt | None = None


class NewAccount(_Form):
    """An account whose chats belong to a dataset: a WhatsApp Business Account, a Page or an Instagram account.

    `lines` are phone numbers of a WhatsApp Business Account: as `+62...`, or Meta's `phone_number_id`.
    """

    channel: Channel = "whatsapp"
    account: MetaId
    lines: Lines = ()


class AccountDataset(_Form):
    """How an account's own dataset is found or made at Meta. The token is kept with it.

    Without a token, the one that the account's dataset has already is used, else META_CONVERSION_API_TOKEN.
    """

    channel: Channel = "whatsapp"
    token: Secret | None = Field(None, repr=False)
    name: Name | None = None
    app_secret: Secret | None = Field(None, repr=False)
    on_in_doubt: OnInDoubt | None = None
    lines: Lines = ()
