"""The settings of what ads cost: which accounts, and how they are asked."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings

ADS_SECRETS = ("META_ADS_TOKEN",)
_ACCOUNT = re.compile(r"(?:act_)?([0-9]{5,20})").fullmatch


class AdsSettings(BaseSettings):
    """Nothing is asked until an account is named."""

    ad_account_id: str | None = Field(
        None,
        validation_alias="META_AD_ACCOUNT_ID",
        description="Ad accounts whose spend is pulled: `act_123456789`, several with commas.",
    )
    ads_token: SecretStr | None = Field(
        None,
        validation_alias="META_ADS_TOKEN",
        description="Token that may read these accounts (`ads_read`); META_CONVERSION_API_TOKEN where unset.",
    )
    insights_version: Annotated[str, StringConstraints(pattern=r"^v[0-9]{1,3}\.[0-9]$")] = Field(
        "v26.0",
        validation_alias="META_INSIGHTS_VERSION",
        description="Version of the Marketing API, for spend and custom conversions; versions for events live longer.",
    )
    action_types: dict[Literal["conversations", "bookings", "payments"], list[str]] = Field(
        default_factory=dict,
        validation_alias="META_ACTION_TYPES",
        description='What Meta counts as each, the first that an account has: `{"payments": ["omni_purchase"]}`.',
    )

    @field_validator("ad_account_id")
    @classmethod
    def _accounts(cls, value: str | None) -> str | None:
        if value is not None and not all(_ACCOUNT(part.strip()) for part in value.split(",")):
            raise ValueError("must be ids such as act_123456789, with commas between them")
        return value

    @cached_property
    def ad_accounts(self) -> tuple[str, ...]:
        """The accounts, as `act_...`, each once."""
        named = (part for part in (self.ad_account_id or "").split(",") if part.strip())
        return tuple(dict.fromkeys(map(account_named, named)))


def account_named(text: str) -> str:
    """An account's id as Graph writes it. Raises `ValueError`."""
    found = _ACCOUNT(text.strip())
    if found is None:
        raise ValueError(text)
    return f"act_{found[1]}"
